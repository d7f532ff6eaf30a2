/* scrub.h - reads every entry of the log again and again, so that damage is found while the other
 * replicas still have what is lost here.
 *
 * A pass goes through all groups from a random one on, around to it again, so
 * that a node which is often started anew reads all of its log all the same.
 * It reads through log_read(): what is damaged is told by log_options.on_damaged
 * and counted there.  Index rows are read with the entries, and so checked too; in the end all rows
 * of the tables are read as such, up to a damaged one.
 *
 *     scrub_open   the first pass begins SCRUB_FIRST_MS later (or a period)
 *     scrub_close  before the log's
 *
 * One read of SCRUB_READ_BYTES, or of one larger entry, is under way at a time;
 * between two of them pass as many milliseconds as bytes_per_s asks for.  While
 * entries wait for the disk a read is put off, SCRUB_YIELDS_MAX times at most.
 *
 * Loop thread only, callbacks never from inside a call.
 */
#ifndef LOG_SCRUB_H
#define LOG_SCRUB_H

#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"
#include "env/clock.h"
#include "env/random.h"
#include "log/log.h"

struct scrub;

/* What one pass came to. */
struct scrub_pass {
    uint64_t number; /* of this process, from 1 */
    uint64_t entries, bytes; /* payloads read, bytes read from the disk */
    uint64_t rows;    /* of the tables */
    uint64_t damaged; /* entries that could not be read; a row counts as one */
    struct reason rows_why; /* a row could not be read; "": all could */
    uint64_t took_ms;
};

struct scrub_options {
    uint64_t period_ms;   /* from the start of a pass to the start of the next; not 0 */
    uint64_t bytes_per_s; /* SCRUB_BYTES_PER_S_MIN .. SCRUB_BYTES_PER_S_MAX */
    void (*on_pass)(void *ctx, const struct scrub_pass *pass); /* has ended; may be NULL */
    void *ctx;
};

/* All must outlive the scrubber. */
struct scrub_world {
    struct log *log;
    struct clock *clock;
    struct random *random;
};

/* ERR_NO_MEMORY. */
MUST_CHECK enum err scrub_open(struct scrub **ret, const struct scrub_options *options,
                               const struct scrub_world *world);

/* `closed` runs when no read is under way; the scrubber is freed then. */
void scrub_close(struct scrub *scrub, void (*closed)(void *ctx), void *ctx);

struct scrub_figures {
    uint64_t passes;  /* that have ended */
    uint64_t pass;    /* the one under way, 0 = none */
    uint64_t entries, bytes; /* of all passes so far */
    uint64_t damaged;        /* likewise: an entry counts again in each pass */
};
struct scrub_figures scrub_figures(const struct scrub *scrub);

#endif
