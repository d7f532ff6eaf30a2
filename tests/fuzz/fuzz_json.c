/* Any bytes as the body of any operation.
 *
 * The first byte chooses the operation ('0' is the first row of
 * wire/operations.def), the rest is the body.  What must hold, whatever comes:
 *
 *   - decoding and validating end, within the arena, and name an error or none;
 *   - an error's body is JSON;
 *   - what was decoded encodes to JSON that decodes and encodes to the same text.
 */
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/ensure.h"
#include "wire/json.h"
#include "wire/shapes.h"
#include "wire/validate.h"

#define ARENA_BYTES_MAX (64u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct shape *const requests[] = {
#define OPERATION(name, wire_name, in, out, class) &shape_##in,
#include "wire/operations.def"
};

static void check_error(const struct wire_error *error, struct arena *arena)
{
    struct wire_error none;
    struct nothing nothing;
    struct writer body;

    ensure(error->type != ERROR_TYPE_NONE);
    writer_init(&body, ARENA_BYTES_MAX);
    ensure(json_encode_error(error, &body) == ERR_OK);
    ensure(json_decode(&shape_nothing, writer_slice(&body), arena, &nothing, &none) == ERR_OK);
    writer_fini(&body);
}

static void check_round_trip(const struct shape *shape, const void *in, struct arena *arena)
{
    struct writer first, second;
    struct wire_error error;
    void *back = arena_take(arena, shape->bytes);

    writer_init(&first, ARENA_BYTES_MAX);
    writer_init(&second, ARENA_BYTES_MAX);
    ensure(back != NULL);
    ensure(json_encode(shape, in, &first) == ERR_OK);
    ensure(json_decode(shape, writer_slice(&first), arena, back, &error) == ERR_OK);
    ensure(json_encode(shape, back, &second) == ERR_OK);
    ensure(slice_equal(writer_slice(&first), writer_slice(&second)));
    writer_fini(&first);
    writer_fini(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wire_error error = { .type = ERROR_TYPE_NONE };
    struct arena arena;

    if (size == 0)
        return 0;

    const struct shape *shape =
        requests[(uint8_t)(data[0] - '0') % (sizeof(requests) / sizeof(requests[0]))];
    arena_init(&arena, ARENA_BYTES_MAX);
    void *in = arena_take(&arena, shape->bytes);
    ensure(in != NULL);

    if (json_decode(shape, slice_of(data + 1, size - 1), &arena, in, &error) != ERR_OK) {
        check_error(&error, &arena);
    } else {
        check_round_trip(shape, in, &arena);
        if (validate(shape, in, &arena, &error) != ERR_OK)
            check_error(&error, &arena);
    }
    arena_fini(&arena);
    return 0;
}
