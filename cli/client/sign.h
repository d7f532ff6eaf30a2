/* sign.h - the headers of a call, signed with an access key as AWS's clients do it.
 *
 * The key comes from a file of them (daemon/auth/credentials.h), whose first one
 * counts, or from AWS's variables AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and
 * AWS_SESSION_TOKEN.  The region is AWS_REGION or AWS_DEFAULT_REGION, else
 * us-east-1.
 */
#ifndef CLIENT_SIGN_H
#define CLIENT_SIGN_H

#include <curl/curl.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

struct signer;

/* `file` NULL: the environment, and `*ret` is NULL when it has no key.  ERR_INVALID: the file is
 * broken, or a text is no key; see the reason.  ERR_NO_MEMORY. */
MUST_CHECK enum err signer_new(struct signer **ret, const char *file, struct reason *reason);
void signer_free(struct signer *signer);

/* One attempt of a call. */
struct signed_call {
    const char *endpoint;  /* "http://127.0.0.1:4567", without a slash at its end */
    const char *operation; /* "PutRecords" */
    struct slice body;
    uint64_t now_s; /* since 1970 */
};

/* The headers, the caller's; NULL when there is no memory.  `signer` NULL: they have the form of a
 * signature, and no secret was used. */
struct curl_slist *sign_headers(const struct signer *signer, const struct signed_call *call);

#endif
