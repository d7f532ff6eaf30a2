/* signing_keys.h - keys that signatures were made with lately, so that they are derived once.
 *
 * A key is derived by four HMACs from a secret, for one day and region; clients
 * use the same one all day.  At most AUTH_SIGNING_KEYS_MAX are kept, one in each
 * place of a table: a new one takes the place of the one that was there.
 *
 * Only keys that a good signature was made with are put here, so that nobody
 * without a secret can push others out.
 */
#ifndef AUTH_SIGNING_KEYS_H
#define AUTH_SIGNING_KEYS_H

#include "auth/sigv4.h"
#include "base/err.h"

struct signing_keys;

/* NULL when there is no memory. */
struct signing_keys *signing_keys_new(void);
void signing_keys_free(struct signing_keys *keys);

/* False: it is not there. */
MUST_CHECK bool signing_keys_find(const struct signing_keys *keys, struct slice key_id,
                                  const struct sigv4_scope *scope,
                                  unsigned char ret[SIGV4_KEY_BYTES]);

/* Texts of the lengths that limits.h allows. */
void signing_keys_put(struct signing_keys *keys, struct slice key_id,
                      const struct sigv4_scope *scope, const unsigned char key[SIGV4_KEY_BYTES]);

/* The secrets have changed. */
void signing_keys_clear(struct signing_keys *keys);

#endif
