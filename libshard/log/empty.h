/* empty.h - how far the emptying of a segment is.  Of alive.c, empty.c and switch.c alone.
 *
 * The victim is read from its beginning to its end in windows; what lives in a window is sorted by
 * group and written behind what the segment for such has already.  Until the rows are switched,
 * nothing of it is visible to anybody, and any trouble ends it without a trace.
 */
#ifndef LOG_EMPTY_H
#define LOG_EMPTY_H

#include "log/log_private.h"

enum empty_phase {
    EMPTY_IDLE,  /* no victim */
    EMPTY_PLAN,  /* its rows are being read */
    EMPTY_COPY,  /* what lives is read and written */
    EMPTY_SWITCH /* all of it is durable: the rows are to be written, or are being */
};

/* An index row of the victim. */
struct moved {
    uint64_t group, first;
    uint32_t count;
    uint32_t from, to;    /* of its entries these live: from <= i < to */
    struct place *places; /* of all; of those that live and were written, the new ones */
    unsigned char *into;  /* beside: which of emptying.asides */
};

/* A living entry of the victim, in the order of their offsets. */
struct item {
    uint32_t row, at; /* emptying.rows, and the entry in it */
    uint32_t offset, length;
};

/* A segment that is written into, and what its row is to have more. */
struct target {
    struct segment *segment;
    uint64_t number, life, file, end; /* as of the switch, for the worker */
    struct extent last; /* of what it got: a witness */
    uint64_t bytes;     /* that it got */
};

struct emptying {
    struct log *log;
    enum empty_phase phase;
    struct timer timer;
    /* What is alive in all segments. */
    uint64_t survey_from, survey_next; /* numbers: what the job reads, where the next begins */
    bool surveying;
    uint64_t survey_began_ms, survey_pause_ms;
    uint64_t surveyed_ms; /* when the last one ended; 0 = never */
    struct survey_row *survey; /* the job's answer */
    uint32_t survey_count, survey_room, survey_extents;

    struct segment *aside;  /* where the next victim goes too; NULL = a new one */
    struct segment *victim; /* pinned */
    struct extent *rest;    /* of the victim, that stay in it for the next time */
    uint32_t rest_count, extent_count; /* the second: what the victim's row has now */
    struct moved *rows;
    uint32_t row_count;
    struct item *items;
    uint32_t item_count, item_next;

    /* A window: items window_first .. window_end - 1. */
    uint32_t window_first, window_end;
    uint64_t window_at; /* offset in the victim of in[0] */
    uint32_t read_next; /* item that the next read begins with */
    uint32_t read_end;
    bool careful; /* a read failed: one entry at a time */
    unsigned char *in, *out;
    size_t in_room, out_room, out_len, out_at;
    uint32_t put_next; /* item of the window, sorted, that goes out next */
    struct disk_io io;
    uint64_t cost; /* bytes since the last pause */
    uint32_t yields;

    struct target targets[LOG_EMPTY_SPLIT_MAX];
    uint32_t target_count;
    uint32_t waits;
    bool held_up; /* the last one was given up for what is not durable */
    bool tried;   /* the tables refused the rows, and may have them all the same */
    bool damaged; /* an index row, at damaged_at */
    struct entry_head damaged_at;
};

struct survey_row {
    uint64_t number;
    struct segment_row row;
};

/* ---- alive.c ---- */
/* Starts a job that reads rows of segments; when job_survey_done() has seen them all, .surveyed_ms
 * is new. */
void survey_start(struct log *log);
void survey_forget(struct log *log);

/* ---- switch.c ---- */
/* The rows were read: .items, in the order in which they lie. */
void plan_items(struct emptying *emptying);
void switch_start(struct log *log);

/* ---- empty.c ---- */
/* Frames that wait get the last file, if another one comes back for it.  False: they do not. */
bool empty_lend(struct log *log);
/* The victim stays as it was, for so long at least. */
void empty_give_up(struct log *log, uint64_t pause_ms);
/* All of it is somewhere else. */
void empty_finish(struct log *log);

#endif
