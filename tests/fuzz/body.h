/* body.h - what must hold for any bytes as the body of any operation, in either encoding.
 *
 * The first byte chooses the operation ('0' is the first row of
 * wire/operations.def), the rest is the body:
 *
 *   - decoding and validating end, within the arena, and name an error or none;
 *   - an error's body is of the encoding;
 *   - what was decoded, encoded and decoded again is the same, through either encoding.
 */
#ifndef FUZZ_BODY_H
#define FUZZ_BODY_H

#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/ensure.h"
#include "wire/encoding.h"
#include "wire/shapes.h"
#include "wire/validate.h"

#define ARENA_BYTES_MAX (64u << 20)

static const struct shape *const requests[] = {
#define OPERATION(name, wire_name, in, out, class) &shape_##in,
#include "wire/operations.def"
};

static void check_error(const struct encoding *encoding, const struct wire_error *error,
                        struct arena *arena)
{
    struct wire_error none;
    struct nothing nothing;
    struct writer body;

    ensure(error->type != ERROR_TYPE_NONE);
    writer_init(&body, ARENA_BYTES_MAX);
    ensure(wire_encode_error(encoding, error, &body) == ERR_OK);
    ensure(wire_decode(encoding, &shape_nothing, writer_slice(&body), arena, &nothing, &none) ==
           ERR_OK);
    writer_fini(&body);
}

/* `in`, by way of `through`, encoded as `encoding`, is what `in` itself is encoded as.  What has no
 * members has no body as an answer, and as a request needs one. */
static void check_round_trip(const struct encoding *encoding, const struct encoding *through,
                             const struct shape *shape, const void *in, struct arena *arena)
{
    struct writer first, between, second;
    struct wire_error error;
    void *back = arena_take(arena, shape->bytes);

    if (shape->member_count == 0)
        return;
    writer_init(&first, ARENA_BYTES_MAX);
    writer_init(&between, ARENA_BYTES_MAX);
    writer_init(&second, ARENA_BYTES_MAX);
    ensure(back != NULL);
    ensure(wire_encode(encoding, shape, in, &first) == ERR_OK);
    ensure(wire_encode(through, shape, in, &between) == ERR_OK);
    ensure(wire_decode(through, shape, writer_slice(&between), arena, back, &error) == ERR_OK);
    ensure(wire_encode(encoding, shape, back, &second) == ERR_OK);
    ensure(slice_equal(writer_slice(&first), writer_slice(&second)));
    writer_fini(&first);
    writer_fini(&between);
    writer_fini(&second);
}

static inline void fuzz_body(const struct encoding *encoding, const uint8_t *data, size_t size)
{
    struct wire_error error = { .type = ERROR_TYPE_NONE };
    struct arena arena;

    if (size == 0)
        return;

    const struct shape *shape =
        requests[(uint8_t)(data[0] - '0') % (sizeof(requests) / sizeof(requests[0]))];
    arena_init(&arena, ARENA_BYTES_MAX);
    void *in = arena_take(&arena, shape->bytes);
    ensure(in != NULL);

    if (wire_decode(encoding, shape, slice_of(data + 1, size - 1), &arena, in, &error) != ERR_OK) {
        check_error(encoding, &error, &arena);
    } else {
        check_round_trip(encoding, &encoding_json, shape, in, &arena);
        check_round_trip(encoding, &encoding_cbor, shape, in, &arena);
        if (validate(shape, in, &arena, &error) != ERR_OK)
            check_error(encoding, &error, &arena);
    }
    arena_fini(&arena);
}

#endif
