/* test_digest.c - the digests against RFC 2104/2202/4231, FIPS 202 and what CPython's hmac gives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "hash/digest.h"

#define KEY "wire-vectors"
#define FORTY "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static const char *
hex(const uint8_t *bytes, size_t len)
{
    static char text[2 * MPM_DIGEST_MAX + 1];

    for (size_t i = 0; i < len; i++)
        sprintf(text + 2 * i, "%02x", bytes[i]);
    return text;
}

static const char *
mac(const char *name, const void *key, size_t key_len, const void *message, size_t len)
{
    uint8_t out[MPM_DIGEST_MAX];
    const struct mpm_digest *d = mpm__digest_find(name, strlen(name));

    assert_non_null(d);
    assert_string_equal(mpm__digest_name(d), name);
    mpm__hmac(d, key, key_len, message, len, out);
    return hex(out, mpm__digest_size(d));
}

static void
sha256_gives_the_values_of_rfc_4231(void **state)
{
    uint8_t key[131], data[50];

    (void)state;
    memset(key, 0x0b, 20);
    assert_string_equal(mac("sha256", key, 20, "Hi There", 8),
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    assert_string_equal(mac("sha256", "Jefe", 4, "what do ya want for nothing?", 28),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, 131);
    memset(data, 0xdd, 50);
    assert_string_equal(mac("sha256", key, 20, data, 50),
        "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
    assert_string_equal(mac("sha256", key, 131, "Test Using Larger Than Block-Size Key - Hash Key First", 54),
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void
sha256_answers_challenges_as_python_does(void **state)
{
    (void)state;
    assert_string_equal(mac("sha256", KEY, 12, "{sha256}" FORTY, 48),
        "8419b6802fe6ac563b430d361db4bbbe1ad7245865e946280912e427c21d09f8");
    assert_string_equal(mac("sha256", NULL, 0, NULL, 0),
        "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

/* CPython 3.13: hmac.new(b'k' * n, b'message', name).hexdigest() */
static void
keys_around_the_block_size_are_padded_or_hashed(void **state)
{
    static const struct {
        const char *name;
        size_t key_len;
        const char *mac;
    } rows[] = {
#include "vectors/hmac/keys.inc"
    };
    uint8_t key[200];

    (void)state;
    memset(key, 'k', sizeof key);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (mpm__digest_find(rows[i].name, strlen(rows[i].name)) != NULL)
            assert_string_equal(mac(rows[i].name, key, rows[i].key_len, "message", 7), rows[i].mac);
}

static void
only_the_five_names_of_python_are_known(void **state)
{
    static const char *const others[] = { "", "sha1", "sha512", "sha224", "SHA256", "sha25", "sha2567", "md",
        "sha3-256", "sha3_256x" };
    static const char *const five[] = { "md5", "sha256", "sha384", "sha3_256", "sha3_384" };

    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_null(mpm__digest_find(others[i], strlen(others[i])));
        assert_false(mpm__digest_is_known(others[i], strlen(others[i])));
    }
    for (size_t i = 0; i < sizeof five / sizeof five[0]; i++)
        assert_true(mpm__digest_is_known(five[i], strlen(five[i])));
    assert_non_null(mpm__digest_find("sha256", 6));
}

#ifdef MPM_WITH_NETTLE
static void
md5_gives_the_values_of_rfc_2202(void **state)
{
    uint8_t key[80];

    (void)state;
    memset(key, 0x0b, 16);
    assert_string_equal(mac("md5", key, 16, "Hi There", 8), "9294727a3638bb1c13f48ef8158bfc9d");
    assert_string_equal(mac("md5", "Jefe", 4, "what do ya want for nothing?", 28), "750c783e6ab0b503eaa86e310a5db738");
    memset(key, 0xaa, 80);
    assert_string_equal(mac("md5", key, 80, "Test Using Larger Than Block-Size Key - Hash Key First", 54),
        "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd");
}

static void
sha384_gives_the_values_of_rfc_4231(void **state)
{
    uint8_t key[131];

    (void)state;
    assert_string_equal(mac("sha384", "Jefe", 4, "what do ya want for nothing?", 28),
        "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649");
    memset(key, 0xaa, 131);
    assert_string_equal(mac("sha384", key, 131, "Test Using Larger Than Block-Size Key - Hash Key First", 54),
        "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab4030fe8296248df163f44952");
}

static void
the_other_digests_answer_challenges_as_python_does(void **state)
{
    (void)state;
    assert_string_equal(mac("md5", KEY, 12, FORTY, 20), "75d42cb805b281aacd087c5a32856cf7");
    assert_string_equal(mac("md5", KEY, 12, "{sha256}" FORTY, 48), "c9ec22ca018212de891d3d62961e2848");
    assert_string_equal(mac("md5", KEY, 12, "{md5}" FORTY, 45), "6e712c255b6279b9f18ad05ed2c886ba");
    assert_string_equal(mac("sha384", KEY, 12, "{sha384}" FORTY, 48),
        "1f8f0597206a966494b6dd64026fd59f89bd2e5fcd11c4d39db3ab965b727d12211dd2b69a416092158cb62fa725f111");
    assert_string_equal(mac("sha3_256", KEY, 12, "{sha3_256}" FORTY, 50),
        "d57c1f932d9b23483e47a9667a60a79111f5798cdd370bbb7c5251b3f81efcd5");
}
#else
static void
without_nettle_only_sha256_is_there(void **state)
{
    (void)state;
    assert_null(mpm__digest_find("md5", 3));
    assert_null(mpm__digest_find("sha384", 6));
    assert_null(mpm__digest_find("sha3_256", 8));
    assert_null(mpm__digest_find("sha3_384", 8));
}
#endif

static void
a_key_made_ready_serves_many_messages_until_it_is_wiped(void **state)
{
    static const char *const names[] = { "sha256", "md5", "sha384", "sha3_256", "sha3_384" };
    static const struct mpm_hmac_key wiped;
    uint8_t key[200], message[300], out[MPM_DIGEST_MAX], expected[MPM_DIGEST_MAX];
    struct mpm_hmac_key ready;

    (void)state;
    memset(key, 'k', sizeof key);
    memset(message, 'm', sizeof message);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct mpm_digest *d = mpm__digest_find(names[i], strlen(names[i]));

        for (size_t key_len = 0; d != NULL && key_len <= sizeof key; key_len += 20) {
            mpm__hmac_key_init(&ready, d, key, key_len);
            for (size_t len = 0; len <= sizeof message; len += 30) {
                mpm__hmac(d, key, key_len, message, len, expected);
                mpm__hmac_keyed(&ready, message, len, out);
                assert_memory_equal(out, expected, mpm__digest_size(d));
            }
            mpm__hmac_key_wipe(&ready);
            assert_memory_equal(&ready, &wiped, sizeof wiped);
        }
    }
}

static void
secrets_are_equal_only_when_every_byte_is(void **state)
{
    uint8_t a[32] = { 1, 2, 3 }, b[32] = { 1, 2, 3 };

    (void)state;
    assert_true(mpm__same_secret(a, b, 32));
    for (size_t i = 0; i < 32; i++) {
        b[i] ^= 0x80;
        assert_false(mpm__same_secret(a, b, 32));
        b[i] ^= 0x80;
    }
}

static void
the_keyed_hash_is_siphash_2_4(void **state)
{
    uint8_t key[16], text[15];

    (void)state;
    for (int i = 0; i < 16; i++)
        key[i] = (uint8_t)i;
    for (int i = 0; i < 15; i++)
        text[i] = (uint8_t)i;
    /* the example in the paper "SipHash: a fast short-input PRF", appendix A */
    assert_true(mpm__keyed_hash(text, 15, key) == 0xa129ca6149be45e5u);
}

static void
random_bytes_differ(void **state)
{
    uint8_t a[16] = { 0 }, b[16] = { 0 };

    (void)state;
    mpm__random(a, sizeof a);
    mpm__random(b, sizeof b);
    assert_memory_not_equal(a, b, sizeof a);
}

static int
set_up(void **state)
{
    (void)state;
    return mpm__hash_setup();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_gives_the_values_of_rfc_4231),
        cmocka_unit_test(sha256_answers_challenges_as_python_does),
        cmocka_unit_test(keys_around_the_block_size_are_padded_or_hashed),
        cmocka_unit_test(only_the_five_names_of_python_are_known),
#ifdef MPM_WITH_NETTLE
        cmocka_unit_test(md5_gives_the_values_of_rfc_2202),
        cmocka_unit_test(sha384_gives_the_values_of_rfc_4231),
        cmocka_unit_test(the_other_digests_answer_challenges_as_python_does),
#else
        cmocka_unit_test(without_nettle_only_sha256_is_there),
#endif
        cmocka_unit_test(a_key_made_ready_serves_many_messages_until_it_is_wiped),
        cmocka_unit_test(secrets_are_equal_only_when_every_byte_is),
        cmocka_unit_test(the_keyed_hash_is_siphash_2_4),
        cmocka_unit_test(random_bytes_differ),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
