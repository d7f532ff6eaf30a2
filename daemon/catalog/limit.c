#include "catalog/limit.h"

#include <string.h>

#define COUNT LIMIT_COUNTS
#define SIZE LIMIT_SIZE
#define ROW(id, ...) [LIMIT_##id] = { __VA_ARGS__ },

static const struct limit_row rows[] = {
#define STREAM_LIMIT(...) ROW(__VA_ARGS__)
#include "catalog/limit.def"
#define CLUSTER_LIMIT(...) ROW(__VA_ARGS__)
#include "catalog/limit.def"
};

const struct limit_row *limit_row(enum limit limit)
{
    return &rows[limit];
}

/* What "K", "M" and "G" multiply by; 0: no such suffix. */
static uint64_t multiple(enum limit limit, const char *suffix)
{
    static const char suffixes[] = "KMG";
    const char *at = strchr(suffixes, *suffix);

    if (*suffix == 0)
        return 1;
    if (rows[limit].kind != LIMIT_SIZE || at == NULL || suffix[1] != 0)
        return 0;
    return UINT64_C(1) << 10 * (at - suffixes + 1);
}

bool limit_parse(enum limit limit, const char *text, uint32_t *ret)
{
    uint64_t value = 0, times;
    const char *at = text;

    if (strcmp(text, "unlimited") == 0) {
        *ret = LIMIT_UNLIMITED;
        return true;
    }
    for (; *at >= '0' && *at <= '9' && value <= LIMIT_MOST; at++)
        value = value * 10 + (uint64_t)(*at - '0');
    times = multiple(limit, at);
    if (at == text || times == 0 || value == 0 || value > rows[limit].most / times)
        return false;
    *ret = (uint32_t)(value * times);
    return true;
}
