/* cbor_test.h - CBOR as a test can write it down. */
#ifndef CBOR_TEST_H
#define CBOR_TEST_H

#include "wire_test.h"

/* "bf 'StreamName' 'river' 65 68656c6c6f ff": bytes in hexadecimal, and texts (of less than 24
 * characters) in quotes. */
static inline struct slice cbor(struct world *w, const char *notation)
{
    unsigned char *bytes = arena_take(&w->arena, strlen(notation) + 1);
    size_t len = 0;

    for (const char *at = notation; *at != 0;) {
        unsigned byte;
        if (*at == '\'') {
            size_t text = strcspn(at + 1, "'");
            assert_true(text < 24);
            bytes[len++] = (unsigned char)(0x60 | text);
            memcpy(bytes + len, at + 1, text);
            len += text;
            at += text + 2;
        } else if (*at == ' ') {
            at++;
        } else {
            assert_int_equal(sscanf(at, "%2x", &byte), 1);
            bytes[len++] = (unsigned char)byte;
            at += 2;
        }
    }

    /* Exactly as large as the body, so that a read behind it is seen. */
    unsigned char *exact = malloc(len == 0 ? 1 : len);
    memcpy(exact, bytes, len);
    return slice_of(exact, len);
}

static inline enum err decode_cbor(struct world *w, const struct shape *shape, const char *notation,
                                   void *out)
{
    struct slice body = cbor(w, notation);
    enum err err = wire_decode(&encoding_cbor, shape, body, &w->arena, out, &w->error);

    free((void *)(uintptr_t)body.data); /* nothing may point into it */
    return err;
}

/* What was decoded, as JSON. */
static inline const char *as_json(struct world *w, const struct shape *shape, const char *notation)
{
    void *in = arena_take(&w->arena, shape->bytes);

    if (decode_cbor(w, shape, notation, in) != ERR_OK)
        return error_type_name(w->error.type);
    return encoded(w, shape, in);
}

#endif
