/* audit.h - what operators have done: DATA-DIR/audit.log.
 *
 * One JSON object a line, only ever appended, durable before audit_done runs; its form:
 * docs/formats/audit.md.  Nobody but people reads it: the node does not.
 *
 * Loop thread only; the file is written on a worker.
 */
#ifndef OPS_AUDIT_H
#define OPS_AUDIT_H

#include "base/buf.h"
#include "base/err.h"
#include "env/work.h"

#define AUDIT_BY_MAX 64u    /* of who asked */
#define AUDIT_TIME_MAX 32u
#define AUDIT_CHANGE_BYTES_MAX 16384u /* a line about a change; a rescue's names all nodes */

struct audit {
    const char *path; /* of the file; made when something is said */
    struct work_pool *work;
};

struct audit_line;
typedef void (*audit_done)(void *ctx, enum err err, const struct reason *reason);

/* Appends `text`, which ends with a line feed; takes a reference.  ERR_IO and ERR_NO_SPACE say what
 * the file system said: part of the line may be there.  NULL: no memory, `done` will not run. */
struct audit_line *audit_write(const struct audit *audit, struct buf *text, audit_done done,
                               void *ctx);

/* `done` does not run any more; the line may be written still. */
void audit_leave(struct audit_line *line);

/* Now, as lines have it. */
void audit_time_print(char text[AUDIT_TIME_MAX]);

#endif
