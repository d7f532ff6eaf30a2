/* put_batch.h - records of one request on their way into the shards.
 *
 * PutRecord and PutRecords are the same work on one record or on five hundred:
 *
 *     prepare   hash each partition key                        any thread
 *     start     group by shard, encode each group into one buf a worker, if it is much
 *               one route_put() per group, all at once
 *     again     for records whose shard was split or merged meanwhile: by the shards that
 *               hold their hash keys now, PUT_ROUNDS_MAX times at most
 *     done      every record has its outcome
 *
 * Records of one shard keep their order.  A group is what one log entry holds;
 * a shard that gets more has several groups.
 *
 * All memory is the request's arena, but for the bufs.  For the files of this
 * folder only.
 */
#ifndef API_PUT_BATCH_H
#define API_PUT_BATCH_H

#include "api/handler.h"
#include "api/route.h"
#include "shard/command.h"

struct put_batch;
typedef void (*put_batch_cb)(struct put_batch *batch);

struct put_item {
    struct record record;
    struct u128 hash;
    unsigned char hash_key[16]; /* record.hash_key, when the producer gave one */
    uint32_t group;             /* place among the groups of the last round that it was in */
    uint32_t place;             /* in its group */
    struct put_group *in;       /* that group */
};

struct put_group {
    struct put_batch *batch;
    struct seqno_shard name; /* what the shard's sequence numbers have in common */
    unsigned char *end;      /* of what is encoded so far */
    struct route_put route;
    enum err err;
};

struct put_batch {
    struct request *request;
    struct put_item *items;
    uint32_t item_count;
    struct put_group *groups; /* of this round */
    uint32_t group_count;
    uint32_t waiting; /* groups without an outcome */
    uint32_t rounds;  /* so far: shards were split or merged meanwhile */
    uint64_t due_ms;  /* monotonic: for all rounds together */
    uint64_t stream;  /* id */
    struct slice bad_hash_key; /* an explicit one out of range; len 0: there is none */
    const char *no_key;        /* the path of the first record without a key; NULL: all have one */
    bool encrypted;            /* so the stream is said to be */
    struct work work;
    put_batch_cb done;
};

/* One record as a request has it; NULL for a member that is not there. */
struct put_source {
    const struct slice *key, *hash_key;
    struct slice data;
};

/* A batch with room for `count` items, as request->state.  False: no memory, the request's error is
 * set.  Any thread. */
bool put_batch_new(struct request *request, uint32_t count);

/* Adds the next record; `path` names it in an error ("" or "records.7.member.").  False: no memory,
 * the request's error is set.  Any thread. */
bool put_batch_add(struct request *request, struct digest *digest, const struct put_source *source,
                   const char *path);

/* Whether the stream takes these records.  False: the request has failed. */
bool put_batch_check(struct request *request, const struct model_stream *stream);

/* Stores them.  `done` runs when every group has its `err`, unless the request failed before. */
void put_batch_start(struct request *request, const struct model_stream *stream, put_batch_cb done);

/* Of an item whose group has ERR_OK; texts in the arena, `*ok` false without memory. */
struct slice put_item_shard(const struct put_batch *batch, uint32_t item, bool *ok);
struct slice put_item_seqno(const struct put_batch *batch, uint32_t item, bool *ok);

#endif
