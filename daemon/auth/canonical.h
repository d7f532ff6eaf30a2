/* canonical.h - the text of a request that AWS's Signature Version 4 signs.
 *
 *     method LF path LF query LF  name:value LF ...  LF signed names LF  hash of the body
 *
 * Client and server must arrive at the same bytes, whatever happened to case,
 * order and blanks on the way:
 *
 *   - path: without dot segments and double slashes, encoded once more, as all
 *     services but S3 do it
 *   - query: decoded, encoded, sorted; without the signature itself
 *   - headers: names in lower case and sorted, one line for all headers of a
 *     name, blanks at the ends gone and inner ones one each
 *   - `:authority` is HTTP/2's name of `host`: either stands for the other
 *
 * An engine, for both sides.  The text does not depend on the body, but for its
 * last line, which the caller appends.
 */
#ifndef AUTH_CANONICAL_H
#define AUTH_CANONICAL_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"
#include "transport/h1.h"

struct canonical_request {
    struct slice method;               /* "POST" */
    struct slice path;                 /* before the '?', as it came */
    struct slice query;                /* behind it */
    const struct http_header *headers; /* names in lower case */
    uint32_t header_count;
    struct slice signed_names; /* "host;x-amz-date", in any order and case */
};

/* Writes the text up to and with the line feed before the body's hash.  ERR_INVALID: the signed
 * names are no list of different names.  ERR_TOO_BIG: more than HTTP_HEADERS_MAX of them, more than
 * AUTH_QUERY_PARTS_MAX parts of a query, or a longer text than CANONICAL_BYTES_MAX.
 * ERR_NO_MEMORY. */
MUST_CHECK enum err canonical_print(const struct canonical_request *request, struct arena *arena,
                                    struct slice *ret);

/* Whether `name`, in lower case, is one of the signed names. */
bool canonical_signs(struct slice signed_names, const char *name);

/* The first header of that name; NULL: there is none. */
const struct http_header *canonical_header(const struct http_header *headers, uint32_t count,
                                           struct slice name);

/* `text` without percent signs, in the arena; what is no escape stays as it is.  ERR_NO_MEMORY. */
MUST_CHECK enum err canonical_decode(struct slice text, struct arena *arena, struct slice *ret);

/* The same for the front of `text`, into `to`, as far as `room` goes: how many bytes. */
size_t canonical_decode_front(struct slice text, unsigned char *to, size_t room);

#endif
