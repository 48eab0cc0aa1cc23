/*
 * typename.c - what Python's messages call the type of a value. Layer: value.
 *
 * Classes of Python go by their name alone, those of C modules with their module. Knows those that can be pickled and
 * only what a pickle tells.
 */
#include "value/typename.h"

#include <stdio.h>
#include <string.h>

#include "pickle/names.h"

static const char *const kind_names[] = {
    [MPM_K_NONE] = "NoneType", [MPM_K_BOOL] = "bool", [MPM_K_INT] = "int", [MPM_K_FLOAT] = "float", [MPM_K_STR] = "str",
    [MPM_K_NATIVE] = "str", [MPM_K_BYTES] = "bytes", [MPM_K_BYTEARRAY] = "bytearray", [MPM_K_TUPLE] = "tuple",
    [MPM_K_LIST] = "list", [MPM_K_DICT] = "dict", [MPM_K_SET] = "set", [MPM_K_FROZENSET] = "frozenset",
    [MPM_K_GLOBAL] = "type", [MPM_K_OBJECT] = "object",
};

/* What stands where a class would, and is called otherwise. */
static const struct {
    const char *module, *name, *type;
} others[] = {
    { "_codecs", "encode", "bytes" },
    { "array", "array", "array.array" },
    { "builtins", "reversed", "list_reverseiterator" },
    { "array", "_array_reconstructor", "array.array" },
    { "collections", "OrderedDict", "collections.OrderedDict" },
    { "collections", "defaultdict", "collections.defaultdict" },
    { "collections", "deque", "collections.deque" },
    { "datetime", "date", "datetime.date" },
    { "datetime", "datetime", "datetime.datetime" },
    { "datetime", "time", "datetime.time" },
    { "datetime", "timedelta", "datetime.timedelta" },
    { "datetime", "timezone", "datetime.timezone" },
    { "decimal", "Decimal", "decimal.Decimal" },
    { "types", "SimpleNamespace", "types.SimpleNamespace" },
};

static bool
is_text(const uint8_t *bytes, size_t len, const char *text)
{
    return strlen(text) == len && memcmp(bytes, text, len) == 0;
}

/* Those that can be pickled by name. */
bool
mpm__is_builtin_function(const uint8_t *name, size_t len)
{
    static const char *const functions[] = { "abs", "aiter", "all", "anext", "any", "ascii", "bin", "breakpoint",
        "callable", "chr", "compile", "delattr", "dir", "divmod", "eval", "exec", "format", "getattr", "globals",
        "hasattr", "hash", "hex", "id", "input", "isinstance", "issubclass", "iter", "len", "locals", "max", "min",
        "next", "oct", "open", "ord", "pow", "print", "repr", "round", "setattr", "sorted", "sum", "vars",
        "__build_class__", "__import__" };

    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
        if (is_text(name, len, functions[i]))
            return true;
    return false;
}

static const char *
name_of_global(const uint8_t *module, size_t module_len, const uint8_t *name, size_t name_len)
{
    if (!is_text(module, module_len, "builtins"))
        return "type";
    if (is_text(name, name_len, "Ellipsis"))
        return "ellipsis";
    return mpm__is_builtin_function(name, name_len) ? "builtin_function_or_method" : "type";
}

/* The first argument of the call that makes an instance. False: it has none. */
static bool
first_argument(struct mpm_ref ref, struct mpm_ref *out)
{
    struct mpm_parts parts = { 0 }, args = { 0 };
    bool found = mpm__parts(ref, &parts) == 0 && parts.items.n > 1 && mpm__parts(mpm__part(&parts, 1), &args) == 0 &&
        args.items.n > 0;

    if (found)
        *out = mpm__part(&args, 0);
    mpm__parts_wipe(&args);
    mpm__parts_wipe(&parts);
    return found;
}

static const char *
name_of_iterator(struct mpm_ref ref)
{
    static const char *const names[] = { [MPM_K_STR] = "str_iterator", [MPM_K_BYTES] = "bytes_iterator",
        [MPM_K_BYTEARRAY] = "bytearray_iterator", [MPM_K_TUPLE] = "tuple_iterator", [MPM_K_LIST] = "list_iterator",
        [MPM_K_OBJECT] = "range_iterator" };
    struct mpm_ref of;
    int kind = first_argument(ref, &of) ? mpm__kind(&of) : -1;

    return kind >= 0 && kind <= MPM_K_OBJECT && names[kind] != NULL ? names[kind] : "iterator";
}

const char *
mpm__type_name(struct mpm_ref ref, char buf[64])
{
    struct mpm_ref class;
    const uint8_t *module, *name;
    size_t module_len, name_len;
    int kind = mpm__kind(&ref);

    if ((kind != MPM_K_OBJECT && kind != MPM_K_GLOBAL) ||
        mpm__read_global(ref, &module, &module_len, &name, &name_len) != 0)
        return kind > 0 ? kind_names[kind] : "object";
    (void)mpm__name_to(3, &module, &module_len, &name, &name_len);
    if (kind == MPM_K_GLOBAL)
        return name_of_global(module, module_len, name, name_len);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (is_text(name, name_len, others[i].name) && is_text(module, module_len, others[i].module))
            return others[i].type;
    if (is_text(module, module_len, "builtins") && is_text(name, name_len, "iter"))
        return name_of_iterator(ref);
    if (is_text(name, name_len, "RebuildProxy") && first_argument(ref, &class))
        (void)mpm__read_global(class, &module, &module_len, &name, &name_len);
    snprintf(buf, 64, "%.*s", (int)(name_len < 60 ? name_len : 60), (const char *)name);
    return buf;
}
