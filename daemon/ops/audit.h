/* audit.h - what operators have done: DATA-DIR/audit.log.
 *
 *     audit_open -> audit_write(done) ... -> audit_close(cb)
 *
 * One JSON object a line, only ever appended, durable before audit_done runs; its form:
 * docs/formats/audit.md.  Nobody but people reads it: the node does not.
 *
 * Lines are written one after the other, in the order in which they were given, so that a disk that
 * hangs holds one worker and no more.  Who gave one waits for OPS_AUDIT_MS at most.
 *
 * Loop thread only; the file is written on a worker.
 */
#ifndef OPS_AUDIT_H
#define OPS_AUDIT_H

#include "base/buf.h"
#include "base/err.h"
#include "env/clock.h"
#include "env/work.h"

#define AUDIT_BY_MAX 64u    /* of who asked */
#define AUDIT_TIME_MAX 32u
#define AUDIT_CHANGE_BYTES_MAX 16384u /* a line about a change; a rescue's names all nodes */

struct audit_options {
    const char *path; /* of the file; made when something is said */
    struct work_pool *work;
    struct clock *clock;
};

struct audit;
struct audit_line;
typedef void (*audit_done)(void *ctx, enum err err, const struct reason *reason);
typedef void (*audit_cb)(void *ctx);

/* ERR_NO_MEMORY.  `options` is copied, with its path. */
MUST_CHECK enum err audit_open(struct audit **ret, const struct audit_options *options);

/* Nothing is taken any more; `cb` runs when all lines that were given have been written, or failed:
 * not before a disk that hangs lets go.  Each line has been left, or is done. */
void audit_close(struct audit *audit, audit_cb cb, void *ctx);

/* Appends `text`, which ends with a line feed; takes a reference.  `done` hears
 * ERR_IO, ERR_NO_SPACE  what the file system said: part of the line may be there
 * ERR_TIMEOUT           it is not there in time, and may be written still
 * ERR_BUSY              OPS_AUDIT_LINES_MAX wait already; from inside the call, and no line
 * ERR_NO_MEMORY         likewise, also when `text` is NULL */
void audit_write(struct audit *audit, struct buf *text, audit_done done, void *ctx,
                 struct audit_line **ret);

/* `done` does not run any more; the line is written still. */
void audit_leave(struct audit_line *line);

/* Now, as lines have it. */
void audit_time_print(char text[AUDIT_TIME_MAX]);

#endif
