/* move.h - one entry is written aside, its segment staying as it is.  Of mend.c, move.c and those
 * that must not come in between.
 *
 * For a damaged entry that cannot be written again in its place: other entries' bytes lie in the
 * same block, and the disk does not give them.  Its bytes go where emptying writes to (aside.c);
 * then one synced batch splits its index row: what comes before it, itself, what comes behind it.
 */
#ifndef LOG_MOVE_H
#define LOG_MOVE_H

#include "log/log_private.h"

enum move_phase {
    MOVE_WAIT,  /* for the tables, and for what is being emptied */
    MOVE_WRITE, /* the bytes, which are read back then */
    MOVE_SWITCH /* all of it is durable: the rows are to be written, or are being */
};

struct move;
typedef void (*move_cb)(struct move *move, enum err err);

/* Embedded in the caller, which owns it until the callback, and holds the log open meanwhile. */
struct move {
    /* in */
    struct segment *segment; /* filed, and pinned by the caller */
    struct entry_head head;
    struct place place; /* in it */
    uint64_t row_first; /* of the index row that says so */
    struct slice payload;
    /* out */
    struct reason reason;
    /* private */
    struct log *log;
    move_cb cb;
    enum move_phase phase;
    struct segment *into; /* pinned */
    uint64_t from;        /* in it: of the first byte of */
    unsigned char *bytes; /* the first block, if it is new; the payload, with zeros behind it */
    size_t len, at;
    uint64_t offset; /* of the payload in `into` */
    struct disk_io io;
    /* of the switch, for the worker: */
    struct place there;
    uint64_t number, life, file, end; /* of `into` */
    bool gone;                        /* the row does not say it any more */
    enum err err;                     /* a row cannot be read */
    uint32_t left;                    /* runs that the segment still has */
    struct extent witness;            /* one of them */
};

/* One at a time.  `cb` may come from inside of this call:
 * ERR_NOT_FOUND  the entry is gone
 * ERR_NO_SPACE   no segment to write it into
 * ERR_CORRUPT, ERR_IO  what was written cannot be read back
 * ERR_CLOSED, ERR_NO_MEMORY */
void move_start(struct log *log, struct move *move, move_cb cb);

/* True when a job of the tables was started. */
bool move_next(struct log *log);
/* It writes where emptying would. */
bool move_is_writing(const struct log *log);
void move_close(struct log *log);

void job_move_run(struct table_job *job);
void job_move_done(struct log *log);
/* The tables failed. */
void job_move_failed(struct log *log);

#endif
