#include "api/token.h"

#include <string.h>

#include "base/base64.h"
#include "base/bytes.h"
#include "base/ensure.h"

#define VERSION 1u
#define HEAD_BYTES 18u
#define MARK_BYTES 16u /* of the HMAC: nobody guesses 128 bits */

static bool same(const unsigned char *a, const unsigned char *b, size_t len);

enum err token_seal(const struct token *token, struct slice secret, struct digest *digest,
                    struct arena *arena, struct slice *ret)
{
    unsigned char bytes[TOKEN_BYTES_MAX], mark[SHA256_BYTES];
    size_t len = HEAD_BYTES + token->content.len;

    ensure(token->content.len <= TOKEN_CONTENT_BYTES_MAX);
    bytes[0] = VERSION;
    bytes[1] = (unsigned char)token->kind;
    put_u64(bytes + 2, token->issued_ms);
    put_u64(bytes + 10, token->nonce);
    memcpy(bytes + HEAD_BYTES, token->content.data, token->content.len);
    digest_hmac_sha256(digest, secret, slice_of(bytes, len), mark);
    memcpy(bytes + len, mark, MARK_BYTES);
    len += MARK_BYTES;

    char *text = arena_raw(arena, base64_chars(len));
    if (text == NULL)
        return ERR_NO_MEMORY;
    base64_encode(slice_of(bytes, len), text);
    *ret = slice_of(text, base64_chars(len));
    return ERR_OK;
}

enum err token_open(struct slice text, enum token_kind kind, struct slice secret,
                    struct digest *digest, unsigned char room[TOKEN_BYTES_MAX],
                    struct token *ret)
{
    unsigned char mark[SHA256_BYTES];

    if (text.len > TOKEN_TEXT_MAX || base64_bytes_max(text.len) > TOKEN_BYTES_MAX)
        return ERR_INVALID;
    struct base64_result decoded = base64_decode(text, room);
    if (decoded.fault != BASE64_OK || decoded.len < HEAD_BYTES + MARK_BYTES)
        return ERR_INVALID;

    size_t len = decoded.len - MARK_BYTES;
    digest_hmac_sha256(digest, secret, slice_of(room, len), mark);
    if (!same(mark, room + len, MARK_BYTES) || room[0] != VERSION || room[1] != kind)
        return ERR_INVALID;
    *ret = (struct token){ .kind = kind,
                           .issued_ms = get_u64(room + 2),
                           .nonce = get_u64(room + 10),
                           .content = slice_of(room + HEAD_BYTES, len - HEAD_BYTES) };
    return ERR_OK;
}

/* Takes equally long wherever they differ, so that no mark can be guessed byte by byte. */
static bool same(const unsigned char *a, const unsigned char *b, size_t len)
{
    unsigned char differ = 0;

    for (size_t i = 0; i < len; i++)
        differ |= a[i] ^ b[i];
    return differ == 0;
}
