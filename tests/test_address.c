#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <netinet/in.h>
#include <string.h>

#include "net/address.h"

/* Text in, text out; NULL: the same text. */
static void
check(const char *text, int family, const char *formatted)
{
    char out[MPM_ADDRESS_TEXT];
    struct mpm_error err = {0};
    struct mpm_address a;

    assert_int_equal(mpm__address_parse(text, &a, &err), 0);
    assert_int_equal(a.u.any.sa_family, family);
    assert_string_equal(mpm__address_format(&a, out), formatted != NULL ? formatted : text);
}

static void
refused(const char *text, const char *why)
{
    struct mpm_error err = {0};
    struct mpm_address a, before;

    memset(&a, 0x55, sizeof a);
    before = a;
    assert_int_equal(mpm__address_parse(text, &a, &err), MPM_EINVAL);
    assert_memory_equal(&a, &before, sizeof a);
    if (strstr(err.text, why) == NULL)
        fail_msg("'%s': '%s' does not say '%s'", text, err.text, why);
}

static void
a_text_with_a_slash_or_without_a_colon_is_a_path(void **state)
{
    (void)state;
    check("/run/mpmd.sock", AF_UNIX, NULL);
    check("./a:1", AF_UNIX, NULL);
    check("mpmd", AF_UNIX, NULL);
}

static void
a_path_may_fill_the_socket_address_and_no_more(void **state)
{
    char path[110];

    (void)state;
    memset(path, 'p', sizeof path);
    path[107] = '\0';
    check(path, AF_UNIX, NULL);
    path[107] = 'p';
    path[108] = '\0';
    refused(path, "at most 107 bytes, this one has 108");
    path[0] = '@'; /* an abstract name of 107 bytes, as long as CPython allows */
    check(path, AF_UNIX, NULL);
    path[108] = 'p';
    path[109] = '\0';
    refused(path, "at most 107 bytes, this one has 108");
}

static void
an_abstract_name_has_no_final_nul(void **state)
{
    struct mpm_address a;

    (void)state;
    check("@mpmd", AF_UNIX, NULL);
    check("@a/b:1", AF_UNIX, NULL);
    assert_int_equal(mpm__address_parse("@mpmd", &a, NULL), 0);
    assert_int_equal(a.len, offsetof(struct sockaddr_un, sun_path) + 5);
    refused("@", "name is missing");
}

static void
host_and_port_are_an_internet_address(void **state)
{
    struct mpm_address a;

    (void)state;
    check("127.0.0.1:0", AF_INET, NULL);
    check("0.0.0.0:65535", AF_INET, NULL);
    check("localhost:5000", AF_INET, "127.0.0.1:5000");
    check("[::1]:5000", AF_INET6, NULL);
    check("[::]:0", AF_INET6, NULL);
    assert_int_equal(mpm__address_parse("127.0.0.1:258", &a, NULL), 0);
    assert_int_equal(ntohs(((struct sockaddr_in *)(void *)&a.u)->sin_port), 258);
    assert_int_equal(a.len, sizeof(struct sockaddr_in));
}

static void
a_bad_address_is_named_and_corrected(void **state)
{
    (void)state;
    refused("", "empty");
    refused("127.0.0.1:", "port");
    refused("127.0.0.1:65536", "65535");
    refused("127.0.0.1:99999999999999999999", "65535");
    refused("127.0.0.1:-1", "127.0.0.1:-1");
    refused("127.0.0.1:http", "port");
    refused("127.0.0.1:+5", "port");
    refused(":5000", "host is missing");
    refused("::1:5000", "brackets");
    refused("[::1]", "[::1]:5000");
    refused("[::1:5000", "[address]:port");
    refused("[]:5000", "host is missing");
    refused("[localhost]:5000", "not an IPv6 address");
    refused("no-such-host.invalid:5000", "no-such-host.invalid");
}

static void
an_unnamed_peer_has_a_text(void **state)
{
    struct mpm_address a = {.len = sizeof(sa_family_t), .u.any.sa_family = AF_UNIX};
    char out[MPM_ADDRESS_TEXT];

    (void)state;
    assert_string_equal(mpm__address_format(&a, out), "unix");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_with_a_slash_or_without_a_colon_is_a_path),
        cmocka_unit_test(a_path_may_fill_the_socket_address_and_no_more),
        cmocka_unit_test(an_abstract_name_has_no_final_nul),
        cmocka_unit_test(host_and_port_are_an_internet_address),
        cmocka_unit_test(a_bad_address_is_named_and_corrected),
        cmocka_unit_test(an_unnamed_peer_has_a_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
