#include "open_files.h"

#include <sys/resource.h>

#include "base/limits.h"

uint64_t open_files_raise(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 2 * (uint64_t)OPEN_FILES_OWN; /* unknown; a full table is met when it is */
    struct rlimit raised = { .rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max };
    if (setrlimit(RLIMIT_NOFILE, &raised) != 0)
        return limit.rlim_cur;
    return raised.rlim_cur;
}

uint32_t open_files_connections(uint64_t files, uint64_t wanted)
{
    uint64_t own = files / 2 < OPEN_FILES_OWN ? files / 2 : OPEN_FILES_OWN;
    uint64_t served = files - own < wanted ? files - own : wanted;

    return (uint32_t)served;
}
