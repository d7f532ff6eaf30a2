#include "env/random.h"

#include "base/ensure.h"

/* xoshiro256** 1.0 by Blackman and Vigna (public domain), seeded by splitmix64
 * as its authors advise: no seed, not even 0, gives a poor start. */

static uint64_t rotate_left(uint64_t x, int by)
{
    return (x << by) | (x >> (64 - by));
}

void random_init(struct random *random, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        seed += 0x9e3779b97f4a7c15u;
        uint64_t z = seed;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        random->state[i] = z ^ (z >> 31);
    }
}

uint64_t random_u64(struct random *random)
{
    uint64_t *s = random->state;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

uint64_t random_below(struct random *random, uint64_t limit)
{
    ensure(limit > 0);

    /* The lowest numbers would come up once more often than the others: draw again. */
    uint64_t uneven = -limit % limit;
    uint64_t drawn;
    do
        drawn = random_u64(random);
    while (drawn < uneven);
    return drawn % limit;
}
