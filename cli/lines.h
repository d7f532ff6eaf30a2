/* lines.h - lines of a file or a pipe, and whether there are more at once.
 *
 * Someone who types, or `tail -f`, must not wait until a batch is full: when
 * nothing more can be read without waiting, lines_next() says so, and the
 * caller sends what it has before it calls again, which then waits.
 */
#ifndef CLI_LINES_H
#define CLI_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

/* A line is a record, and none may be longer than this whatever the stream's limit is. */
#define LINE_BYTES_MAX (10u * 1024u * 1024u)

struct lines {
    int fd;
    uint64_t number; /* of the line that came last; the first is 1 */
    char *room;      /* private, the rest too */
    size_t room_bytes, from, to;
    size_t searched; /* no line end before it */
    bool ended, paused;
};

void lines_init(struct lines *lines, int fd);
void lines_fini(struct lines *lines);

/* The next line without its end, valid until the next call.
 *
 * ERR_BUSY       nothing more for now: the next call waits
 * ERR_NOT_FOUND  the end
 * ERR_TOO_BIG    a line of more than LINE_BYTES_MAX; `number` is its number
 * ERR_IO         errno says why
 * ERR_NO_MEMORY */
MUST_CHECK enum err lines_next(struct lines *lines, struct slice *line);

#endif
