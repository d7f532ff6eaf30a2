#include "wire/timestamp.h"

#include <string.h>

static int64_t cut(int64_t ms)
{
    if (ms > TIMESTAMP_MS_MAX)
        return TIMESTAMP_MS_MAX;
    return ms < -TIMESTAMP_MS_MAX ? -TIMESTAMP_MS_MAX : ms;
}

/* By hand: an answer of 10,000 records prints as many. */
size_t timestamp_print(int64_t ms, char text[TIMESTAMP_TEXT_MAX])
{
    char digits[TIMESTAMP_TEXT_MAX];
    uint64_t rest = ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms;
    unsigned fraction = (unsigned)(rest % 1000);
    size_t at = sizeof(digits), len;

    digits[--at] = 0;
    rest /= 1000;
    if (fraction > 0) {
        for (int i = 0; i < 3; i++, fraction /= 10)
            digits[--at] = (char)('0' + fraction % 10);
        digits[--at] = '.';
    }
    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (ms < 0)
        digits[--at] = '-';

    len = sizeof(digits) - at;
    memcpy(text, digits + at, len);
    return len - 1;
}

int64_t timestamp_from_seconds(double seconds)
{
    return timestamp_from_ms(seconds * 1000);
}

int64_t timestamp_from_ms(double ms)
{
    if (ms >= (double)TIMESTAMP_MS_MAX)
        return TIMESTAMP_MS_MAX;
    if (ms <= -(double)TIMESTAMP_MS_MAX)
        return -TIMESTAMP_MS_MAX;
    return (int64_t)(ms < 0 ? ms - 0.5 : ms + 0.5);
}

int64_t timestamp_from_whole_seconds(int64_t seconds)
{
    return cut(cut(seconds) * 1000); /* cut first, so that the product fits */
}

int64_t timestamp_from_whole_ms(int64_t ms)
{
    return cut(ms);
}
