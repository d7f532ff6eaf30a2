#include "env/space.h"

#include <errno.h>
#include <sys/statvfs.h>

#include "base/limits.h"

#define SMALL_SHARE 20u /* 5 % */

bool space_of(const char *path, struct space *ret)
{
    struct statvfs stat;
    int done;

    do
        done = statvfs(path, &stat);
    while (done != 0 && errno == EINTR);
    if (done != 0 || stat.f_blocks == 0)
        return false; /* some network file systems keep no count */
    *ret = (struct space){
        .free_bytes = (uint64_t)stat.f_bavail * stat.f_frsize,
        .total_bytes = (uint64_t)stat.f_blocks * stat.f_frsize,
    };
    return true;
}

uint64_t space_headroom(const struct space *space)
{
    uint64_t share = space->total_bytes / SMALL_SHARE;

    return share < DISK_HEADROOM_BYTES ? share : DISK_HEADROOM_BYTES;
}
