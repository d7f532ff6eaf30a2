#include "lines.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_BYTES 65536u

static enum err fill(struct lines *lines);
static bool take(struct lines *lines, struct slice *line);

void lines_init(struct lines *lines, int fd)
{
    *lines = (struct lines){ .fd = fd };
}

void lines_fini(struct lines *lines)
{
    free(lines->room);
    lines->room = NULL;
}

enum err lines_next(struct lines *lines, struct slice *line)
{
    while (!take(lines, line)) {
        if (lines->ended)
            return ERR_NOT_FOUND;
        if (lines->to - lines->from > LINE_BYTES_MAX) {
            lines->number++;
            return ERR_TOO_BIG;
        }
        struct pollfd input = { .fd = lines->fd, .events = POLLIN };
        if (!lines->paused && poll(&input, 1, 0) == 0) {
            lines->paused = true;
            return ERR_BUSY;
        }
        lines->paused = false;
        enum err err = fill(lines);
        if (err != ERR_OK)
            return err;
    }
    return ERR_OK;
}

/* A whole line, or what stands behind the last line end when nothing follows. */
static bool take(struct lines *lines, struct slice *line)
{
    size_t len = lines->to - lines->from;

    if (len == 0)
        return false; /* and perhaps no room yet */
    char *start = lines->room + lines->from;
    char *end = len == lines->searched
                    ? NULL
                    : memchr(start + lines->searched, '\n', len - lines->searched);

    lines->searched = len;
    if (end == NULL && !lines->ended)
        return false;
    if (end != NULL)
        len = (size_t)(end - start);
    *line = slice_of(start, len);
    lines->from += len + (end != NULL);
    lines->searched = 0;
    lines->number++;
    return true;
}

static enum err fill(struct lines *lines)
{
    size_t len = lines->to - lines->from;

    if (lines->from > 0) {
        memmove(lines->room, lines->room + lines->from, len);
        lines->from = 0;
        lines->to = len;
    }
    if (lines->room_bytes - len < READ_BYTES) {
        size_t bytes = lines->room_bytes * 2 + READ_BYTES;
        char *larger = realloc(lines->room, bytes);
        if (larger == NULL)
            return ERR_NO_MEMORY;
        lines->room = larger;
        lines->room_bytes = bytes;
    }

    ssize_t got;
    do {
        got = read(lines->fd, lines->room + lines->to, lines->room_bytes - lines->to);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return ERR_IO;
    lines->to += (size_t)got;
    lines->ended = got == 0;
    return ERR_OK;
}
