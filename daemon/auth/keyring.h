/* keyring.h - the access keys that count on this node, as its file has them now.
 *
 *     keyring_open -> keyring_find ... -> keyring_close(cb)
 *
 * The file is looked at every CREDENTIALS_LOOK_MS, on a worker, and read when it
 * has changed and then been the same for two looks: who writes it in place is
 * not read half-way.  A new file that is refused changes nothing; the keys of the
 * one before stay good, and it is said (event credentials.refused, gauge
 * braid_auth_file_refused).
 *
 * Loop thread only.
 */
#ifndef AUTH_KEYRING_H
#define AUTH_KEYRING_H

#include "auth/credentials.h"
#include "base/metric.h"
#include "base/note.h"
#include "env/clock.h"
#include "env/work.h"

struct keyring;

/* All must outlive the keyring. */
struct keyring_world {
    struct clock *clock;
    struct work_pool *work;
    struct note *note;
    struct metrics *metrics;
};

/* Reads the file, which blocks.  Errors as credentials_read().  `path` must outlive the keyring. */
MUST_CHECK enum err keyring_open(struct keyring **ret, const char *path,
                                 const struct keyring_world *world, struct reason *reason);

/* `cb` runs when nothing is under way any more; the memory is gone then. */
typedef void (*keyring_cb)(void *ctx);
void keyring_close(struct keyring *keyring, keyring_cb cb, void *ctx);

/* NULL: no such key.  Good until the loop's next turn. */
const struct credential *keyring_find(const struct keyring *keyring, struct slice key_id);

uint32_t keyring_count(const struct keyring *keyring);

/* Another number after each change: what was derived from keys before is void. */
uint64_t keyring_version(const struct keyring *keyring);

#endif
