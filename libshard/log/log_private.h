/* log_private.h - what the files of log/ share.  Not for other folders.
 *
 *     log.c       the public calls            recover.c   what a start finds
 *     group.c     states of groups            filing.c    full segments into the table
 *     index.c     places of open entries      reclaim.c   which segments are free
 *     head.c      gathers and writes          supply.c    files made before they are needed
 *     read.c      by index                    seek.c      by time
 *     mend.c      a damaged entry, written again
 *     lookup.c    places of filed entries      damage.c    entries that are damaged
 *     alive.c     what of a segment is alive   empty.c     one is emptied
 *     aside.c     where to                     switch.c    its rows, before and after
 *     move.c      one damaged entry goes there too
 *     hints.c     what may lag, and what filing must not make older
 *
 * All of it belongs to the loop thread.  Workers get structs of their own
 * (struct table_job, struct lookup, struct seek_job), and the runs, cuts and
 * states of a segment that was left: those do not change any more.
 */
#ifndef LOG_LOG_PRIVATE_H
#define LOG_LOG_PRIVATE_H

#include "base/bytes.h"
#include "base/list.h"
#include "env/timer.h"
#include "log/frame.h"
#include "log/log.h"
#include "log/rows.h"
#include "log/segment.h"

struct group;
struct segment;

/* Consecutive entries of one group in one segment that is not filed. */
struct run {
    struct list_node link;   /* in segment->runs; in no list once that is filed */
    struct group *group;     /* NULL when the group does not see any of it any more */
    struct segment *segment;
    uint64_t group_id, first;
    uint32_t count; /* as of the end of the segment: what filing writes */
    uint32_t live;  /* what the group still sees of it, from `first` on */
    uint32_t room;
    struct place *places;
};

struct group {
    struct log_state state;
    uint64_t made;          /* turn of the START that made it: tells incarnations apart */
    uint64_t started;       /* turn of its newest START */
    uint64_t start_time_ms; /* time of the entry at state.start_index */
    uint64_t gone_below;    /* at a start: it was trimmed so far, and rows may be gone */
    /* At a start, of the hint that was saved: its epoch, and what still counts of its trim.  A copy
     * that a START of a later epoch let go of may be filled again from before that. */
    uint32_t hint_epoch;
    uint64_t hint_first, again_first; /* the second: what a START of that epoch left, if one did */
    uint64_t doubt; /* at a start: an entry without a row, the first such; 0: none */
    /* A START of the same epoch took entries back, which may have been applied: a member that is
     * being filled begins anew with another member's answer.  What was saved is void then. */
    bool taken_back; /* since the process began, or in what it replayed */
    uint64_t let_go; /* turn of a START in the tail that did: a hint is filed with it; 0: none */
    struct run **runs;      /* by index, without gaps; the last ends at state.last */
    uint32_t run_count, run_room;
    struct list_node dirty_hard; /* in log->dirty_hard: changed since the tail was begun */
    struct list_node dirty_hint; /* in log->dirty_hint: changed since it was saved */
};

/* A preallocated file. */
struct segment_file {
    struct list_node link; /* in log->files_ready while in no use */
    struct disk_file *file;
    uint64_t id, bytes;
};

enum segment_phase {
    SEGMENT_OPEN,     /* gathers: the tail */
    SEGMENT_LEFT,     /* the head gathers elsewhere; frames may still be on their way */
    SEGMENT_COMPLETE, /* all is durable, the next one's first block too: to be filed */
    SEGMENT_FILED,    /* the table is the truth for it */
    SEGMENT_FREEING,  /* nothing in it lives; its rows are being deleted */
    SEGMENT_EMPTIED   /* no row knows it any more, but somebody still reads it */
};

/* Entries that a later segment took back: index >= from, or all and the state. */
struct cut {
    uint64_t group, from;
    bool forget;
    uint64_t forgotten; /* by that: turn of the START that had made the group */
};

/* One use of a file. */
struct segment {
    uint64_t number, life;
    uint64_t bytes;       /* frames end at or below */
    uint64_t end;         /* behind the last frame that was begun */
    uint64_t durable_end; /* behind the last frame on the disk */
    uint64_t previous_end, next_frame, next_turn; /* for its first block */
    uint64_t entries;
    struct segment_file *file; /* NULL while none is free */
    enum segment_phase phase;
    bool opened;   /* its first block is durable */
    uint32_t pins; /* reads under way */
    /* Until it is filed. */
    struct list runs; /* of struct run; one that lost all its entries stays */
    struct cut *cuts;
    uint32_t cut_count, cut_room;
    struct hard *hards; /* states that changed in it, as of its end */
    uint32_t hard_count;
    /* Afterwards: a run that was alive when last looked at. */
    struct extent witness;
    uint64_t alive;         /* bytes of payloads, when last looked at; UINT64_MAX: not yet */
    uint64_t behind;        /* the same behind all frames that waited then */
    uint64_t left_until_ms; /* on the monotonic clock: not to be emptied before */
    uint32_t kept; /* so many runs that groups have in memory lie here (index_filed()) */
};

/* An entry on its way to the disk. */
struct payload {
    struct buf *buf; /* NULL when it has none */
    struct run *run; /* lives until its segment is filed */
    uint64_t group, index;
    uint32_t length, crc;
};

#define GIVEN_MAX 2u
#define AHEAD_BYTES (64u * 1024u) /* such a frame goes to the disk behind the one that flies */

/* A frame that gathers, waits or is being written. */
struct frame_out {
    struct list_node link; /* in head.frames, in order */
    struct segment *segment;
    uint64_t offset, number, turn;
    struct writer items;
    uint32_t item_count, payload_count, payload_room;
    struct payload *payloads;
    uint64_t payload_bytes;
    uint64_t bytes; /* on disk; set when it is closed */
    bool closed;
    bool fills; /* it has entries that nobody waits for, */
    uint64_t fill_bytes; /* with so much payload */
    struct buffer *buffer; /* where it was built; NULL before */
    struct log *log;
    struct disk_io io;
    bool given; /* to the disk */
};

struct buffer {
    unsigned char *bytes;
    size_t size;
    bool busy;
};

/* What writes have taken; 0: none yet. */
struct write_cost {
    uint64_t fixed_ns; /* the least of a small one of late: what hung says nothing of the disk */
    uint64_t next_ns;  /* of those that count next */
    uint32_t next_count;
    uint64_t mib_ns;   /* of a large one, for 1 MiB, besides: the mean of the last few */
};

/* `bytes` were written, and durable, in `ns`. */
void cost_wrote(struct write_cost *cost, uint64_t bytes, uint64_t ns);

/* What a frame may have that nobody waits for, FRAME_BYTES_MIN to FRAME_BYTES_MAX; a larger entry
 * is alone. */
uint64_t cost_frame_bytes(const struct write_cost *cost);

struct head {
    struct list frames;          /* of struct frame_out; the first two may be with the disk */
    struct frame_out *gathering; /* the last of them, or NULL */
    struct buffer buffers[GIVEN_MAX];    /* of the first two */
    unsigned char *block;        /* a segment's first block on its way */
    struct disk_io io;           /* of the block */
    unsigned given;              /* writes that the disk has, up to GIVEN_MAX */
    unsigned rounds;             /* that the turn's end was put off */
    uint64_t flight_ns;          /* when the first of them began */
    struct defer turn_end;
    struct timer idle;
    bool wrote; /* since `idle` was started */
    struct write_cost cost;
};

enum table_job_kind {
    JOB_NONE,
    JOB_FILE,
    JOB_SAVE,
    JOB_LOOK,
    JOB_FREE,
    JOB_SURVEY,
    JOB_PLAN,
    JOB_SWITCH,
    JOB_MOVE
};

/* The one job that may write to the table at a time, so that rows never overtake each other. */
struct table_job {
    struct work work;
    enum table_job_kind kind;
    struct table *table;
    struct segment *segment; /* left: it does not change any more */
    struct log_row row;
    struct hint *hints;
    uint32_t hint_count;
    struct segment_row segment_row; /* JOB_LOOK's answer, JOB_FREE's list */
    struct emptying *emptying;      /* JOB_SURVEY, JOB_PLAN, JOB_SWITCH */
    struct move *move;              /* JOB_MOVE */
    enum err err;
    struct reason reason;
};

/* A decoded index row, shared by reads. */
struct cached_row {
    struct list_node link; /* in log->cache.rows, the last used first */
    struct index_row row;
};

/* Where its entries begin. */
struct cached_place {
    uint64_t group, first;
    struct cached_row *row;
};

/* A hint that filing a segment must leave as it is (hints.c). */
struct kept_hint {
    uint64_t group;
    uint64_t segment; /* the newest that is to be filed with a START or FORGET of the group */
    bool known;       /* one was taken since it is kept */
    struct hint hint; /* the newest that was: the tables may have it */
};

struct log {
    struct log_options options;
    struct log_world world;
    struct log_recovery recovery;
    struct log_figures figures;

    struct group **groups; /* by id */
    size_t group_count, group_room;
    uint64_t changes; /* of their states */
    uint64_t changed[LOG_CHANGES_KEPT]; /* groups, by change */
    struct list dirty_hard, dirty_hint;
    struct kept_hint **kept; /* by group */
    size_t kept_count, kept_room;

    struct segment **segments; /* by number: those that were written aside come last */
    size_t segment_count, segment_room;
    struct segment *tail; /* the head writes there */
    uint64_t aside_last;  /* number of the newest that was written aside, without the bit */
    struct emptying *emptying;
    struct move *move; /* the one that is under way, or waits; NULL: none */
    uint64_t filed; /* the highest number ever filed */

    struct list files_ready; /* of struct segment_file */
    uint32_t files_ready_count; /* of these, those that are not too small */
    uint32_t file_count;        /* of all, likewise */
    uint64_t file_next; /* id of the next file to make */
    uint64_t plan_bytes; /* what every file that is used for new frames has at least */
    uint64_t file_bytes_min; /* smaller ones, of another configuration, are not used again */
    struct disk_create create;
    bool creating;
    bool large_frames; /* in the last segment that was left, or what a start has read: new files are
                        * reserved only */
    uint64_t create_backoff_ms;
    struct timer create_later;

    struct head head;
    uint64_t turn;    /* gathering */
    uint64_t durable; /* turn */
    uint64_t frame_next;
    size_t pending_bytes, filling_bytes;

    struct table_job job;
    bool save_wanted, reclaim_wanted;
    struct timer reclaim_soon;
    struct timer job_later; /* runs while the tables are left alone */
    uint64_t job_backoff_ms;

    struct cache {
        struct list rows; /* of struct cached_row */
        struct cached_place places[LOG_ROWS_CACHED_MAX]; /* of all; no two rows have one entry */
        uint32_t count;
        uint32_t groups; /* that they are of */
        size_t bytes;
    } cache;
    struct blocks {
        struct list list; /* of struct block, the last used first */
        uint32_t count, reading; /* with memory; of them those that the disk reads */
        struct timer idle;
        bool used; /* since `idle` was started */
    } blocks;
    uint64_t cuts;      /* changes whenever filed rows may have lost entries */
    uint64_t lost_turn; /* the last one that took entries or groups away */
    uint64_t lent_turn; /* until it is durable, frames that wait may have the last file, once */
    uint32_t active; /* reads, seeks and lookups under way */

    struct log_damage *damaged; /* by group and index */
    uint32_t damaged_count;
    uint32_t mends; /* under way, those that were refused included */

    const struct hint *hints; /* at a start only: what was saved, by group */
    size_t hint_count;

    bool failed, closing;
    struct defer close_defer;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

static inline uint64_t log_read_gap(const struct log *log)
{
    return log->options.read_gap_bytes != 0 ? log->options.read_gap_bytes : LOG_READ_GAP_MAX;
}

/* No memory for a few bytes of bookkeeping: like a broken promise, it stops the process, because
 * an append cannot be refused half-way. */
__attribute__((returns_nonnull)) void *log_memory(size_t count, size_t size);
__attribute__((returns_nonnull)) void *log_memory_grow(void *bytes, size_t count, size_t size);

/* ---- log.c ---- */
void log_fail(struct log *log, const struct reason *reason);
/* Likewise, when the tables are damaged. */
void log_spoil(struct log *log, struct reason *reason);
/* What the tables say of their own files names the file and what is wrong, not what to do. */
void log_advise(struct reason *reason);
void log_close_kick(struct log *log);
void log_free(struct log *log);

/* ---- group.c ---- */
struct group *group_find(const struct log *log, uint64_t id);
struct group *group_make(struct log *log, uint64_t id);
void group_free(struct log *log, struct group *group);
/* The one above `after`; NULL at the end. */
struct group *group_next(const struct log *log, uint64_t after);
struct run *group_entry(struct log *log, struct group *group, const struct entry_head *head,
                        uint32_t offset);
/* False when the name of the entry before `from` is not in memory; nothing was done then. */
bool group_truncate(struct log *log, struct group *group, uint64_t from);
void group_cut_to(struct log *log, struct group *group, uint64_t from, uint64_t last_term,
                  uint64_t last_time_ms);
void group_hard(struct log *log, struct group *group, const struct log_state *hard);
/* `before_term` (0 = the group does not have it) and `before_time_ms`: of the entry that the epoch
 * starts behind. */
void group_start(struct log *log, const struct log_state *start, uint64_t turn,
                 uint64_t before_term, uint64_t before_time_ms);
void group_forget(struct log *log, struct group *group);
void group_trim(struct log *log, struct group *group, uint64_t first);
void group_applied(struct log *log, struct group *group, const struct hint *hint);
bool group_name_at(const struct group *group, uint64_t index, uint64_t *term, uint64_t *time_ms);
void group_hint(const struct group *group, struct hint *hint);
void state_hint(const struct log_state *state, uint64_t made, struct hint *hint);
/* Whether the table may already know it: what it promises is durable. */
bool group_hint_is_safe(const struct log *log, const struct group *group);
/* At a start, before the group's frames are replayed, or when they made it: what was saved. */
void group_foresee(const struct log *log, struct group *group);
/* That of the group, when there is one, is to be taken again. */
void group_hint_again(struct log *log, uint64_t id);

/* ---- hints.c ---- */
/* For the job that is about to start: every hint that changed and is safe, and with `filed` those
 * that would be written over by older ones when that segment is filed. */
void hints_take(struct log *log, const struct segment *filed);
/* The group's, for the tables. */
void hints_take_one(struct log *log, const struct group *group, struct hint *hint);
/* When the tail is filed, an older hint of the group than what will have been taken by then is
 * written, or none is left. */
void hints_outlive(struct log *log, uint64_t group);
/* At a start, when all is replayed: what the tables have.  ERR_CORRUPT: more was applied than is
 * there. */
MUST_CHECK enum err hints_apply(struct log *log, const struct hint hints[], size_t count,
                                struct reason *reason);
/* Segments up to log->filed are: what was kept for them goes. */
void hints_filed(struct log *log);
void hints_fini(struct log *log);

/* ---- index.c ---- */
struct run *index_add(struct log *log, struct group *group, const struct entry_head *head,
                      uint32_t offset);
const struct place *index_find(const struct group *group, uint64_t index, struct run **run);
/* The first index that is in memory; last + 1 when none is. */
uint64_t index_first(const struct group *group);
void index_cut(struct log *log, struct group *group, uint64_t from);
/* The group sees nothing of its runs any more.  What lies in segments that were left is filed all
 * the same, what lies in the tail is not. */
void index_detach(struct log *log, struct group *group);
/* As index_detach(), and what is filed goes. */
void index_forget(struct log *log, struct group *group);
void index_settle(const struct payload *payload, uint32_t offset);
/* After the segment was filed: keeps only what is not known to be applied. */
void index_filed(struct segment *segment);
void index_applied(struct group *group);
void index_keep(struct group *group, struct segment *segment, const struct index_row *row,
                uint64_t from, uint64_t last);
void run_free(struct run *run);
bool place_is_durable(const struct place *place, const struct segment *segment);
struct entry_head place_head(const struct place *place, uint64_t group, uint64_t index);

/* ---- segments: supply.c ---- */
struct segment *segment_find(const struct log *log, uint64_t number);
struct segment *segment_add(struct log *log, uint64_t number, uint64_t life,
                            struct segment_file *file);
struct segment *segment_tail(const struct log *log);
/* The tail is full: fixes the states as of its end, and begins the next. */
void segment_leave(struct log *log);
void segment_fix(struct log *log, struct segment *segment);
void segment_drop(struct log *log, struct segment *segment);
void segment_unfiled_free(struct segment *segment);
bool supply_bind(struct log *log, struct segment *segment);
void supply_give(struct log *log, struct segment_file *file);
/* Takes a free file out; any one when `id` is 0.  NULL when it is not there. */
struct segment_file *supply_take(struct log *log, uint64_t id);
void supply_kick(struct log *log);
/* The file that is being made is waited for. */
void supply_hurry(struct log *log);
void supply_add_file(struct log *log, struct disk_file *file, uint64_t id);
/* By the size of so many frames in the mean the next files are written, or reserved only. */
void supply_judge_frames(struct log *log, uint64_t frames, uint64_t bytes);

/* ---- head.c ---- */
void head_init(struct log *log);
void head_fini(struct log *log);
/* The frame that takes an item of these sizes; may close the one before and leave the tail. */
struct frame_out *head_room(struct log *log, uint64_t item_bytes, uint64_t payload_bytes);
struct frame_out *head_room_filled(struct log *log, uint64_t item_bytes, uint64_t payload_bytes);
uint64_t head_add(struct log *log, struct frame_out *frame, const struct frame_item *item);
/* The payload, which may be NULL, of the ENTRY that was just added. */
void head_add_payload(struct log *log, struct frame_out *frame, struct run *run,
                      const struct entry_head *head, struct buf *payload);
void head_kick(struct log *log);
void frame_free(struct frame_out *frame);
bool head_idle(const struct log *log);
/* All frames wait for a file, in one segment, and there is none for them.  The last one gathers. */
bool head_stands(const struct log *log);
/* An entry is among the frames that are not durable. */
bool head_has_entry(const struct log *log);
/* The payload of an entry that is not on the disk yet; NULL when it is not here. */
struct buf *head_payload(const struct log *log, uint64_t group, uint64_t index, uint32_t crc);

/* ---- flight.c ---- */
/* Gives the first frame to the disk, when it has none, and the second behind it. */
void flight_start(struct log *log);
void flight_follow(struct log *log);
/* Whether the frame, at this size, would go to the disk behind the one that flies. */
bool flight_takes(const struct log *log, const struct frame_out *frame, uint64_t bytes);
/* Lets a small frame that the disk has not begun gather again, when it is the last. */
void flight_recall(struct log *log);

/* Whether another file can be made, as far as is known. */
bool supply_can_grow(const struct log *log);
/* Free files that the head may take: all but those that are kept back. */
uint32_t supply_for_head(const struct log *log);
/* Whether frames that wait for a file get one now: one of those, or, when that may free others, one
 * that is kept back, or the very last (empty.c). */
bool supply_has_for(const struct log *log);

/* ---- filing.c, reclaim.c ---- */
/* Starts what is to be done next with the table, when nothing is under way. */
void jobs_kick(struct log *log);
void job_start(struct log *log, enum table_job_kind kind, struct segment *segment);
void job_put_hints(struct table_batch *batch, const struct table_job *job);
bool job_take_hints(struct log *log, const struct extent *extents, uint32_t count);
bool reclaim_next(struct log *log);
void reclaim_want(struct log *log);
void job_look_run(struct table_job *job);
void job_look_done(struct log *log);
void job_free_undo(struct log *log);
void job_free_run(struct table_job *job);
void segment_unpin(struct log *log, struct segment *segment);

/* ---- alive.c ---- */
/* Clips first .. last to what of it is to be moved before a filed segment is free in which no group
 * has runs in memory: what the group sees, and what a crash might bring again as long as the frame
 * that takes it back is not durable, so that a full log need not wait for that.  False: nothing. */
bool alive_range(const struct log *log, uint64_t group, uint64_t *first, uint64_t *last);
/* The filed segment to be emptied next; NULL when none is worth it. */
struct segment *alive_least(struct log *log);
/* Whether a segment's file comes back with no other one, once the frames that wait are durable. */
bool alive_frees_behind(const struct log *log);

/* ---- empty.c, switch.c ---- */
void empty_init(struct log *log);
void empty_close(struct log *log); /* nothing new begins */
void empty_fini(struct log *log);
/* Starts a job of the tables, if emptying needs one now. */
void empty_next(struct log *log);
bool empty_uses(const struct log *log, const struct segment *segment);
/* Whether so many bytes of the victim fit into the segment that is written aside now. */
bool empty_fits_aside(const struct log *log, const struct segment *victim, uint64_t bytes);
/* The segment is free: it is not written to any more. */
void empty_drop(struct log *log, const struct segment *segment);
void job_survey_run(struct table_job *job);
void job_survey_done(struct log *log);
void job_plan_run(struct table_job *job);
void job_plan_done(struct log *log);
void job_switch_run(struct table_job *job);
void job_switch_done(struct log *log);
/* The tables refused it: it will be tried again. */
void job_switch_undo(struct log *log);

/* Rows of the tables, on a worker. */
MUST_CHECK enum err job_get_segment(struct table_job *job, uint64_t number,
                                    struct segment_row *row);
void job_put_segment(struct table_batch *batch, uint64_t number, const struct segment_row *row);
/* The row with this key, if it is of this segment still; ERR_NOT_FOUND if not. */
MUST_CHECK enum err job_get_row(struct table_job *job, uint64_t segment, uint64_t group,
                                uint64_t first, struct index_row *row);

/* ---- aside.c ---- */
/* Takes a free file for a segment that is written aside.  NULL when none is to be taken. */
struct segment *aside_begin(struct log *log);
/* Its first block, before anything is written behind it. */
void aside_head(const struct log *log, const struct segment *segment, unsigned char *block);
/* Rows say that it has this run more, and ends there. */
void aside_grew(struct log *log, struct segment *segment, uint64_t end, const struct extent *run);
/* What was written behind the end that its row says, if it has one, does not count. */
void aside_take_back(struct log *log, struct segment *segment);

/* ---- lookup.c ---- */
struct lookup;
typedef void (*lookup_cb)(struct lookup *lookup, enum err err);

/* Finds the index row that holds an entry, on a worker, and with `ahead` those behind it, as long
 * as there is room for those of all groups that are read: who reads all of a group's log asks a
 * fraction as often.  Embedded in the caller. */
struct lookup {
    struct work work;
    struct log *log;
    struct table *table;
    uint64_t group, index;
    uint64_t cuts; /* of the log when it began */
    lookup_cb cb;
    bool ahead;
    struct index_row row; /* the answer; the callback takes it or leaves it */
    struct index_row next[LOG_ROWS_AHEAD]; /* likewise */
    uint32_t next_count;
    enum err err;
    struct reason reason;
};

void lookup_start(struct log *log, struct lookup *lookup, lookup_cb cb);
void cache_init(struct log *log);
const struct index_row *cache_find(struct log *log, uint64_t group, uint64_t index);
/* Takes the rows when they can be trusted later, else lets them go. */
void cache_put(struct log *log, struct lookup *lookup);
void cache_drop(struct log *log, uint64_t group, uint64_t from);
/* Rows of a segment that is emptied. */
void cache_drop_segment(struct log *log, uint64_t segment);
void cache_fini(struct log *log);
/* Blocking: on a worker, or at a start. */
MUST_CHECK enum err row_find(struct table *table, uint64_t group, uint64_t index,
                             struct index_row *row, struct reason *reason);

/* ---- shelf.c ---- */
struct block_wait;
typedef void (*block_wait_cb)(struct block_wait *wait, bool ready);

/* Embedded in the caller. */
struct block_wait {
    struct list_node link;
    block_wait_cb cb;
    bool background; /* little is read ahead for it, and the block in pieces */
};

void shelf_init(struct log *log);
void shelf_fini(struct log *log);
/* Whether parts of blocks may be kept: not when too many are kept by such parts. */
bool shelf_lends(const struct log *log);
/* The bytes of the segment from `at` on, a multiple of LOG_BLOCK_BYTES, to its next multiple or
 * the segment's end.  Until the end of this call's turn.  NULL: they are not here. */
struct buf *shelf_find(struct log *log, struct segment *segment, uint64_t at);
/* Reads them, and a few that come behind; `wait->cb` once, not from inside.  The segment must be
 * filed, and pinned meanwhile.  False: no room for them. */
bool shelf_want(struct log *log, struct segment *segment, uint64_t at, struct block_wait *wait);
/* What is known of the segment is forgotten. */
void shelf_drop(struct log *log, const struct segment *segment);

/* ---- damage.c ---- */
/* A read found this entry damaged; `segment` NULL: the tables do not say where it lies. */
void damage_found(struct log *log, const struct entry_head *head, const struct segment *segment,
                  uint32_t offset, const struct reason *why);
/* The entry is sound. */
void damage_gone(struct log *log, uint64_t group, uint64_t index);

/* ---- recover.c ---- */
MUST_CHECK enum err recover(struct log *log, struct reason *reason);

#endif
