/* wire_test.h - what the tests of wire/ share: one request's world, and texts to compare. */
#ifndef WIRE_TEST_H
#define WIRE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "wire/encoding.h"
#include "wire/shapes.h"
#include "wire/validate.h"

struct world {
    struct arena arena;
    struct wire_error error;
};

static inline int world_open(void **state)
{
    struct world *w = calloc(1, sizeof(*w));

    arena_init(&w->arena, 64u << 20);
    *state = w;
    return 0;
}

static inline int world_close(void **state)
{
    struct world *w = *state;

    arena_fini(&w->arena);
    free(w);
    return 0;
}

#define world_test(function) cmocka_unit_test_setup_teardown(function, world_open, world_close)

static inline enum err decode(struct world *w, const struct shape *shape, const char *body,
                              void *out)
{
    return wire_decode(&encoding_json, shape, slice_text(body), &w->arena, out, &w->error);
}

#define assert_slice_text(slice_, text_)                                                           \
    do {                                                                                           \
        struct slice slice_value = (slice_);                                                       \
        struct slice text_value = slice_text(text_);                                               \
        if (!slice_equal(slice_value, text_value))                                                 \
            fail_msg("got <%.*s>, not <%s>", (int)slice_value.len,                                 \
                     (const char *)slice_value.data, (text_));                                     \
    } while (0)

/* The encoding of `in`, in the arena, with an end mark. */
static inline char *encoded(struct world *w, const struct shape *shape, const void *in)
{
    struct writer writer;

    writer_init(&writer, 64u << 20);
    assert_int_equal(wire_encode(&encoding_json, shape, in, &writer), ERR_OK);
    char *text = arena_text(&w->arena, writer_slice(&writer));
    writer_fini(&writer);
    return text;
}

/* `body` is refused with `type` and `message`; validation runs when decoding succeeds. */
static inline void assert_refused(struct world *w, const struct shape *shape, const char *body,
                                  enum error_type type, const char *message)
{
    void *in = arena_take(&w->arena, shape->bytes);
    enum err err = decode(w, shape, body, in);

    if (err == ERR_OK)
        err = validate(shape, in, &w->arena, &w->error);
    assert_int_equal(err, ERR_INVALID);
    assert_int_equal(w->error.type, type);
    assert_slice_text(w->error.message, message);
}

/* In whatever encoding: StreamName "river"; of two Records the first with Data 1 2 3 and
 * PartitionKey "a", the second with empty Data, PartitionKey "b" and ExplicitHashKey "0". */
static inline void assert_river(const struct put_records_in *in)
{
    assert_true(in->has_stream_name);
    assert_slice_text(in->stream_name, "river");
    assert_false(in->has_stream_arn);
    assert_true(in->has_records);
    assert_int_equal(in->records.count, 2);
    assert_slice_text(in->records.items[0].data, "\x01\x02\x03");
    assert_slice_text(in->records.items[0].partition_key, "a");
    assert_false(in->records.items[0].has_explicit_hash_key);
    assert_slice_text(in->records.items[1].partition_key, "b");
    assert_slice_text(in->records.items[1].explicit_hash_key, "0");
    assert_true(in->records.items[1].has_data);
    assert_int_equal(in->records.items[1].data.len, 0);
}

/* `before`, `count` times `unit`, `after`: to free(). */
static inline struct slice repeated_bytes(struct slice before, struct slice unit, size_t count,
                                          struct slice after)
{
    unsigned char *bytes = malloc(before.len + unit.len * count + after.len + 1), *at = bytes;

    assert_non_null(bytes);
    memcpy(at, before.data, before.len);
    at += before.len;
    for (size_t i = 0; i < count; i++, at += unit.len)
        memcpy(at, unit.data, unit.len);
    memcpy(at, after.data, after.len);
    at[after.len] = 0;
    return slice_of(bytes, (size_t)(at - bytes) + after.len);
}

#endif
