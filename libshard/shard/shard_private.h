/* shard_private.h - a shard from the inside, for the files of this folder. */
#ifndef SHARD_SHARD_PRIVATE_H
#define SHARD_SHARD_PRIVATE_H

#include "env/timer.h"
#include "shard/position.h"
#include "shard/retention.h"
#include "shard/shard.h"
#include "shard/tail.h"

/* What applying has made of the log so far; all that a restart must know. */
struct shard_image {
    uint64_t records, bytes;
    uint64_t newest_time_ms; /* of the newest entry with records, 0 = none */
    uint64_t newest_index;   /* its index, 0 = none: behind it there is nothing to read */
    uint64_t end_index, end_time_ms; /* of the END, 0 = none: behind it come no records */
};

struct shard {
    struct shard_options options;
    struct shard_world world;
    shard_role_cb on_role;
    shard_sealed_cb on_sealed;
    void *ctx;

    struct replica *replica; /* NULL once it is closed, and while the shard rests */
    enum replica_role role;
    uint64_t leader;
    uint64_t applied;
    struct shard_image image;

    struct putq putq;
    struct tail tail;
    struct quota quota;
    struct retention retention;

    struct list requests;   /* locates and reads whose callbacks have not run */
    uint32_t reads_waiting; /* of them: reads that wait for the log */
    struct list watch;      /* of them: reads that wait for records to come */
    uint32_t watch_count;
    struct defer wake;

    bool closing;
    bool over;         /* its epoch is */
    bool seal_reading; /* `seal_read` is under way */
    struct log_read seal_read;
    struct timer seal_again;
    struct entry_head seal_head;
    struct defer close_defer;
    void (*closed)(void *ctx);
    void *closed_ctx;

    uint64_t put_calls, put_records, put_bytes, put_throttled;
    uint64_t read_calls, read_records, read_bytes, read_throttled, read_behind_ms;
};

/* replica_events.applied and .image (apply.c); `ctx` is the shard. */
void apply_entry(void *ctx, const struct entry_head *head, struct buf *payload);
uint32_t apply_image(void *ctx, unsigned char bytes[IMAGE_BYTES_MAX]);

/* What an entry does to the counters alone. */
void apply_head(struct shard_image *image, const struct entry_head *head);

/* Of a shard that rests (rest.c), behind load(): applies what the log has up to the END.
 * ERR_NOT_FOUND: there is none. */
MUST_CHECK enum err rest_load(struct shard *shard, struct reason *reason);
/* What its replica would say. */
struct replica_status rest_status(const struct shard *shard);

/* Reads what apply_image() wrote; no bytes are a shard without records.
 * ERR_CORRUPT, ERR_VERSION. */
MUST_CHECK enum err apply_image_read(struct shard_image *image, struct slice bytes,
                                     struct reason *reason);

/* What a request hears of a shard that closes: ERR_NOT_LEADER (ask again, soon somebody can) when
 * only its epoch is over, else ERR_CLOSED. */
enum err shard_end_err(const struct shard *shard);

/* For watch.c, at the end of a turn: a read that waited looks again; one waits no more. */
void cursor_go_on(struct shard_read *req);
void cursor_end_wait(struct shard_read *req, enum err err);

/* To be called at the end of each callback from below: a shard that closes is freed when nothing is
 * under way any more. */
void shard_settle(struct shard *shard);

#endif
