/* base64.h - bytes as text: the standard alphabet, with padding, strict.
 *
 * Engines on the caller's memory, any thread.  Strict means that each text has
 * one meaning and each meaning one text: no blanks, no line breaks, padding to
 * four characters, unused bits zero.
 */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <stddef.h>

#include "base/slice.h"

/* How many characters `len` bytes make. */
static inline size_t base64_chars(size_t len)
{
    return (len + 2) / 3 * 4;
}

/* At most how many bytes `chars` characters hold; room for base64_decode(). */
static inline size_t base64_bytes_max(size_t chars)
{
    return chars / 4 * 3;
}

/* Writes base64_chars(bytes.len) characters and no end mark. */
void base64_encode(struct slice bytes, char *text);

enum base64_fault {
    BASE64_OK = 0,
    BASE64_LENGTH, /* not a multiple of four characters */
    BASE64_CHAR,   /* a character outside the alphabet, or padding before the end; see `at` */
    BASE64_TAIL    /* bits behind the last byte are not zero; see `at` */
};

struct base64_result {
    enum base64_fault fault;
    size_t len; /* bytes written, when fault is BASE64_OK */
    size_t at;  /* the character that is wrong */
};

/* Writes the bytes of `text` to `bytes`, which has room for base64_bytes_max(text.len); after a
 * fault the room's contents mean nothing. */
struct base64_result base64_decode(struct slice text, void *bytes);

#endif
