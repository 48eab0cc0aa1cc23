/* utf8.c - UTF-8 with lone surrogates, as str is pickled. Layer: base. */
#include "base/utf8.h"

#include <mpmd/error.h>

#include <string.h>

/* Length of the well-formed sequence at text, 0 when there is none. */
static size_t
sequence(const uint8_t *text, size_t len)
{
    uint8_t a = text[0];
    size_t n = a < 0x80 ? 1 : a < 0xc2 ? 0 : a < 0xe0 ? 2 : a < 0xf0 ? 3 : a < 0xf5 ? 4 : 0;

    if (n > len)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    if ((a == 0xe0 && text[1] < 0xa0) || (a == 0xf0 && text[1] < 0x90) || (a == 0xf4 && text[1] > 0x8f))
        return 0;
    return n;
}

bool
mpm__utf8_ok(const uint8_t *text, size_t len)
{
    size_t i = 0, n;
    uint64_t eight;

    while (i < len) {
        /* nearly all text is ASCII: eight bytes at a time */
        while (len - i >= 8) {
            memcpy(&eight, text + i, 8);
            if ((eight & 0x8080808080808080u) != 0)
                break;
            i += 8;
        }
        if (i == len)
            break;
        n = text[i] < 0x80 ? 1 : sequence(text + i, len - i);
        if (n == 0)
            return false;
        i += n;
    }
    return true;
}

void
mpm__utf8_repair(uint8_t *text, size_t len)
{
    size_t n;

    if (mpm__utf8_ok(text, len))
        return;
    for (size_t i = 0; i < len; i += n) {
        n = sequence(text + i, len - i);
        if (n == 0) {
            text[i] = '?';
            n = 1;
        }
    }
}

uint32_t
mpm__utf8_get(const uint8_t *text, size_t len, size_t *used)
{
    size_t n = sequence(text, len);
    uint32_t c;

    *used = n != 0 ? n : 1;
    if (n <= 1)
        return n != 0 ? text[0] : 0xfffd;
    c = text[0] & (0xff >> (n + 1));
    for (size_t i = 1; i < n; i++)
        c = c << 6 | (text[i] & 0x3f);
    return c;
}

size_t
mpm__utf8_put(uint8_t out[4], uint32_t c)
{
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

    if (n == 1) {
        out[0] = (uint8_t)c;
        return 1;
    }
    for (size_t i = n; i-- > 1; c >>= 6)
        out[i] = (uint8_t)(0x80 | (c & 0x3f));
    out[0] = (uint8_t)(0xff << (8 - n) | c);
    return n;
}

int
mpm__utf8_latin1(const uint8_t *text, size_t len, struct mpm_buf *out)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] < 0x80) {
            mpm__buf_u8(out, text[i]);
        } else if (i + 1 < len && (text[i] == 0xc2 || text[i] == 0xc3)) {
            mpm__buf_u8(out, (uint8_t)(text[i] << 6 | (text[i + 1] & 0x3f)));
            i++;
        } else {
            return MPM_ETYPE;
        }
    }
    return out->error;
}
