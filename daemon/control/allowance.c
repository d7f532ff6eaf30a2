#include "control/allowance.h"

#include "base/limits.h"

#define MILLI 1000

/* Longer times pay any debt there can be; the product with the largest rate stays below 2^63. */
#define PAY_MS_MAX UINT64_C(3600000)

static void pay(struct allowance *allowance, uint64_t now_ms)
{
    if (now_ms <= allowance->paid_ms)
        return;

    uint64_t passed_ms = now_ms - allowance->paid_ms;
    int64_t most = (int64_t)(allowance->rate * ALLOWANCE_BURST_MS);
    if (passed_ms > PAY_MS_MAX)
        passed_ms = PAY_MS_MAX;
    /* A byte a second is a millibyte a millisecond: nothing is ever rounded. */
    allowance->millibytes += (int64_t)(passed_ms * allowance->rate);
    if (allowance->millibytes > most)
        allowance->millibytes = most;
    allowance->paid_ms = now_ms;
}

void allowance_init(struct allowance *allowance, uint64_t rate, uint64_t now_ms)
{
    *allowance = (struct allowance){ .rate = rate, .paid_ms = now_ms };
}

bool allowance_take(struct allowance *allowance, uint64_t now_ms, uint64_t bytes)
{
    if (allowance_wait_ms(allowance, now_ms) > 0)
        return false;
    allowance_owe(allowance, now_ms, bytes);
    return true;
}

void allowance_owe(struct allowance *allowance, uint64_t now_ms, uint64_t bytes)
{
    if (allowance->rate == 0)
        return;
    pay(allowance, now_ms);
    allowance->millibytes -= (int64_t)bytes * MILLI;
}

void allowance_settle(struct allowance *allowance, uint64_t taken, uint64_t used)
{
    if (allowance->rate != 0)
        allowance->millibytes += ((int64_t)taken - (int64_t)used) * MILLI;
}

uint64_t allowance_wait_ms(struct allowance *allowance, uint64_t now_ms)
{
    if (allowance->rate == 0)
        return 0;
    pay(allowance, now_ms);
    if (allowance->millibytes >= 0)
        return 0;
    return ((uint64_t)-allowance->millibytes + allowance->rate - 1) / allowance->rate;
}
