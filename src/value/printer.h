/* printer.h - the inside of repr.c, for known.c, which prints instances of standard classes. Layer: value. */
#ifndef MPM_VALUE_PRINTER_H
#define MPM_VALUE_PRINTER_H

#include "value/read.h"
#include "value/repr.h"

struct mpm_task; /* something that is still to be printed */

/* One repr() in progress. What is printed later is on a stack of tasks, so nothing recurses. */
struct mpm_printer {
    const struct mpm_doc *doc;
    struct mpm_buf *out;
    struct mpm_buf scratch;      /* decoded text */
    struct mpm_task *tasks;
    size_t n_tasks, cap_tasks;
    uint32_t n_groups;           /* containers that are open */
    bool jumped;                 /* a container was reached by a memo reference */
    bool inside_itself;          /* the instance that is printed is inside itself */
    uint64_t work_left;          /* bytes that may yet be walked over or written */
};

/* Each plans something to be printed behind what is already there and in front of what was planned before: what comes
 * last in the text is planned first. They return 0 or MPM_ENOMEM. */
int mpm__print_later(struct mpm_printer *p, const char *text);                     /* static text */
int mpm__print_value_later(struct mpm_printer *p, struct mpm_item item);
/* items->v[from...], which is taken, between commas, then `closer`; pairs: keys and values of a dict. `root` is the
 * opcode that made the container: it shows as "..." inside itself. MPM_ELIMIT: too deep. */
int mpm__print_group_later(struct mpm_printer *p, struct mpm_items *items, size_t from, bool pairs, const char *closer,
    uint32_t root);

/* The same for names, which are text for certain, and values: "name=value". */
int mpm__print_attributes_later(struct mpm_printer *p, struct mpm_items *items, const char *closer, uint32_t root);

/* Counts work that is in no proportion to what is written for it, before it is done. 0 or MPM_ELIMIT: too much. */
int mpm__print_spend(struct mpm_printer *p, uint64_t work);

/* The parts of a value; counts the work. MPM_ETYPE: it has none; MPM_ELIMIT. Appended to *out. */
int mpm__print_parts(struct mpm_printer *p, struct mpm_item item, struct mpm_items *out);

/* An instance of a class that CPython's repr() shows otherwise than as `<module.Class object>`. Returns MPM_ETYPE when
 * it is none of them or not made as CPython pickles it; nothing was printed then. */
int mpm__print_known(struct mpm_printer *p, struct mpm_ref ref, const uint8_t *module, size_t module_len,
    const uint8_t *name, size_t name_len);

#endif
