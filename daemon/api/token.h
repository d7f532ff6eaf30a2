/* token.h - what a client carries for us from one call to the next.
 *
 * Iterators and page tokens hold all their state, so that any node can go on
 * with them and none has to remember anything.  They are signed with the
 * cluster's secret: a client can neither make nor change one.
 *
 *     base64( version 1 | kind 1 | issued ms 8 | nonce 8 | content | HMAC-SHA256, first 16 )
 *
 * The nonce makes each token differ from all others.  An engine; any thread
 * with its own digest.
 */
#ifndef API_TOKEN_H
#define API_TOKEN_H

#include <stdint.h>

#include "base/arena.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/slice.h"

enum token_kind { TOKEN_ITERATOR = 1, TOKEN_SHARDS = 2, TOKEN_STREAMS = 3, TOKEN_CONSUMERS = 4 };

#define TOKEN_CONTENT_BYTES_MAX 320u /* a stream's name and what stands beside it */
#define TOKEN_BYTES_MAX (18u + TOKEN_CONTENT_BYTES_MAX + 16u)
#define TOKEN_TEXT_MAX ((TOKEN_BYTES_MAX + 2u) / 3u * 4u)

struct token {
    enum token_kind kind;
    uint64_t issued_ms; /* wall clock of the node that made it */
    uint64_t nonce;
    struct slice content;
};

/* The text, in the arena.  ERR_NO_MEMORY. */
MUST_CHECK enum err token_seal(const struct token *token, struct slice secret,
                               struct digest *digest, struct arena *arena, struct slice *ret);

/* `room` takes the bytes that the content lies in.
 * ERR_INVALID: nobody who knows the secret made this, or it is of another kind. */
MUST_CHECK enum err token_open(struct slice text, enum token_kind kind, struct slice secret,
                               struct digest *digest, unsigned char room[TOKEN_BYTES_MAX],
                               struct token *ret);

#endif
