/* value.h - read and build Python values without Python. Public. */
#ifndef MPMD_VALUE_H
#define MPMD_VALUE_H

#include <stddef.h>
#include <stdint.h>

#include <mpmd/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Values travel as pickles. They are neither executed nor decoded: a document is a pickle that was checked once, front
 * to back, and a value is a place in it. So reading costs nothing for what is not looked at, and classes need not
 * exist.
 *
 * Python: the pickle protocols 0 to 5, Lib/pickletools.py.
 */
struct mpm_document;

/** What a value is. A reference to a value that stands elsewhere in the document is that value. */
enum mpm_kind {
    MPM_K_NONE = 1,
    MPM_K_BOOL,
    MPM_K_INT,       /* of any size */
    MPM_K_FLOAT,
    MPM_K_STR,
    MPM_K_NATIVE,    /* str of Python 2: bytes that are text when they are ASCII */
    MPM_K_BYTES,
    MPM_K_BYTEARRAY, /* by the opcode of protocol 5; otherwise it is an MPM_K_OBJECT */
    MPM_K_TUPLE,
    MPM_K_LIST,
    MPM_K_DICT,
    MPM_K_SET,
    MPM_K_FROZENSET,
    MPM_K_GLOBAL,    /* a class or function, by name */
    MPM_K_OBJECT     /* an instance: a callable with arguments, and its state */
};

/** A place in a document: the bytes [start, end), at whose end the next value or the opcode that consumes this one
 * begins. `root` is the opcode that completes it: of `K\1K\2\x86`, the pair (1, 2), the \x86. */
struct mpm_item {
    uint32_t start;
    uint32_t root;
    uint32_t end;
};

struct mpm_doc;

/** One value, borrowed from its document and passed by value. Its fields are the library's own; doc NULL: no value. */
struct mpm_ref {
    const struct mpm_doc *doc;
    struct mpm_item item;
};

/**
 * Check a pickle and keep a copy of it.
 *
 * bytes, len  borrowed; at most 4 GiB
 * out         returned, free with mpm_document_close()
 *
 * Returns 0, MPM_EBADPICKLE (err: which opcode, where), MPM_ELIMIT (nested too deep), MPM_EUNSUP (persistent ids,
 * extension codes) or MPM_ENOMEM. No input can make it run code, recurse without end, or take more than a small
 * multiple of len. Since 0.1.
 */
MPM_API int mpm_document_open(const void *bytes, size_t len, struct mpm_document **out, struct mpm_error *err);

/** NULL is allowed. All values of the document go with it. Since 0.1. */
MPM_API void mpm_document_close(struct mpm_document *document);

/** Its value. Since 0.1. */
MPM_API struct mpm_ref mpm_document_root(const struct mpm_document *document);

/* --- reading: each returns 0, MPM_ETYPE (another kind), MPM_ERANGE (does not fit) or MPM_ENOMEM, and leaves what it would
 * have returned untouched on failure. Pointers are into the document. ----------------------------------------------------- */

/** One of enum mpm_kind, or MPM_ENOMEM. Since 0.1. */
MPM_API int mpm_kind(struct mpm_ref ref);
MPM_API int mpm_read_bool(struct mpm_ref ref, int *out);
/** An int or bool. Since 0.1. */
MPM_API int mpm_read_int64(struct mpm_ref ref, int64_t *out);
/** An int of any size as little-endian two's complement into out[0..room); *len: how many bytes it has, also when
 * MPM_ERANGE says that they do not fit. Since 0.1. */
MPM_API int mpm_read_bigint(struct mpm_ref ref, uint8_t *out, size_t room, size_t *len);
/** A float, int or bool. Since 0.1. */
MPM_API int mpm_read_double(struct mpm_ref ref, double *out);
/** A str (or a str of Python 2) as UTF-8, without a NUL behind it; lone surrogates as Python's surrogatepass writes
 * them. MPM_EUNSUP: a protocol-0 literal with escapes. Since 0.1. */
MPM_API int mpm_read_text(struct mpm_ref ref, const char **text, size_t *len);
/** bytes, a bytearray that is MPM_K_BYTEARRAY, or a str of Python 2; not copied. Since 0.1. */
MPM_API int mpm_read_bytes(struct mpm_ref ref, const void **bytes, size_t *len);
/** 1 when it is a str equal to that text, else 0. Since 0.1. */
MPM_API int mpm_text_is(struct mpm_ref ref, const char *text);
/** Module and name of a class or function, or of the class of an instance. Since 0.1. */
MPM_API int mpm_read_class(struct mpm_ref ref, const char **module, size_t *module_len, const char **name, size_t *name_len);

/**
 * The parts of a tuple, list, set or frozenset; keys and values in turn of a dict; of an instance its callable, its
 * arguments and each state.
 *
 * parts  returned, free with mpm_free(); NULL when there are none
 *
 * Since 0.1.
 */
MPM_API int mpm_read_parts(struct mpm_ref ref, struct mpm_ref **parts, size_t *n);

/** The value of a str key of a dict; MPM_EGONE: there is no such key. Takes time in proportion to the dict. Since
 * 0.1. */
MPM_API int mpm_dict_find(struct mpm_ref dict, const char *key, struct mpm_ref *out);

/**
 * What Python's repr() gives, as UTF-8 with a NUL behind it.
 *
 * out  returned, free with mpm_free()
 *
 * Returns 0, MPM_ELIMIT (nested too deep, or a text of more than 256 MiB: values that share parts can mean any length),
 * MPM_ERANGE (an int of more than 4300 digits) or MPM_ENOMEM. Since 0.1.
 */
MPM_API int mpm_repr(struct mpm_ref ref, char **out, size_t *len);

/** Memory that the library returned. NULL is allowed. Since 0.1. */
MPM_API void mpm_free(void *memory);

/* --- building ----------------------------------------------------------------------------------------------------- */

/**
 * Writes one value after another into a pickle. Containers are begun and ended:
 *
 *     mpm_put_begin(b, MPM_K_DICT);
 *     mpm_put_text(b, "answer", 6);
 *     mpm_put_int(b, 42);
 *     mpm_put_end(b);
 *
 * Failures stick: the puts return nothing, mpm_builder_finish() says what went wrong first.
 */
struct mpm_builder;

/** protocol: 2 (Python 2.7 reads it), 3, 4 or 5; 0: 4, which CPython 3.4 and later read. Free with mpm_builder_close().
 * Returns 0, MPM_EINVAL or MPM_ENOMEM. Since 0.1. */
MPM_API int mpm_builder_open(int protocol, struct mpm_builder **out);
MPM_API void mpm_builder_close(struct mpm_builder *builder);
/** Forgets what was put, keeps the memory. Since 0.1. */
MPM_API void mpm_builder_clear(struct mpm_builder *builder);

MPM_API void mpm_put_none(struct mpm_builder *builder);
MPM_API void mpm_put_bool(struct mpm_builder *builder, int v);
MPM_API void mpm_put_int(struct mpm_builder *builder, int64_t v);
/** Little-endian two's complement. Since 0.1. */
MPM_API void mpm_put_bigint(struct mpm_builder *builder, const void *bytes, size_t len);
MPM_API void mpm_put_double(struct mpm_builder *builder, double v);
/** A str; UTF-8 (MPM_EINVAL otherwise). Python 2.7 gets a unicode. Since 0.1. */
MPM_API void mpm_put_text(struct mpm_builder *builder, const char *utf8, size_t len);
/** The same for a string that ends in NUL. Since 0.1. */
MPM_API void mpm_put_string(struct mpm_builder *builder, const char *utf8);
/** bytes; Python 2.7 gets a str. Since 0.1. */
MPM_API void mpm_put_bytes(struct mpm_builder *builder, const void *bytes, size_t len);
/** A class or function by its Python 3 name. Since 0.1. */
MPM_API void mpm_put_class(struct mpm_builder *builder, const char *module, const char *name);
/** A value of a document, as it is, for a reader of this protocol (MPM_EUNSUP: it has nothing like it). Since 0.1. */
MPM_API void mpm_put_ref(struct mpm_builder *builder, struct mpm_ref ref);

/**
 * A Python literal, as ast.literal_eval() takes it: `{'a': [1, 2.5, b'x', None]}`, also `set()` and `frozenset({1})`.
 *
 * Returns 0, MPM_EINVAL (err: what is wrong, and where) or MPM_ENOMEM; the builder is then to be cleared. Since 0.1.
 */
MPM_API int mpm_put_literal(struct mpm_builder *builder, const char *text, struct mpm_error *err);

/** Begins a MPM_K_TUPLE, _LIST, _DICT (keys and values in turn), _SET, _FROZENSET, or _OBJECT: a callable
 * (mpm_put_class()), a tuple of arguments, and, when wanted, a state; that is an instance as cls.__new__(cls,
 * *arguments) makes it. Since 0.1. */
MPM_API void mpm_put_begin(struct mpm_builder *builder, enum mpm_kind kind);
/** As MPM_K_OBJECT, but the callable is called: callable(*arguments). Since 0.1. */
MPM_API void mpm_put_begin_call(struct mpm_builder *builder);
MPM_API void mpm_put_end(struct mpm_builder *builder);

/**
 * The pickle of the one value that was put.
 *
 * bytes, len  returned: the builder's, valid until the next put, clear or close
 *
 * Returns 0, MPM_EINVAL (none or several values, an open container, a dict with half a pair, text that is not UTF-8),
 * MPM_ELIMIT (too deep), MPM_EUNSUP or MPM_ENOMEM. Since 0.1.
 */
MPM_API int mpm_builder_finish(struct mpm_builder *builder, const void **bytes, size_t *len, struct mpm_error *err);

#ifdef __cplusplus
}
#endif
#endif
