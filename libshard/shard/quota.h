/* quota.h - the write and read limits of a shard.
 *
 * Token buckets of one second's worth.  A put that is larger than that is let
 * through by a full bucket, a read by one that owes nothing; what they take
 * beyond is owed, and the next ones wait until the average is kept again.  So a
 * read of 10 MiB at 2 MiB a second makes the next five seconds' calls wait, as
 * AWS documents it.
 *
 * A put says its size before it happens: ask, do it, take.  A read knows its
 * size afterwards: ask and count the call, then take the bytes.
 *
 * The caller gives the time (clock_mono_ms()).  Embedded in the shard.
 */
#ifndef SHARD_QUOTA_H
#define SHARD_QUOTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Per shard and second; 0 = unlimited. */
struct quota_limits {
    uint32_t put_bytes_per_s;
    uint32_t put_records_per_s;
    uint32_t read_bytes_per_s;
    uint32_t read_calls_per_s;
};

struct quota_bucket {
    uint32_t rate;        /* tokens a second, and the most it holds; 0 = unlimited */
    int64_t millitokens;  /* below 0: owed */
    uint64_t refilled_ms;
};

struct quota {
    struct quota_bucket put_bytes, put_records, read_bytes, read_calls;
};

/* Full buckets. */
void quota_init(struct quota *quota, struct quota_limits limits, uint64_t now_ms);

/* Others from now on: what is owed stays owed; a bucket of another size begins full. */
void quota_set(struct quota *quota, struct quota_limits limits, uint64_t now_ms);

/* Whether a put of this size may happen now. */
bool quota_put_allows(struct quota *quota, uint64_t now_ms, size_t bytes, uint32_t records);

/* It happened. */
void quota_put_take(struct quota *quota, size_t bytes, uint32_t records);

/* Whether a read may happen now; if so the call is counted. */
bool quota_read_call(struct quota *quota, uint64_t now_ms);

/* It gave this much. */
void quota_read_take(struct quota *quota, uint64_t now_ms, size_t bytes);

#endif
