/* Any bytes on the client port.
 *
 * The first byte says in what pieces the rest arrives.  What must hold:
 *
 *   - the engine takes all bytes, or a request is whole, or it is refused;
 *   - how the bytes are cut makes no difference to any of that;
 *   - a whole request is as http_request.h says;
 *   - the budget of bodies is zero in the end.
 */
#include <stdint.h>

#include "http_request.h"
#include "transport/h1.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a stream came to: comparable. */
struct verdict {
    uint32_t requests;
    int status; /* of the refusal; 0: none */
    uint32_t sum;
};

static struct verdict read_in_pieces(struct slice bytes, size_t step)
{
    struct h1_options options = { .body_bytes_max = BODY_BYTES_MAX, .arena_bytes_max = 1u << 20 };
    struct budget budget = { .most = 1u << 20 };
    struct h1 *h1 = h1_new(&options, &budget);
    struct verdict verdict = { .requests = 0 };
    const char *sentence;

    ensure(h1 != NULL);
    while (bytes.len > 0 && h1_state(h1) != H1_REFUSED) {
        struct slice piece = slice_of(bytes.data, bytes.len < step ? bytes.len : step);
        size_t taken = h1_feed(h1, piece);
        ensure(taken <= piece.len);
        ensure(taken == piece.len || h1_state(h1) == H1_WHOLE || h1_state(h1) == H1_REFUSED);
        bytes = slice_of(bytes.data + taken, bytes.len - taken);
        if (h1_state(h1) == H1_WHOLE) {
            verdict.requests++;
            request_check(h1_request(h1), &verdict.sum);
            h1_next(h1);
        }
    }
    if (h1_state(h1) == H1_REFUSED) {
        verdict.status = h1_refusal(h1, &sentence);
        ensure(verdict.status >= 400 && verdict.status <= 599 && sentence[0] != '\0');
    }
    h1_free(h1);
    ensure(budget.used == 0);
    return verdict;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct slice bytes = slice_of(data + 1, size - 1);
    struct verdict cut = read_in_pieces(bytes, 1 + (size_t)data[0]);
    struct verdict uncut = read_in_pieces(bytes, SIZE_MAX);
    ensure(cut.requests == uncut.requests && cut.status == uncut.status && cut.sum == uncut.sum);
    return 0;
}
