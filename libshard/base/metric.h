/* metric.h - what a node counts about itself.
 *
 * A registry holds families (one name, one help text, one kind), a family holds
 * series (one set of labels each).  Register at start, keep the pointer, count
 * without looking up:
 *
 *     struct counter *puts = metrics_counter(m, "braid_puts_total", "Records accepted.",
 *                                            "operation=\"PutRecord\"");
 *     counter_add(puts, 1);
 *
 * The same name and labels give the same series again.  Series live as long as
 * the registry.  Loop thread only; expose.h prints the registry.
 *
 * Labels are written by us and constant while the process runs: never stream
 * names or anything else that clients choose.
 */
#ifndef BASE_METRIC_H
#define BASE_METRIC_H

#include <stddef.h>
#include <stdint.h>

struct metrics;

struct counter {
    uint64_t value;
};

struct gauge {
    int64_t value;
};

/* Bucket k counts values up to first * 2^k; the last one takes the rest. */
#define HISTOGRAM_BUCKETS 26u

struct histogram {
    uint64_t first; /* upper bound of bucket 0, in the unit that is recorded */
    uint64_t counts[HISTOGRAM_BUCKETS];
    uint64_t count;
    uint64_t sum;
};

/* NULL when there is no memory. */
struct metrics *metrics_new(void);
void metrics_free(struct metrics *metrics);

/* `name`, `help` and `labels` must outlive the registry: string literals.  `labels` is
 * `key="value",...` as Prometheus prints it, or NULL.  One name has one kind.  Never NULL: without
 * memory, or over METRIC_SERIES_MAX, the answer is a series that nobody prints. */
struct counter *metrics_counter(struct metrics *metrics, const char *name, const char *help,
                                const char *labels);
struct gauge *metrics_gauge(struct metrics *metrics, const char *name, const char *help,
                            const char *labels);

/* Records microseconds and is printed in seconds: buckets from 16 us to 9 minutes. */
struct histogram *metrics_seconds(struct metrics *metrics, const char *name, const char *help,
                                  const char *labels);

/* Records and prints bytes, or any count: buckets from 1 to 32 Mi. */
struct histogram *metrics_sizes(struct metrics *metrics, const char *name, const char *help,
                                const char *labels);

/* Called before each print, for gauges that are cheaper to compute than to keep.  At most
 * METRIC_REFRESHERS_MAX of them. */
typedef void (*metrics_refresh_cb)(void *ctx);
void metrics_on_print(struct metrics *metrics, metrics_refresh_cb cb, void *ctx);

static inline void counter_add(struct counter *counter, uint64_t by)
{
    counter->value += by;
}

static inline void gauge_set(struct gauge *gauge, int64_t value)
{
    gauge->value = value;
}

static inline void gauge_add(struct gauge *gauge, int64_t by)
{
    gauge->value += by;
}

void histogram_record(struct histogram *histogram, uint64_t value);

/* The bound of the bucket in which the value lies that `part` (0 .. 1) of all values do not
 * exceed; 0 when nothing was recorded. */
uint64_t histogram_at(const struct histogram *histogram, double part);

/* ---- for expose.c ---- */

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_SECONDS, METRIC_SIZES };

struct series {
    struct series *next; /* of the same family, in the order of registration */
    const char *labels;  /* NULL: none */
    union {
        struct counter counter;
        struct gauge gauge;
        struct histogram histogram;
    };
};

struct family {
    struct family *next; /* in the order of registration */
    const char *name;
    const char *help;
    enum metric_kind kind;
    struct series *series;
};

/* Runs the refreshers and returns the first family. */
const struct family *metrics_families(struct metrics *metrics);

#endif
