#include <errno.h>
#include <sys/random.h>

#include "base/ensure.h"
#include "env/random.h"

uint64_t random_id(struct random *random)
{
    uint64_t id;

    do {
        random_secret(random, &id, sizeof(id));
        id &= INT64_MAX; /* fits the signed 64-bit fields of other formats */
    } while (id == 0);
    return id;
}

void random_secret(struct random *random, void *bytes, size_t len)
{
    unsigned char *at = bytes;

    while (len > 0) {
        ssize_t n = getrandom(at, len, 0);

        /* Going on with guessable secrets or twin ids is worse than stopping. */
        ensure(n > 0 || (n < 0 && errno == EINTR));
        if (n > 0) {
            at += n;
            len -= (size_t)n;
        }
    }
}
