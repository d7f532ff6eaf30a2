/* Any text as an iterator or a page token, and any content behind a good signature.
 *
 * The first byte chooses.  What must hold:
 *
 *   - text that we did not sign is refused;
 *   - content that we did sign, and that is no iterator's, is refused or read within its bounds;
 *   - what was read as an iterator is printed and read back as the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/iterator.h"
#include "base/ensure.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_same(const struct iterator *iterator, struct slice secret, struct digest *digest,
                       struct arena *arena)
{
    struct iterator again;
    struct slice text;

    ensure(iterator_print(iterator, secret, digest, arena, &text) == ERR_OK);
    ensure(iterator_parse(text, secret, digest, &again) == ERR_OK);
    ensure(again.stream == iterator->stream && again.group == iterator->group);
    ensure(again.position.index == iterator->position.index);
    ensure(again.issued_ms == iterator->issued_ms);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice secret = slice_text("the fuzzer's own secret"), text;
    struct digest *digest = digest_new();
    struct iterator found;
    struct arena arena;

    ensure(digest != NULL);
    arena_init(&arena, 1 << 20);
    if (size > 0 && data[0] % 2 == 0) {
        char *copy = malloc(size); /* exactly as long, so that a byte too far is noticed */
        ensure(copy != NULL);
        memcpy(copy, data + 1, size - 1);
        ensure(iterator_parse(slice_of(copy, size - 1), secret, digest, &found) != ERR_OK);
        free(copy);
    } else if (size > 0 && size - 1 <= TOKEN_CONTENT_BYTES_MAX) {
        struct token token = { .kind = TOKEN_ITERATOR, .content = slice_of(data + 1, size - 1) };
        ensure(token_seal(&token, secret, digest, &arena, &text) == ERR_OK);
        if (iterator_parse(text, secret, digest, &found) == ERR_OK)
            check_same(&found, secret, digest, &arena);
    }
    arena_fini(&arena);
    digest_free(digest);
    return 0;
}
