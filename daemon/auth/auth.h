/* auth.h - who sends a request, and whether it is what was signed.
 *
 *     auth_begin -> auth_verify -> auth_end
 *
 *     auth_begin    the loop: claim, access key, scope, date; no look at the body
 *     auth_verify   any thread: the body's hash and the signature
 *     auth_end      the loop: counts, remembers
 *
 * What is found wrong first decides the answer:
 *
 *     1  not signed, or twice            MissingAuthenticationToken, InvalidSignature
 *     2  of another form                 IncompleteSignature
 *     3  unknown access key, or not its session token    UnrecognizedClient
 *     4  for another region, service or day              InvalidSignature
 *     5  host, operation or body not signed              InvalidSignature
 *     6  older or newer than AUTH_SKEW_S; a presigned address that has expired   InvalidSignature
 *     7  the signature is another one    InvalidSignature, with the texts that count
 *
 * Nothing is kept of a request: the same one may come twice within AUTH_SKEW_S.
 * Each access key may do everything.
 */
#ifndef AUTH_AUTH_H
#define AUTH_AUTH_H

#include "auth/claim.h"
#include "auth/keyring.h"
#include "auth/refusal.h"

struct auth; /* one per node */

/* All must outlive it. */
struct auth_world {
    const struct keyring *keyring;
    struct clock *clock;
    struct note *note;
    struct metrics *metrics;
    bool unsigned_payload; /* bodies need not be signed: UNSIGNED-PAYLOAD is taken */
};

/* ERR_NO_MEMORY.  `regions`: those that signatures may be for, AUTH_REGIONS_MAX at most; none: any.
 * They must outlive it too. */
MUST_CHECK enum err auth_open(struct auth **ret, const struct auth_world *world,
                              const char *const *regions, uint32_t region_count);
void auth_close(struct auth *auth);

/* One request's check; lies beside it. */
struct auth_check {
    struct refusal refusal; /* reason REFUSAL_NONE: nothing was found to be wrong yet */
    bool proved;            /* the signature is good: the request may be served */
    /* private */
    struct claim claim;
    struct slice canonical; /* but for the body's hash */
    unsigned char key[SIGV4_KEY_BYTES];
    bool known;  /* the access key is one of ours */
    bool cached; /* the key needs not be remembered again */
    uint64_t version; /* of the keyring */
};

/* `request` and its arena must live until auth_end(). */
void auth_begin(struct auth *auth, const struct http_request *request, struct auth_check *check);

/* Whether it is proved; else see check->refusal.  Does nothing more when auth_begin() has found a
 * refusal. */
MUST_CHECK bool auth_verify(struct auth_check *check, const struct http_request *request,
                            struct digest *digest);

/* Once, after auth_verify(), or without it when it could not be called.  Secrets are gone from the
 * check then. */
void auth_end(struct auth *auth, struct auth_check *check, const struct http_request *request);

#endif
