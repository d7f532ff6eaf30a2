/* credentials.h - a file of access keys, read once.
 *
 *     # who                 secret                                    [session token]
 *     AKIDEXAMPLE         = wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY
 *
 * One key a line; '#' and ';' begin a comment line.  A key has CREDENTIAL_KEY_CHARS_MAX
 * letters, digits, '_', '-' and '.' at most; a secret CREDENTIAL_SECRET_CHARS_MIN to
 * _MAX printable characters without blanks, because a shorter one could be guessed
 * from one captured request.  With a session token, requests must carry it too.
 *
 * Nobody but its owner, who is the reader or root, may have access to the file.
 * What is wrong is said with the line's number and never with what stands there:
 * it may be the secret.
 *
 * A set is constant; any thread.
 */
#ifndef AUTH_CREDENTIALS_H
#define AUTH_CREDENTIALS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/slice.h"

struct credential {
    struct slice key_id, secret;
    struct slice token; /* of a session; empty: none */
};

struct credentials;

/* Which file it is, and of when: another one after each change. */
struct credentials_stamp {
    uint64_t device, inode, bytes;
    int64_t changed_s, changed_ns, modified_s, modified_ns;
};

/* Blocks.  `stamp`, if not NULL, is that of what was read, also when it is refused.  ERR_NOT_FOUND:
 * there is no such file.  ERR_INVALID: it breaks a rule.  ERR_IO.  ERR_NO_MEMORY. */
MUST_CHECK enum err credentials_read(const char *path, struct credentials **ret,
                                     struct credentials_stamp *stamp, struct reason *reason);
void credentials_free(struct credentials *credentials);

/* Blocks.  All zeroes when there is no such file. */
struct credentials_stamp credentials_look(const char *path);
bool credentials_same(const struct credentials_stamp *a, const struct credentials_stamp *b);

uint32_t credentials_count(const struct credentials *credentials);

/* In the order of the file; `number` < credentials_count(). */
const struct credential *credentials_at(const struct credentials *credentials, uint32_t number);

/* NULL: there is none of that name. */
const struct credential *credentials_find(const struct credentials *credentials,
                                          struct slice key_id);

#endif
