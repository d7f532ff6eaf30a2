/* random.h - a node's source of chance: seeded once, the same object in both worlds.
 *
 * Not for secrets: those come from random_secret(), which the simulator makes
 * predictable.
 */
#ifndef ENV_RANDOM_H
#define ENV_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct random {
    uint64_t state[4]; /* xoshiro256** */
};

void random_init(struct random *random, uint64_t seed);
uint64_t random_u64(struct random *random);

/* 0 .. limit-1, uniform; limit > 0. */
uint64_t random_below(struct random *random, uint64_t limit);

/* A number that no other call anywhere returns: never 0, top bit clear.  From the
 * system's entropy in the daemon, from `random` in the simulator. */
uint64_t random_id(struct random *random);

/* Unguessable bytes: from the system's entropy in the daemon, from `random` in the simulator. */
void random_secret(struct random *random, void *bytes, size_t len);

#endif
