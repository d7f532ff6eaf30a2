/* claim.h - what a request says of its signature: whose it is, of when, over which headers.
 *
 * It stands in the Authorization header, or, in a presigned address, in the
 * query.  Nothing is proved by it.  Names in a query are read as they are signed,
 * without percent signs: else another spelling would hide a part of what is
 * signed.  So that nothing of it can be passed over, each stands there once, and
 * not beside a header.
 *
 * An engine; all slices live as long as the request and its arena.
 */
#ifndef AUTH_CLAIM_H
#define AUTH_CLAIM_H

#include <stdint.h>

#include "auth/refusal.h"
#include "auth/sigv4.h"
#include "transport/h1.h"

struct claim {
    struct slice key_id;
    struct sigv4_scope scope;
    struct slice term;         /* behind the scope: "aws4_request" */
    struct slice signed_names; /* "host;x-amz-date" */
    struct slice signature;
    struct slice token;        /* of a session; empty: none */
    struct slice stamp;        /* as it was signed: 20261128T195100Z */
    uint64_t signed_s;         /* the same, since 1970 */
    bool has_expires;          /* a presigned address says how long it is good */
    uint32_t expires_s;
    bool unsigned_payload; /* the body is no part of what was signed */
};

/* Reads the claim.  False: `refusal` says why there is none that could be checked. */
MUST_CHECK bool claim_read(const struct http_request *request, struct arena *arena,
                           struct claim *ret, struct refusal *refusal);

#endif
