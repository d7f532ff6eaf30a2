/* log.h - the node's one log: what every group of this node must not forget.
 *
 * All groups append to one sequence of preallocated, recycled segment files.
 * What is appended during a turn of the loop leaves as one frame in one
 * synchronous write at the end of the turn; while it is under way the next
 * frame gathers.  One frame is in flight, so order in the file is order in
 * time, and one number says what is durable: the turn.  What is too much for
 * one frame is as many turns as frames.
 *
 *     log_open      reads the table, scans the open segments, repairs a torn tail
 *     log_state     each group's share of what was found
 *     log_entry, log_truncate, log_hard, log_start    join this turn's frame
 *     on_durable    everything up to a turn is on the disk
 *     log_read, log_seek    entries by index or by time, from memory, disk or both
 *     log_mend      a damaged entry is whole again
 *     log_applied, log_trim  what may be forgotten
 *     log_close     writes what has gathered, then closes
 *
 * A full segment is filed: its index goes to the table in one synced batch,
 * with the state of each group it changed; from then on the table is the truth
 * for it, and the memory of its entries is given back.  Segments in which
 * nothing is alive are recycled.
 *
 * Loop thread only, callbacks never from inside a call.  A failed write is
 * reported once through on_failed and the log is dead: stop the process.
 */
#ifndef LOG_LOG_H
#define LOG_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "env/clock.h"
#include "env/disk.h"
#include "env/random.h"
#include "env/work.h"
#include "log/entry.h"
#include "env/work.h"
#include "table/keys.h"
#include "table/table.h"

struct log;

/* An entry that this node cannot give back. */
struct log_damage {
    struct entry_head head;   /* group and index only when `segment` is 0 */
    uint64_t segment, offset; /* where its payload lies; 0: the tables do not say it */
    char file[DISK_NAME_MAX]; /* the segment's; "" likewise */
    bool known;               /* found before, and not mended since */
};

struct log_options {
    uint64_t node;            /* id of this node, in every frame */
    uint64_t segment_bytes;   /* for new segments; a multiple of DISK_ALIGN.  Below
                               * LOG_SEGMENT_BYTES_MIN for tests, whose entries are small */
    uint32_t segments_ahead;  /* made before they are needed; at least 2, one of them the reserve */
    uint64_t log_bytes_max;   /* no new segment beyond this sum; 0 = the disk decides */
    uint64_t read_gap_bytes;  /* that are read to save a read; 0 = LOG_READ_GAP_MAX.  For tests,
                               * whose segments are small */
    uint64_t empty_bytes_per_s; /* while a segment is emptied; 0 = LOG_EMPTY_BYTES_PER_S */
    void (*on_durable)(void *ctx, uint64_t turn);            /* turns up to this are durable */
    void (*on_failed)(void *ctx, const struct reason *reason); /* once; stop the process */
    /* Instead, when rows of the tables are found damaged: whoever starts it again ends like this
     * again, and what the node promised may be lost.  The sentence says what to do.  NULL:
     * on_failed. */
    void (*on_spoiled)(void *ctx, const struct reason *reason);
    /* Each time that a read finds a damaged entry; `why` names group, entry, file and offset.  May
     * be NULL.  The read itself answers ERR_CORRUPT, or ERR_IO. */
    void (*on_damaged)(void *ctx, const struct log_damage *damage, const struct reason *why);
    void *ctx;
};

/* What the platform gives; all must outlive the log. */
struct log_world {
    struct disk *disk;
    struct table *table;
    struct clock *clock;
    struct random *random;
    struct work_pool *work;
};

/* What was found, for /metrics and for one line in the diagnostics. */
struct log_recovery {
    uint64_t frames, entries;
    uint64_t torn_frames;  /* a last frame that never was acknowledged, cut off: no harm */
    uint64_t last_turn;
    uint64_t whole_turn;   /* the last one of which all frames are there */
};

/* Blocking.  On error nothing is changed on the disk, and the reason says what to do:
 * ERR_CORRUPT   damage that a torn tail cannot explain: this node may have forgotten a vote or an
 *               acknowledged entry, and must not take part under its id
 * ERR_FOREIGN   the directory belongs to another node
 * ERR_VERSION   written by a newer Braid
 * ERR_NO_SPACE, ERR_IO */
MUST_CHECK enum err log_open(struct log **ret, const struct log_options *options,
                             const struct log_world *world, struct reason *reason);

struct log_recovery log_recovery(const struct log *log);

/* `closed` runs when everything is written and nothing is under way; the log is freed then. */
void log_close(struct log *log, void (*closed)(void *ctx), void *ctx);

/* ---- groups ---- */

/* All that the log knows of one group.  Owned by the log; `const` for everybody else. */
struct log_state {
    uint64_t group;
    uint32_t epoch;
    uint32_t member_count;
    uint64_t members[GROUP_MEMBERS_MAX]; /* node ids of this epoch */
    uint64_t start_index, start_term;    /* where this epoch starts: libraft's lies above */
    uint64_t term, vote;
    uint64_t first;                      /* oldest entry still kept; last + 1 when there is none */
    uint64_t last, last_term, last_time_ms; /* newest entry, or the epoch's start */
    uint64_t applied, applied_term, applied_time_ms; /* known committed, a lower bound */
    uint32_t image_bytes;
    unsigned char image[IMAGE_BYTES_MAX]; /* applied state at `applied` */
};

/* NULL when the group has no START in this log. */
const struct log_state *log_state(const struct log *log, uint64_t group);

/* Every group, in ascending order of ids: the one above `after`, NULL at the end. */
const struct log_state *log_state_next(const struct log *log, uint64_t after);

/* The one at this place of that order, from 0 on; NULL behind the last one.  O(1). */
const struct log_state *log_state_at(const struct log *log, size_t place);

/* Goes up whenever a state changes, comes or goes: who looks at all of them need not look again. */
uint64_t log_changes(const struct log *log);

/* The group whose state was the one that changed, of the newest LOG_CHANGES_KEPT changes: `change`
 * is from 1 to log_changes(). */
#define LOG_CHANGES_KEPT 16u
uint64_t log_changed(const struct log *log, uint64_t change);

/* ---- appending: each returns the turn that makes it durable ---- */

/* Appends the entry at head->index, which must be last + 1 of its group.  Takes a reference on
 * `payload` (NULL when head->length is 0) until it is durable. */
uint64_t log_entry(struct log *log, const struct entry_head *head, struct buf *payload);

/* The same for one that nobody waits for: its frame is cut so that the disk is soon free for what
 * others do wait for. */
uint64_t log_fill(struct log *log, const struct entry_head *head, struct buf *payload);

/* Removes the group's entries at and above `from`. */
uint64_t log_truncate(struct log *log, uint64_t group, uint64_t from);

/* Term and vote; vote 0 = none. */
uint64_t log_hard(struct log *log, uint64_t group, uint64_t term, uint64_t vote);

/* Begins an epoch of a group, which may be new: members, start, image.  Cuts entries above
 * start->start_index.  What lies below stays when the group has that very entry (start_term); else
 * the group begins anew behind it.  Reads of `start`: group, epoch, members, start_*, term, vote,
 * image and last_time_ms (the time of the entry at start_index, 0 when there is none). */
uint64_t log_start(struct log *log, const struct log_state *start);

/* Whether the newest START of the group, which has one, is durable. */
bool log_started(const struct log *log, uint64_t group);

/* The turn that is gathering now; the last one that is durable. */
uint64_t log_turn(const struct log *log);
uint64_t log_durable(const struct log *log);

/* Whether `bytes` more of payload can be taken without using the reserve that is kept for hard
 * state.  False: refuse puts with ERR_NO_SPACE; retention or a larger disk heals it. */
bool log_has_room(const struct log *log, size_t bytes);

/* About how many bytes that is now, heads of entries and all; more when files are made or free. */
uint64_t log_room(const struct log *log);

/* The same for what frees a full disk and hence may use the reserve: a change of the catalogue, as
 * the deletion of a stream.  Part of the reserve stays for hard state alone. */
bool log_has_reserve(const struct log *log, size_t bytes);

/* Bytes that were given to the log and are not durable yet. */
size_t log_pending_bytes(const struct log *log);

/* Of them: by log_fill(). */
size_t log_filling_bytes(const struct log *log);

/* ---- what is known committed, and what may be forgotten ---- */

/* Entries up to `index` are applied, with this image.  A hint that survives a restart sooner or
 * later (filing, or log_save); the entries themselves are durable already. */
void log_applied(struct log *log, uint64_t group, uint64_t index, uint64_t term, uint64_t time_ms,
                 struct slice image);

/* Entries below `first` will not be read any more.  Never above applied + 1. */
void log_trim(struct log *log, uint64_t group, uint64_t first);

/* The group is gone for good: its entries, its state and its rows. */
void log_forget(struct log *log, uint64_t group);

/* Writes the states that changed since they were last written, unsynced, on a worker.  Called every
 * few seconds, and before a graceful stop. */
void log_save(struct log *log);

/* ---- reading ---- */

/* The head of an entry that is in memory.  Those of open segments are, and those above `applied`.
 * ERR_NOT_FOUND: it is not; ERR_TRIMMED. */
MUST_CHECK enum err log_head(const struct log *log, uint64_t group, uint64_t index,
                             struct entry_head *ret);

/* Blocking, at a replica's opening only: heads of `first` .. `last`, wherever they are. */
MUST_CHECK enum err log_heads_now(struct log *log, uint64_t group, uint64_t first, uint64_t last,
                                  struct entry_head *heads, struct reason *reason);

struct log_read_entry {
    struct entry_head head;
    struct buf *payload; /* NULL when head.length is 0 */
};

#define LOG_READ_ENTRIES_MAX 1024u

struct log_read;
typedef void (*log_read_cb)(struct log_read *req, enum err err);

/* Embedded in the caller, which owns it until the callback, and the result until log_read_fini().
 * Must be zeroed before its first use. */
struct log_read {
    /* in */
    uint64_t group, first, last; /* inclusive; never above what the reader may see */
    size_t bytes_max;            /* stops before the entry that would pass it, but gives one */
    uint64_t records_max;        /* stops when it has so many records; 0 = they are not counted, */
    uint64_t since_ms;           /* nor those of entries that are older */
    bool heads_only;             /* no payloads: cheap */
    bool background;             /* one read of the disk at a time, of a bounded size */
    size_t at_once_bytes;        /* of which no more are read at a time; 0 = LOG_READS_MAX reads */
    /* Groups are read side by side: what lies around an entry in a filed segment is read too, and
     * kept for a moment for the next group's read (shelf.c). */
    bool shared;
    /* out */
    struct log_read_entry *entries;
    uint32_t count;
    uint64_t disk_bytes; /* that were read for it */
    struct reason reason;
    /* private */
    log_read_cb cb;
    void *job;
};

/* Entries from `first` on, as many as fit, checked against their checksums.
 * ERR_TRIMMED    `first` is below the oldest kept entry
 * ERR_NOT_FOUND  `first` is above the newest
 * ERR_CORRUPT    the entry at `first` is damaged; those before a damaged one are given
 * ERR_IO         likewise, by a block that the disk cannot read; or the tables cannot be read
 * ERR_NO_MEMORY */
void log_read(struct log *log, struct log_read *req, log_read_cb cb);

/* Drops the result; legal on a zeroed or failed request. */
void log_read_fini(struct log_read *req);

/* The damaged entries that are known of, in the order of groups and indices: the first one above
 * this place, NULL at the end.  What is not an entry of its group any more is dropped on the way.
 * At most LOG_DAMAGED_MAX are remembered, the first ones found. */
const struct log_damage *log_damaged_next(struct log *log, uint64_t group, uint64_t index);

struct log_mend;
typedef void (*log_mend_cb)(struct log_mend *req, enum err err);

/* Embedded in the caller, which owns it until the callback. */
struct log_mend {
    /* in */
    struct entry_head head; /* the whole one, as a read or log_damaged_next() gave it */
    struct buf *payload;    /* what another member has; a reference is held meanwhile */
    /* out */
    bool wrote; /* false: it was sound, or nothing could be done */
    bool aside; /* written elsewhere, because its place is of no use */
    struct reason reason;
    /* private */
    log_mend_cb cb;
};

/* Makes a damaged entry whole: writes its payload again, in the place where it was, and reads it
 * back.  Of any durable entry, applied or not: what it says does not change.  Where its first or
 * last block, in which others lie too, cannot be read, or what was written cannot, it is written
 * elsewhere, if its segment is filed and it is applied.
 * ERR_INVALID    the payload is not what the head names
 * ERR_NOT_FOUND  the group has no such entry any more
 * ERR_BUSY       LOG_MENDS_MAX are under way; or it is to be written elsewhere, and is not filed or
 *                not applied yet
 * ERR_NO_SPACE   likewise, and no segment has room for it
 * ERR_CORRUPT    the disk gives back something else, elsewhere too
 * ERR_IO         the disk cannot read it, elsewhere too; or not write it, then the log is dead
 * ERR_CLOSED     the log was closed meanwhile
 * ERR_NO_MEMORY */
void log_mend(struct log *log, struct log_mend *req, log_mend_cb cb);

struct log_seek;
typedef void (*log_seek_cb)(struct log_seek *req, enum err err);

struct log_seek {
    /* in */
    uint64_t group, first, last; /* range to look in, inclusive */
    uint64_t time_ms;
    /* out */
    uint64_t index; /* the first entry whose time is >= time_ms; last + 1 when there is none */
    struct reason reason;
    /* private */
    log_seek_cb cb;
    void *job;
};

/* Binary search by time.  Errors as log_read(). */
void log_seek(struct log *log, struct log_seek *req, log_seek_cb cb);

struct log_rows;
typedef void (*log_rows_cb)(struct log_rows *req, enum err err);

/* Zeroed before its first use; the caller's, but from a call to its callback. */
struct log_rows {
    /* in */
    size_t bytes_max; /* a row is read whole */
    /* out */
    uint64_t rows, bytes;
    bool over; /* it was the last part of all tables */
    struct reason reason;
    /* private */
    unsigned char from[KEY_BYTES_MAX + 2];
    size_t from_len;
    enum table_space space;
    enum err err;
    struct log *log;
    log_rows_cb cb;
    struct work work;
};

/* Reads rows of the tables, from the disk, and from where the last call with `req` ended, so that
 * damage is found while nobody needs them.
 * ERR_CORRUPT  a row is damaged; the log goes on, and ends when it needs that one
 * ERR_IO       the disk does not give them now */
void log_rows_read(struct log *log, struct log_rows *req, log_rows_cb cb);

/* ---- figures for /metrics ---- */
struct log_figures {
    uint64_t frames, bytes_framed, bytes_payload, entries;
    uint64_t segments_open, segments_full, segments_free;
    uint64_t segments_unfiled; /* of the full ones, those that are not filed yet */
    uint64_t bytes_total; /* of all segment files */
    uint64_t write_ns_sum, write_count, write_ns_max;
    uint64_t write_ns_now; /* how long the one under way has taken so far; 0: none is */
    uint64_t reads, read_bytes;
    uint64_t lookups; /* of index rows, in the tables */
    uint64_t corrupt_entries; /* times that an entry was read and was damaged */
    uint64_t damaged_entries; /* known of now */
    uint64_t mended_entries;  /* written again, and whole since; */
    uint64_t moved_entries;   /* of them, those that were written elsewhere */
    uint64_t segments_emptied; /* what lived in them was written aside, and they are free */
    uint64_t bytes_aside;      /* payloads that were written so */
    uint64_t empties_failed;   /* left as they were: a damaged entry, or no free file */
    uint64_t creates_failed; /* attempts to make a segment; tried again with growing pauses */
    uint64_t jobs_put_off;   /* writes that found no room in the tables; tried again likewise */
};
struct log_figures log_figures(const struct log *log);

#endif
