#include "shard/quota.h"

#include "base/ensure.h"

#define MILLI 1000

/* Longer idle times fill any bucket; the product with the largest rate stays far below 2^63. */
#define REFILL_MS_MAX UINT64_C(86400000)

static int64_t depth_of(const struct quota_bucket *bucket)
{
    return (int64_t)bucket->rate * MILLI;
}

static void refill(struct quota_bucket *bucket, uint64_t now_ms)
{
    if (now_ms <= bucket->refilled_ms)
        return;

    uint64_t passed_ms = now_ms - bucket->refilled_ms;
    if (passed_ms > REFILL_MS_MAX)
        passed_ms = REFILL_MS_MAX;
    /* A token a second is a millitoken a millisecond: nothing is ever rounded. */
    bucket->millitokens += (int64_t)passed_ms * bucket->rate;
    if (bucket->millitokens > depth_of(bucket))
        bucket->millitokens = depth_of(bucket);
    bucket->refilled_ms = now_ms;
}

/* Whether `tokens` may be taken: all of them are there, or as many as the bucket can hold. */
static bool allows(const struct quota_bucket *bucket, uint64_t tokens)
{
    int64_t wanted = (int64_t)tokens * MILLI;

    if (wanted > depth_of(bucket))
        wanted = depth_of(bucket);
    return bucket->rate == 0 || bucket->millitokens >= wanted;
}

static void take(struct quota_bucket *bucket, uint64_t tokens)
{
    if (bucket->rate != 0)
        bucket->millitokens -= (int64_t)tokens * MILLI;
}

static struct quota_bucket full(uint32_t rate, uint64_t now_ms)
{
    return (struct quota_bucket){
        .rate = rate, .millitokens = (int64_t)rate * MILLI, .refilled_ms = now_ms
    };
}

void quota_init(struct quota *quota, struct quota_limits limits, uint64_t now_ms)
{
    *quota = (struct quota){
        .put_bytes = full(limits.put_bytes_per_s, now_ms),
        .put_records = full(limits.put_records_per_s, now_ms),
        .read_bytes = full(limits.read_bytes_per_s, now_ms),
        .read_calls = full(limits.read_calls_per_s, now_ms),
    };
}

static void set(struct quota_bucket *bucket, uint32_t rate, uint64_t now_ms)
{
    int64_t owed;

    if (bucket->rate == rate)
        return;
    refill(bucket, now_ms);
    owed = bucket->rate != 0 && rate != 0 && bucket->millitokens < 0 ? bucket->millitokens : 0;
    *bucket = full(rate, now_ms);
    if (owed < 0)
        bucket->millitokens = owed;
}

void quota_set(struct quota *quota, struct quota_limits limits, uint64_t now_ms)
{
    set(&quota->put_bytes, limits.put_bytes_per_s, now_ms);
    set(&quota->put_records, limits.put_records_per_s, now_ms);
    set(&quota->read_bytes, limits.read_bytes_per_s, now_ms);
    set(&quota->read_calls, limits.read_calls_per_s, now_ms);
}

bool quota_put_allows(struct quota *quota, uint64_t now_ms, size_t bytes, uint32_t records)
{
    refill(&quota->put_bytes, now_ms);
    refill(&quota->put_records, now_ms);
    return allows(&quota->put_bytes, bytes) && allows(&quota->put_records, records);
}

void quota_put_take(struct quota *quota, size_t bytes, uint32_t records)
{
    take(&quota->put_bytes, bytes);
    take(&quota->put_records, records);
}

bool quota_read_call(struct quota *quota, uint64_t now_ms)
{
    refill(&quota->read_bytes, now_ms);
    refill(&quota->read_calls, now_ms);
    if (!allows(&quota->read_bytes, 0) || !allows(&quota->read_calls, 1))
        return false;
    take(&quota->read_calls, 1);
    return true;
}

void quota_read_take(struct quota *quota, uint64_t now_ms, size_t bytes)
{
    struct quota_bucket *bucket = &quota->read_bytes;

    refill(bucket, now_ms);
    /* AWS throttles the five seconds after an answer of 10 MiB, whatever was not used before it:
     * what was saved up does not help an answer that is larger than the bucket. */
    if ((int64_t)bytes * MILLI > depth_of(bucket) && bucket->millitokens > 0)
        bucket->millitokens = 0;
    take(bucket, bytes);
}
