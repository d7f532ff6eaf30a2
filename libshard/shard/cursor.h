/* cursor.h - reading a shard: from what point, and on from there.
 *
 * A position is a place between two records: (index, ordinal) of the next
 * record to read.  It is what an iterator carries.  Positions move to the
 * horizon by themselves when retention has passed them, as AWS's do.
 *
 *     locate   iterator type -> position           (five types, reference 3.7)
 *     read     position -> records, next position
 *
 * Both may need the disk, hence requests with callbacks.  A reader never sees
 * an entry that is not committed, nor one that retention has passed.
 */
#ifndef SHARD_CURSOR_H
#define SHARD_CURSOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "env/timer.h"
#include "log/log.h"
#include "shard/seqno.h"

struct shard;

/* The next record to read. */
struct position {
    uint64_t index;
    uint32_t ordinal;
};

/* Where the shard was rescued: after which indices of the log its places jump (gaps.h); ascending.
 * Positions, sequence numbers and read_part.index are places. */
struct gaps {
    uint32_t count;
    uint64_t at[RESCUES_MAX];
};

/* Fixed numbers: they travel between nodes. */
enum locate_type {
    LOCATE_TRIM_HORIZON = 1,
    LOCATE_LATEST = 2,
    LOCATE_AT_SEQUENCE_NUMBER = 3,
    LOCATE_AFTER_SEQUENCE_NUMBER = 4,
    LOCATE_AT_TIMESTAMP = 5
};

struct locate;
typedef void (*locate_cb)(struct locate *req, enum err err);

/* Embedded in the caller until the callback.  Zeroed before first use. */
struct locate {
    /* in */
    enum locate_type type;
    struct seqno seqno;   /* for AT_ and AFTER_SEQUENCE_NUMBER */
    uint64_t time_ms;     /* for AT_TIMESTAMP */
    uint64_t hidden_ms;   /* as in shard_read */
    /* out */
    struct position position;
    /* private */
    struct shard *shard;
    locate_cb cb;
    struct log_seek seek;
    struct defer defer;
    struct list_node link;
    enum err err;
};

/* ERR_NOT_LEADER  LATEST, and a time behind the newest record here, can be said only by a leader
 *                 within its lease
 * ERR_INVALID     `type` is none
 * ERR_CLOSED, ERR_IO, ERR_CORRUPT, ERR_NO_MEMORY */
void shard_locate(struct shard *shard, struct locate *req, locate_cb cb);

/* One entry's share of an answer: records `first_ordinal` .. of the entry, `count` of them, whose
 * bytes (shard/command.h) are `records` inside `payload`. */
struct read_part {
    uint64_t index, time_ms;
    uint32_t first_ordinal, count;
    struct slice records;
    struct buf *payload; /* one reference, dropped by shard_read_fini() */
};

#define READ_PARTS_MAX 1024u

struct shard_read;
typedef void (*shard_read_cb)(struct shard_read *req, enum err err);

/* Embedded in the caller until the callback; the result until shard_read_fini().  Zeroed before
 * first use. */
struct shard_read {
    /* in */
    struct position from;
    uint32_t records_max; /* 1 .. GET_RECORDS_MAX, moved into that range */
    size_t bytes_max;     /* of data and keys, GET_BYTES_MAX at most; one record goes in any case */
    uint64_t now_ms;      /* the caller's wall clock, for `behind_ms` */
    uint64_t hidden_ms;   /* by this clock records are too old to be given; 0: none is */
    bool waits;           /* for records, when there are none: SHARD_WATCH_MS (watch.h) */
    bool unmetered;       /* no part of the shard's read limit: its reader is paced elsewhere */
    /* out */
    struct read_part *parts;
    uint32_t part_count;
    uint32_t record_count;
    size_t record_bytes;
    struct position next;
    uint64_t behind_ms; /* 0 at the tip, which only a leader within its lease can say; else at least
                         * 1: how old the next unread record is, or the last one given where only
                         * the disk knows; where none is known, for how long this member has not
                         * heard of a leader, so that it may lack records */
    struct reason reason;
    /* private */
    struct shard *shard;
    shard_read_cb cb;
    struct log_read log;
    struct defer defer;
    struct timer timer;     /* while it waits */
    uint64_t wait_due_ms;   /* monotonic; 0: it has not waited yet */
    struct list_node watch; /* likewise, in shard.watch */
    struct list_node link;
    enum err err;
    uint32_t parts_room;
    uint32_t tries; /* looks into the log */
    bool full;
};

/* What is there now; an empty answer when nothing is, or nothing came in time.
 * ERR_BUSY         the shard's read limit (ProvisionedThroughputExceeded)
 * ERR_UNAVAILABLE  SHARD_READS_MAX wait for the disk, which may hang: another replica may do better
 * ERR_CLOSED, ERR_IO, ERR_CORRUPT, ERR_NO_MEMORY */
void shard_read(struct shard *shard, struct shard_read *req, shard_read_cb cb);

void shard_read_fini(struct shard_read *req);

#endif
