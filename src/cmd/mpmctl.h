/* mpmctl.h - what the files of mpmctl share. Layer: cmd. */
#ifndef MPM_CMD_MPMCTL_H
#define MPM_CMD_MPMCTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <mpmd/mpmd.h>

#include "server/key.h"

enum { CTL_USAGE = 2 };
/* What ctl_inspect() returns besides 0 and CTL_FAILED: the server is CPython's own, or one like it. */
enum { CTL_FAILED = -1, CTL_IS_STOCK = 1 };

/* --- mpmctl_settings.c: options, environment, file ---------------------------------------------------------------- */

struct ctl {
    /* From the command line: */
    const char *address;      /* NULL: not known */
    const char *config;       /* NULL: where it is usually */
    struct mpm_key key;
    int64_t timeout_ns;       /* of connecting, and of a call; 0: as the library has it, and without end */
    int64_t interval_ns;      /* top */
    uint64_t n_times;         /* top; 0: without end */
    bool json;
    bool wants_help, wants_version;
    const char *command;      /* NULL: none */
    char **args;              /* behind it; from argv */
    int n_args;
    char *owned[3];           /* from the file */
    /* Once connected: */
    struct mpm_client *client;
};

/* Reads the command line. Returns 0 or MPM_EINVAL (err: what is wrong, with which value, and what to do). */
int ctl_options(struct ctl *c, int argc, char **argv, struct mpm_error *err);
/* Fills in what the options did not give: from the environment, then the file. Returns 0, MPM_EINVAL or MPM_EIO. */
int ctl_defaults(struct ctl *c, struct mpm_error *err);
void ctl_wipe(struct ctl *c);
void ctl_help(FILE *out);

/* --- mpmctl_text.c: what may go to a terminal, and JSON ----------------------------------------------------------- */

/* n items of that size, old ones kept; ends the program when there is no memory. */
void *ctl_more(void *items, size_t n, size_t size);
/* A copy with a NUL behind it. */
char *ctl_copy(const char *text, size_t len);

/* Prints text from elsewhere: control characters, and what would change the order or be invisible, come out as escapes.
 * Returns how many columns that took. */
int ctl_put(FILE *out, const char *text, size_t len);
/* The same, and blanks up to that many columns. */
void ctl_pad(const char *text, int columns);
/* "1.5 s", "3 min 20 s", "2 h 5 min", "4 d 3 h" */
const char *ctl_duration(double seconds, char out[40]);
/* "mpmctl: ..." on standard error, escaped. Returns EXIT_FAILURE. */
int ctl_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same for the code and the text of a library function. */
int ctl_fail_with(const struct ctl *c, int code, const struct mpm_error *err);

/* JSON on standard output, ASCII only. key NULL: an item of a list. */
void json_begin(const char *key, char bracket);
void json_end(char bracket);
void json_text(const char *key, const char *text); /* NULL: null */
void json_int(const char *key, int64_t v);
void json_int_or_null(const char *key, int64_t v); /* negative: null */
void json_number(const char *key, double v);       /* not finite: null */
void json_bool(const char *key, bool v);
void json_null(const char *key);
/* A Python value; what JSON has nothing for becomes its repr(). False: it is too long. */
bool json_value(const char *key, struct mpm_ref value);
/* Ends the document's line. */
void json_line(void);

/* --- mpmctl_ask.c: what the server says --------------------------------------------------------------------------- */

/* mpmd_inspect(what, argument). The document is to be closed. Returns 0, CTL_IS_STOCK, or CTL_FAILED, which was told. */
int ctl_inspect(struct ctl *c, const char *what, const char *argument, struct mpm_document **out);
/* The same that tells nothing: returns what mpm_request() does, or CTL_IS_STOCK. */
int ctl_try_inspect(struct ctl *c, const char *what, const char *argument, struct mpm_document **out,
    struct mpm_error *err);
/* Calls take(user, item, the server's time) for each item of a list, page by page. Returns as ctl_inspect() does. */
struct row;
int ctl_each(struct ctl *c, const char *what, void (*take)(void *user, const struct row *row, double time), void *user);

/* A dict, taken apart. */
struct row {
    struct mpm_ref *parts;
    size_t n;
};
int row_open(struct mpm_ref dict, struct row *row); /* MPM_ETYPE: no dict */
void row_close(struct row *row);
bool row_get(const struct row *row, const char *key, struct mpm_ref *out);
/* What is not there, or of another type, is -1, NAN, "" or NULL. Texts are copies, to be freed. */
int64_t row_int(const struct row *row, const char *key);
double row_number(const struct row *row, const char *key);
char *row_text(const struct row *row, const char *key);
bool row_is_none(const struct row *row, const char *key);

/* Who calls or holds. */
struct who {
    int64_t owner;   /* 0: dead; -1: nobody */
    int64_t pid;     /* -1: not known */
    char *process;   /* NULL: not known */
    char *thread;
    char *peer;      /* NULL: not connected */
};
void who_read(const struct ctl *c, const struct row *row, struct who *who);
void who_wipe(struct who *who);
/* "pid 12 (python3) MainProcess" */
char *who_text(const struct who *who);
/* The keys of an owner, into the JSON object that is begun. */
void who_json(const struct who *who);
/* comm of a process of this host; NULL: not known. */
char *ctl_process_name(const struct ctl *c, int64_t pid);

/* --- mpmctl_waits.c: who waits, who holds, and whether that ends -------------------------------------------------- */

struct wait {
    int64_t number;
    char *ident, *typeid, *name, *method;
    char *held_up_by;     /* NULL: not by holders */
    double seconds;       /* so far */
    double left;          /* until its timeout; NAN: none */
    struct who who;
    /* Once situation_find_cycles() has run, of what holds it up: */
    const char *awaited;  /* its typeid, borrowed; NULL: nobody holds it */
    bool by_the_dead;     /* all who hold it are gone, and may never let go */
};

struct hold {
    char *ident, *typeid, *name;
    double seconds, since;
    int64_t count;
    struct who who;
};

/* Those who wait for each other and will do so for ever. */
struct cycle {
    const struct wait **waits; /* each is held up by what the next one holds, the last one by the first */
    size_t n;
};

struct situation {
    struct wait *waits;
    size_t n_waits;
    struct hold *holds;
    size_t n_holds;
    /* Once situation_find_cycles() has run: */
    struct cycle *cycles;
    size_t n_cycles;
};

/* Looks for cycles in what was put together. Takes linear time, but for sorting. */
void situation_find_cycles(struct situation *s);
/* Leaves only those cycles that are in a later situation, too: waiters are listed before holders, so what one list
 * shows may be over when the other is made. Who waits at both times waited all the time between. */
void situation_confirm(struct situation *s, const struct situation *later);
void situation_wipe(struct situation *s);

/* --- the commands: exit codes ------------------------------------------------------------------------------------- */

int ctl_ping(struct ctl *c);
int ctl_shutdown(struct ctl *c);
int ctl_call(struct ctl *c);
int ctl_ls(struct ctl *c);
int ctl_show(struct ctl *c);
int ctl_waiters(struct ctl *c);
int ctl_holders(struct ctl *c);
int ctl_top(struct ctl *c);

#endif
