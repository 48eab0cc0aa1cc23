#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "object/object.h"
#include "server/options.h"

static struct mpm_options o;
static struct mpm_error err;

/* Parses the words, up to a NULL. */
static int
parse(const char *first, ...)
{
    static char *argv[32];
    int argc = 0;
    va_list ap;

    argv[argc++] = "mpmd";
    va_start(ap, first);
    for (const char *word = first; word != NULL; word = va_arg(ap, const char *))
        argv[argc++] = (char *)(uintptr_t)word;
    va_end(ap);
    argv[argc] = NULL;
    mpm__options_wipe(&o);
    memset(&err, 0, sizeof err);
    return mpm__options_parse(&o, argc, argv, &err);
}

/* One option with a good key beside it. */
static int
with(const char *name, const char *value)
{
    return parse("--authkey-fd", "0", name, value, (char *)NULL);
}

static void
refused(const char *name, const char *value, const char *why)
{
    assert_int_equal(with(name, value), MPM_EINVAL);
    if (strstr(err.text, name) == NULL || strstr(err.text, why) == NULL)
        fail_msg("'%s' does not say %s and '%s'", err.text, name, why);
}

static int
tear_down(void **state)
{
    (void)state;
    mpm__options_wipe(&o);
    return 0;
}

static void
everything_has_its_default(void **state)
{
    (void)state;
    assert_int_equal(parse("--authkey-file", "k", (char *)NULL), 0);
    assert_int_equal(o.n_listen, 0);
    assert_int_equal(o.n_registered, 0);
    assert_int_equal(o.key.source, MPM_KEY_FILE);
    assert_string_equal(o.key.name, "k");
    assert_int_equal(o.ready_fd, 1);
    assert_int_equal(o.lifeline_fd, -1);
    assert_int_equal(o.setup_fd, -1);
    assert_int_equal(o.on_owner_death, MPM_DEATH_KEEP);
    assert_false(o.queue_requests);
    assert_int_equal(o.max_connections, 16384);
    assert_int_equal(o.max_message, 256 << 20);
    assert_int_equal(o.max_memory, 0);
    assert_int_equal(o.auth_timeout_ns, 10000000000);
    assert_int_equal(o.log_level, MPM_LOG_INFO);
}

static void
every_option_arrives(void **state)
{
    (void)state;
    assert_int_equal(parse("--listen", "/tmp/s", "--listen=127.0.0.1:0", "--authkey-env", "KEY", "--ready-fd", "5",
                         "--lifeline-fd", "0", "--register", "get_lock=Lock", "--register", "s=Semaphore(2)",
                         "--on-owner-death", "release", "--when-parked", "queue", "--max-connections", "7",
                         "--setup-fd", "6", (char *)NULL), 0);
    assert_int_equal(o.n_listen, 2);
    assert_int_equal(o.listen[1].u.any.sa_family, AF_INET);
    assert_int_equal(o.key.source, MPM_KEY_ENV);
    assert_int_equal(o.ready_fd, 5);
    assert_int_equal(o.lifeline_fd, 0);
    assert_int_equal(o.setup_fd, 6);
    assert_int_equal(o.n_registered, 2);
    assert_string_equal(o.registered[1], "s=Semaphore(2)");
    assert_int_equal(o.on_owner_death, MPM_DEATH_RELEASE);
    assert_true(o.queue_requests);
    assert_int_equal(o.max_connections, 7);
    assert_int_equal(with("--on-owner-death", "break"), 0);
    assert_int_equal(o.on_owner_death, MPM_DEATH_BREAK);
    assert_int_equal(with("--on-owner-death", "keep"), 0);
    assert_int_equal(o.on_owner_death, MPM_DEATH_KEEP);
    assert_int_equal(with("--when-parked", "cancel"), 0);
    assert_false(o.queue_requests);
    assert_int_equal(o.key.source, MPM_KEY_FD);
    assert_int_equal(o.key.fd, 0);
    assert_int_equal(with("--log-level", "debug"), 0);
    assert_int_equal(o.log_level, MPM_LOG_DEBUG);
}

static void
bytes_may_have_a_suffix(void **state)
{
    (void)state;
    assert_int_equal(with("--max-message", "4096"), 0);
    assert_int_equal(o.max_message, 4096);
    assert_int_equal(with("--max-message", "64K"), 0);
    assert_int_equal(o.max_message, 65536);
    assert_int_equal(with("--max-message", "3m"), 0);
    assert_int_equal(o.max_message, 3 << 20);
    assert_int_equal(with("--max-memory", "64G"), 0);
    assert_int_equal(o.max_memory, INT64_C(64) << 30);
    assert_int_equal(with("--max-memory", "0"), 0);
    refused("--max-message", "4G", "4294967295");
    refused("--max-message", "10", "from 1024");
    refused("--max-message", "1KB", "K, M and G");
    refused("--max-message", "1T", "'1T'");
    refused("--max-message", "", "bytes");
    refused("--max-message", "K", "bytes");
    refused("--max-memory", "99999999999G", "bytes");
    refused("--max-memory", "99999999999999999999", "bytes");
    refused("--max-memory", "-1", "bytes");
}

static void
seconds_may_have_a_fraction(void **state)
{
    (void)state;
    assert_int_equal(with("--auth-timeout", "2"), 0);
    assert_int_equal(o.auth_timeout_ns, 2000000000);
    assert_int_equal(with("--auth-timeout", "0.25"), 0);
    assert_int_equal(o.auth_timeout_ns, 250000000);
    assert_int_equal(with("--auth-timeout", "1.0000000019"), 0);
    assert_int_equal(o.auth_timeout_ns, 1000000001);
    assert_int_equal(with("--auth-timeout", ".5"), 0);
    assert_int_equal(o.auth_timeout_ns, 500000000);
    assert_int_equal(with("--auth-timeout", "0"), 0);
    assert_int_equal(o.auth_timeout_ns, MPM_FOREVER);
    refused("--auth-timeout", "soon", "'soon'");
    refused("--auth-timeout", "", "seconds");
    refused("--auth-timeout", ".", "seconds");
    refused("--auth-timeout", "-1", "seconds");
    refused("--auth-timeout", "1e3", "seconds");
    refused("--auth-timeout", "1.5s", "seconds");
    refused("--auth-timeout", "99999999999", "seconds");
}

static void
a_bad_value_is_named_with_its_option_and_what_to_give(void **state)
{
    (void)state;
    refused("--listen", "127.0.0.1:70000", "127.0.0.1:70000");
    refused("--listen", "", "empty");
    refused("--ready-fd", "x", "descriptor");
    refused("--lifeline-fd", "-1", "descriptor");
    refused("--register", "get_lock", "NAME=TYPE");
    refused("--register", "=Lock", "NAME=TYPE");
    refused("--register", "x=", "NAME=TYPE");
    refused("--on-owner-death", "ignore", "keep, release or break");
    refused("--when-parked", "drop", "cancel or queue");
    refused("--max-connections", "0", "from 1 to");
    refused("--max-connections", "many", "'many'");
    refused("--max-connections", "", "number");
    refused("--log-level", "loud", "error, warning, info or debug");
    refused("--authkey-file", "x", "second authkey");
    refused("--authkey-env", "x", "second authkey");
}

static void
a_wrong_command_line_says_what_is_wrong(void **state)
{
    (void)state;
    assert_int_equal(parse((char *)NULL), MPM_EINVAL);
    assert_non_null(strstr(err.text, "no authkey: give --authkey-file"));
    assert_int_equal(parse("--authkey-fd", "0", "--frobnicate", (char *)NULL), MPM_EINVAL);
    assert_non_null(strstr(err.text, "--frobnicate: unknown"));
    assert_int_equal(parse("--authkey-fd", "0", "-x", (char *)NULL), MPM_EINVAL);
    assert_non_null(strstr(err.text, "-x: unknown"));
    assert_int_equal(parse("--authkey-fd", (char *)NULL), MPM_EINVAL);
    assert_non_null(strstr(err.text, "--authkey-fd: a value is missing"));
    assert_int_equal(parse("--help=please", (char *)NULL), MPM_EINVAL);
    assert_non_null(strstr(err.text, "no value"));
    assert_int_equal(parse("--authkey-fd", "0", "localhost:5000", (char *)NULL), MPM_EINVAL);
    assert_non_null(strstr(err.text, "'localhost:5000'"));
    assert_int_equal(parse("--authkey-file", "-", "--lifeline-fd", "0", (char *)NULL), MPM_EINVAL);
    assert_non_null(strstr(err.text, "at once"));
    assert_int_equal(with("--authkey-file", ""), MPM_EINVAL);
}

static void
help_and_version_need_nothing_else(void **state)
{
    (void)state;
    assert_int_equal(parse("--help", (char *)NULL), 0);
    assert_true(o.wants_help);
    assert_int_equal(parse("-h", (char *)NULL), 0);
    assert_true(o.wants_help);
    assert_int_equal(parse("--version", (char *)NULL), 0);
    assert_true(o.wants_version);
    assert_int_equal(parse("-V", (char *)NULL), 0);
    assert_true(o.wants_version);
}

static void
help_tells_of_every_option_within_a_terminal(void **state)
{
    char *text = NULL, name[64];
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    (void)state;
    mpm__options_help(out);
    fclose(out);
    for (size_t i = 0; i < mpm__n_options; i++) {
        snprintf(name, sizeof name, "--%s", mpm__option_table[i].name);
        assert_non_null(strstr(text, name));
    }
    for (size_t i = 0; mpm_type_name(i) != NULL; i++)
        assert_non_null(strstr(strstr(text, "\nTypes:"), mpm_type_name(i)));
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n"))
        assert_true(strlen(line) <= 100);
    free(text);
}

/* The options that the man page has entries for: ".It Fl -name", ".It Fl x , Fl -name", with "Ar ARGUMENT". */
static void
the_man_page_has_exactly_the_options_of_the_table(void **state)
{
    const char *srcdir = getenv("top_srcdir");
    char path[512], line[512];
    bool seen[64] = {false};
    FILE *page;

    (void)state;
    snprintf(path, sizeof path, "%s/doc/man/mpmd.1", srcdir != NULL ? srcdir : ".");
    page = fopen(path, "r");
    if (page == NULL)
        fail_msg("%s cannot be read", path);
    while (fgets(line, sizeof line, page) != NULL) {
        char *at = strncmp(line, ".It Fl ", 7) == 0 ? strstr(line, "Fl -") : NULL, name[64], argument[64] = "";
        size_t i;

        if (at == NULL)
            continue;
        sscanf(at, "Fl -%63s Ar %63[^\n]", name, argument);
        for (i = 0; i < mpm__n_options && strcmp(mpm__option_table[i].name, name) != 0; i++)
            ;
        if (i == mpm__n_options)
            fail_msg("%s: --%s is not an option", path, name);
        if (seen[i])
            fail_msg("%s: --%s stands there twice", path, name);
        seen[i] = true;
        if (strcmp(argument, mpm__option_table[i].argument != NULL ? mpm__option_table[i].argument : "") != 0)
            fail_msg("%s: --%s has the argument '%s'", path, name, argument);
        if (mpm__option_table[i].short_name != 0 && line[7] != mpm__option_table[i].short_name)
            fail_msg("%s: --%s lacks its short form", path, name);
    }
    fclose(page);
    for (size_t i = 0; i < mpm__n_options; i++)
        if (!seen[i])
            fail_msg("%s: --%s is missing", path, mpm__option_table[i].name);
}

/* --- the key ------------------------------------------------------------------------------------------------------ */

static char key_path[64];

static void
key_file(const char *bytes, size_t len, mode_t mode)
{
    int fd;

    strcpy(key_path, "/tmp/mpmd-test-key-XXXXXX");
    fd = mkstemp(key_path);
    assert_int_equal(write(fd, bytes, len), len);
    fchmod(fd, mode);
    close(fd);
}

static int
read_file(void)
{
    int r;

    assert_int_equal(parse("--authkey-file", key_path, (char *)NULL), 0);
    r = mpm__key_read(&o.key, &err);
    unlink(key_path);
    return r;
}

static void
key_is(const char *bytes, size_t len)
{
    assert_int_equal(o.key.len, len);
    assert_memory_equal(o.key.bytes, bytes, len);
}

static void
a_key_file_loses_one_final_newline_and_nothing_else(void **state)
{
    (void)state;
    key_file("secret\n", 7, 0600);
    assert_int_equal(read_file(), 0);
    key_is("secret", 6);
    key_file(" a\0b\r\n\n", 7, 0400);
    assert_int_equal(read_file(), 0);
    key_is(" a\0b\r\n", 6);
    key_file("no newline", 10, 0600);
    assert_int_equal(read_file(), 0);
    key_is("no newline", 10);
}

static void
a_key_file_that_others_can_read_is_refused(void **state)
{
    const mode_t modes[] = {0644, 0640, 0604, 0602, 0777};

    (void)state;
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        key_file("secret\n", 7, modes[i]);
        assert_int_equal(read_file(), MPM_EIO);
        assert_non_null(strstr(err.text, "chmod 600 /tmp/mpmd-test-key-"));
    }
}

static void
a_credential_of_systemd_is_taken_with_its_access_list(void **state)
{
    (void)state;
    key_file("secret\n", 7, 0440);
    setenv("CREDENTIALS_DIRECTORY", "/tmp", 1);
    assert_int_equal(read_file(), 0);
    key_file("secret\n", 7, 0440);
    setenv("CREDENTIALS_DIRECTORY", "/tm", 1);
    assert_int_equal(read_file(), MPM_EIO);
    unsetenv("CREDENTIALS_DIRECTORY");
}

static void
an_empty_or_missing_or_endless_key_is_refused(void **state)
{
    (void)state;
    key_file("\n", 1, 0600);
    assert_int_equal(read_file(), MPM_EIO);
    assert_non_null(strstr(err.text, "empty"));
    assert_int_equal(parse("--authkey-file", "/nonexistent/key", (char *)NULL), 0);
    assert_int_equal(mpm__key_read(&o.key, &err), MPM_EIO);
    assert_non_null(strstr(err.text, "/nonexistent/key: No such file or directory; make it: umask 077"));
    assert_int_equal(parse("--authkey-file", "/dev/zero", (char *)NULL), 0);
    assert_int_equal(mpm__key_read(&o.key, &err), MPM_EIO);
    assert_non_null(strstr(err.text, "longer than 65536 bytes"));
    assert_int_equal(parse("--authkey-env", "MPMD_TEST_NO_SUCH", (char *)NULL), 0);
    assert_int_equal(mpm__key_read(&o.key, &err), MPM_EIO);
    assert_non_null(strstr(err.text, "MPMD_TEST_NO_SUCH"));
    assert_int_equal(parse("--authkey-fd", "999", (char *)NULL), 0);
    assert_int_equal(mpm__key_read(&o.key, &err), MPM_EIO);
    assert_non_null(strstr(err.text, "--authkey-fd 999"));
}

static void
a_key_in_the_environment_is_taken_whole_and_wiped(void **state)
{
    char *value;

    (void)state;
    setenv("MPMD_TEST_KEY", "secret\n", 1);
    value = getenv("MPMD_TEST_KEY");
    assert_int_equal(parse("--authkey-env", "MPMD_TEST_KEY", (char *)NULL), 0);
    assert_int_equal(mpm__key_read(&o.key, &err), 0);
    key_is("secret\n", 7);
    assert_null(getenv("MPMD_TEST_KEY"));
    assert_int_equal(value[0], 0);
}

static void
a_key_from_a_descriptor_is_every_byte_of_it(void **state)
{
    char number[16];
    int fd[2];

    (void)state;
    assert_int_equal(pipe(fd), 0);
    assert_int_equal(write(fd[1], "binary\n", 7), 7);
    close(fd[1]);
    snprintf(number, sizeof number, "%d", fd[0]);
    assert_int_equal(parse("--authkey-fd", number, (char *)NULL), 0);
    assert_int_equal(mpm__key_read(&o.key, &err), 0);
    key_is("binary\n", 7);
    assert_int_equal(fcntl(fd[0], F_GETFD), -1);
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(everything_has_its_default),
        TEST(every_option_arrives),
        TEST(bytes_may_have_a_suffix),
        TEST(seconds_may_have_a_fraction),
        TEST(a_bad_value_is_named_with_its_option_and_what_to_give),
        TEST(a_wrong_command_line_says_what_is_wrong),
        TEST(help_and_version_need_nothing_else),
        TEST(help_tells_of_every_option_within_a_terminal),
        TEST(the_man_page_has_exactly_the_options_of_the_table),
        TEST(a_key_file_loses_one_final_newline_and_nothing_else),
        TEST(a_key_file_that_others_can_read_is_refused),
        TEST(a_credential_of_systemd_is_taken_with_its_access_list),
        TEST(an_empty_or_missing_or_endless_key_is_refused),
        TEST(a_key_in_the_environment_is_taken_whole_and_wiped),
        TEST(a_key_from_a_descriptor_is_every_byte_of_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
