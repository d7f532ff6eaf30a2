#include "api/page.h"

#include "base/limits.h"

bool page_token(struct request *request, enum token_kind kind, struct slice content,
                struct slice *ret)
{
    struct api *api = request->api;
    struct token token = { .kind = kind,
                           .issued_ms = request->now_ms,
                           .nonce = ++api->tokens,
                           .content = content };

    if (token_seal(&token, request_secret(request), api->digest, request->arena, ret) == ERR_OK)
        return true;
    request_fail_err(request, ERR_NO_MEMORY, NULL);
    return false;
}

bool page_open(struct request *request, enum token_kind kind, struct slice text,
               unsigned char room[TOKEN_BYTES_MAX], struct slice *content)
{
    struct token token;

    if (token_open(text, kind, request_secret(request), request->api->digest, room, &token) !=
        ERR_OK) {
        request_fail(request, ERROR_INVALID_ARGUMENT, "Invalid NextToken.");
        return false;
    }
    if (request->now_ms > token.issued_ms &&
        request->now_ms - token.issued_ms > PAGE_TOKEN_LIFE_MS) {
        request_fail(request, ERROR_EXPIRED_NEXT_TOKEN,
                     "NextToken expired. It is further in the past than the tolerated delay of %u "
                     "milliseconds.", PAGE_TOKEN_LIFE_MS);
        return false;
    }
    *content = token.content;
    return true;
}
