#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "pickle/names.h"

/* "module name" of the other Python, "" for what it does not have; static. */
static const char *
renamed(int python, const char *module, const char *name)
{
    static char text[128];
    const uint8_t *m = (const uint8_t *)module, *n = (const uint8_t *)name;
    size_t m_len = strlen(module), n_len = strlen(name);

    if (!mpm__name_to(python, &m, &m_len, &n, &n_len))
        return "";
    snprintf(text, sizeof text, "%.*s %.*s", (int)m_len, (const char *)m, (int)n_len, (const char *)n);
    return text;
}

static void
rows_are_sorted_and_unique(void **state)
{
    (void)state;
    for (int python = 2; python <= 3; python++) {
        size_t n;
        const struct mpm_name_row *rows = mpm__name_rows(python, &n);

        assert_true(n > 100);
        for (size_t i = 1; i < n; i++) {
            int order = strcmp(rows[i - 1].module, rows[i].module);

            assert_true(order < 0 || (order == 0 && strcmp(rows[i - 1].name, rows[i].name) < 0));
        }
    }
}

static void
every_row_is_found(void **state)
{
    (void)state;
    for (int python = 2; python <= 3; python++) {
        size_t n;
        const struct mpm_name_row *rows = mpm__name_rows(python, &n);

        for (size_t i = 0; i < n; i++) {
            const char *name = rows[i].name[0] == '\0' ? "no_row_of_its_own" : rows[i].name;
            char want[128] = "";

            if (rows[i].new_module != NULL)
                snprintf(want, sizeof want, "%s %s", rows[i].new_module,
                    rows[i].name[0] == '\0' ? name : rows[i].new_name);
            assert_string_equal(renamed(python, rows[i].module, name), want);
        }
    }
}

static void
a_row_of_a_name_goes_before_the_row_of_its_module(void **state)
{
    (void)state;
    assert_string_equal(renamed(3, "__builtin__", "unicode"), "builtins str");
    assert_string_equal(renamed(3, "__builtin__", "set"), "builtins set");
    assert_string_equal(renamed(2, "builtins", "range"), "__builtin__ xrange");
    assert_string_equal(renamed(2, "builtins", "KeyError"), "exceptions KeyError");
    assert_string_equal(renamed(2, "builtins", "FileNotFoundError"), "exceptions OSError");
    assert_string_equal(renamed(2, "_queue", "Empty"), "Queue Empty");
}

static void
names_of_users_stay(void **state)
{
    (void)state;
    assert_string_equal(renamed(2, "__main__", "Point"), "__main__ Point");
    assert_string_equal(renamed(3, "builtin", "set"), "builtin set");
    assert_string_equal(renamed(3, "__builtin__x", "set"), "__builtin__x set");
    assert_string_equal(renamed(3, "", ""), " ");
}

static void
what_the_other_python_does_not_have_is_refused(void **state)
{
    (void)state;
    assert_string_equal(renamed(2, "builtins", "ascii"), "");
    assert_string_equal(renamed(2, "dataclasses", "field"), "");
    assert_string_equal(renamed(2, "datetime", "timezone"), "");
    assert_string_equal(renamed(2, "datetime", "datetime"), "datetime datetime");
    assert_string_equal(renamed(3, "__builtin__", "cmp"), "");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_sorted_and_unique),
        cmocka_unit_test(every_row_is_found),
        cmocka_unit_test(a_row_of_a_name_goes_before_the_row_of_its_module),
        cmocka_unit_test(names_of_users_stay),
        cmocka_unit_test(what_the_other_python_does_not_have_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
