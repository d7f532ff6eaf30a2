/* err.h - what went wrong, said twice: once for programs, once for people.
 *
 * Everything that can fail returns `enum err`; a value says what the caller can
 * do about it, not which system call failed.  Long-lived objects and calls that
 * an operator waits for also fill a `struct reason`: one sentence that names
 * the thing and the cause, wrapped on the way up ("open shard 17: read log:
 * entry 88123: checksum").  Outputs are written on success only.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdarg.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

enum err {
    ERR_OK = 0,
    ERR_NO_MEMORY,   /* nothing was done; may succeed later */
    ERR_BUSY,        /* a named maximum is reached: slow down and retry */
    ERR_NOT_LEADER,  /* nothing was done here: ask the leader */
    ERR_CLOSED,      /* the thing is sealed, deleted or shutting down; nothing was done */
    ERR_UNKNOWN,     /* outcome unknown: it may or may not have been done */
    ERR_NOT_FOUND,   /* no such thing */
    ERR_EXISTS,      /* there is one already */
    ERR_INVALID,     /* the caller's input breaks a rule; the reason names field and rule */
    ERR_IO,          /* the disk or the network failed below us */
    ERR_CORRUPT,     /* bytes are not what was written */
    ERR_NO_SPACE,    /* no room on the disk */
    ERR_TIMEOUT,     /* no answer in time; the outcome is unknown when something was sent */
    ERR_UNREACHABLE, /* the peer cannot be reached; provably nothing was done there */
    ERR_VERSION,     /* written by a newer Braid than this one */
    ERR_FOREIGN,     /* belongs to another node or another cluster */
    ERR_TRIMMED,     /* it was there, retention has removed it */
    ERR_EXPIRED,     /* a token is too old */
    ERR_TOO_BIG,     /* over a named maximum, whatever is retried */
    ERR_CANCELED,    /* the caller took it back */
    ERR_UNAVAILABLE, /* no majority or no leader now: retry later; nothing was done */
    ERR_COUNT
};

/* "ERR_BUSY" and so on; "ERR_?" for a number that is none. */
const char *err_name(enum err err);

#define REASON_BYTES_MAX 320

/* How every refusal over damaged data ends.  Never "the others have it": in a cluster of one nobody
 * does. */
#define REASON_KEEP_DATA                                                                           \
    "start the node with a new data directory (the other members fill it) and keep this one"

/* A sentence for people.  Empty when `text[0] == 0`.  Embedded, never allocated. */
struct reason {
    char text[REASON_BYTES_MAX];
};

/* Replaces the sentence, cut to fit.  `reason` may be NULL: then nothing happens. */
void reason_set(struct reason *reason, const char *format, ...) PRINTF_LIKE(2, 3);

/* Puts "<prefix>: " before the sentence, cut to fit.  NULL as above. */
void reason_wrap(struct reason *reason, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
