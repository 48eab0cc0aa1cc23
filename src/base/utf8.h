/* utf8.h - UTF-8 as Python's "surrogatepass" has it: lone surrogates are three bytes. Layer: base. */
#ifndef MPM_BASE_UTF8_H
#define MPM_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Whether all of it is well-formed: shortest forms only, at most U+10FFFF, surrogates allowed. */
bool mpm__utf8_ok(const uint8_t *text, size_t len);
/* Makes it well-formed: each byte that belongs to no character becomes '?'. For messages cut at some length, and names
 * that Python 2 sent as byte strings. */
void mpm__utf8_repair(uint8_t *text, size_t len);
/* The code point at text[0..len), len > 0, of well-formed text; *used is its length in bytes. */
uint32_t mpm__utf8_get(const uint8_t *text, size_t len, size_t *used);
/* Writes one code point (surrogates allowed) as 1 to 4 bytes; returns how many. */
size_t mpm__utf8_put(uint8_t out[4], uint32_t c);
/* Appends the bytes that a text of U+0000 to U+00FF stands for (Latin-1). Returns 0, MPM_ETYPE: there is another
 * character in it, or what is wrong with `out`. */
int mpm__utf8_latin1(const uint8_t *text, size_t len, struct mpm_buf *out);

#endif
