/* page.h - NextToken: where the next page of a list begins.
 *
 * For the files of this folder only.
 */
#ifndef API_PAGE_H
#define API_PAGE_H

#include "api/handler.h"
#include "api/token.h"

/* A token with this content, in the request's arena.  False: the request has failed. */
bool page_token(struct request *request, enum token_kind kind, struct slice content,
                struct slice *ret);

/* The content of a client's NextToken; it lies in `room`.  False: the request has failed, because
 * the token was not made by this cluster, or is over PAGE_TOKEN_LIFE_MS old. */
bool page_open(struct request *request, enum token_kind kind, struct slice text,
               unsigned char room[TOKEN_BYTES_MAX], struct slice *content);

#endif
