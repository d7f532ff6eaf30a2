/* note.h - the diagnostic logger: what an operator reads when something is odd.
 *
 * One event is one line of logfmt, written at once:
 *
 *     ts=2026-03-01T12:00:00.123Z level=info event=shard.opened group=17 term=4
 *
 * Events are named noun.past.  Nothing secret and no payload goes in here.  The
 * word "log" is kept for the Raft log.
 *
 *     note_init  ->  note_to_file or note_to  ->  note_event ...
 *
 * The time and the sink are given from outside, so that the simulator's lines
 * carry virtual time and land in its trace.  After that the struct is constant:
 * any thread may call note_event(), if time and sink allow it (those of the
 * daemon do).  There is nothing to free.
 */
#ifndef BASE_NOTE_H
#define BASE_NOTE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

enum note_level { NOTE_DEBUG, NOTE_INFO, NOTE_WARN, NOTE_ERROR, NOTE_OFF };

/* Milliseconds since 1970. */
typedef uint64_t (*note_time_fn)(void *ctx);

/* Takes one line of `len` bytes, which ends with a line feed. */
typedef void (*note_sink_fn)(void *ctx, const char *line, size_t len);

struct note {
    enum note_level least; /* events below it are dropped */
    note_time_fn time_ms;
    void *time_ctx;
    note_sink_fn sink;
    void *sink_ctx;
};

/* Without a sink nothing is written.  `time_ms` may be NULL: then lines have no ts. */
void note_init(struct note *note, enum note_level least, note_time_fn time_ms, void *time_ctx);

/* Lines go to `file`, each flushed. */
void note_to_file(struct note *note, FILE *file);

/* Lines go to `sink`. */
void note_to(struct note *note, note_sink_fn sink, void *ctx);

/* Writes one line, cut at NOTE_LINE_BYTES_MAX; control characters become blanks.  `format`
 * makes the "key=value" pairs and may be empty.  `note` may be NULL: then nothing happens. */
void note_event(struct note *note, enum note_level level, const char *event, const char *format,
                ...) PRINTF_LIKE(4, 5);

/* The level called `name` ("debug", "info", "warn", "error", "off").  ERR_INVALID. */
MUST_CHECK enum err note_level_parse(const char *name, enum note_level *ret);

#define NOTE_VALUE_BYTES_MAX 512

struct note_value {
    char text[NOTE_VALUE_BYTES_MAX];
};

/* `value` as logfmt wants it: as it is, or in quotes when it is empty or holds blanks, quotes or
 * equals signs.  The answer lies in `room`, cut to fit. */
const char *note_quote(struct note_value *room, const char *value);

/* note_quote() for an argument of note_event(). */
#define NOTE_QUOTED(value) note_quote(&(struct note_value){ .text = "" }, (value))

#endif
