/* Any bytes on the client port.
 *
 * The first byte says in what pieces the rest arrives.  What must hold:
 *
 *   - the engine takes all bytes, or a request is whole, or it is refused;
 *   - how the bytes are cut makes no difference to any of that;
 *   - a whole request's slices can be read, its body is within its maximum and
 *     has its padding, its names are lower case, and no value holds a CR or LF;
 *   - the budget of bodies is zero in the end.
 */
#include <stdint.h>

#include "base/digest.h"
#include "base/ensure.h"
#include "transport/h1.h"

#define BODY_BYTES_MAX 4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a stream came to: comparable. */
struct verdict {
    uint32_t requests;
    int status; /* of the refusal; 0: none */
    uint32_t sum;
};

static void add(struct verdict *verdict, struct slice slice)
{
    ensure(slice.len == 0 || slice.data != NULL);
    verdict->sum = crc32c(verdict->sum, slice.data, slice.len);
}

static void check_request(struct verdict *verdict, const struct http_request *request)
{
    verdict->requests++;
    add(verdict, request->method);
    add(verdict, request->target);
    add(verdict, request->path);
    add(verdict, request->query);
    add(verdict, request->body);
    ensure(request->method.len > 0 && request->path.len > 0);
    ensure(request->body.len <= BODY_BYTES_MAX);
    for (size_t at = 0; at < HTTP_BODY_PADDING; at++)
        ensure(request->body.data[request->body.len + at] == 0);
    for (uint32_t at = 0; at < request->header_count; at++) {
        struct slice name = request->headers[at].name, value = request->headers[at].value;
        add(verdict, name);
        add(verdict, value);
        ensure(name.len > 0);
        for (size_t byte = 0; byte < name.len; byte++)
            ensure(name.data[byte] > ' ' && name.data[byte] < 0x7f &&
                   !(name.data[byte] >= 'A' && name.data[byte] <= 'Z'));
        for (size_t byte = 0; byte < value.len; byte++)
            ensure(value.data[byte] == '\t' ||
                   (value.data[byte] >= ' ' && value.data[byte] != 0x7f));
    }
}

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
            check_request(&verdict, h1_request(h1));
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
