#include "log/scrub.h"

#include <stdlib.h>

#include "base/ensure.h"
#include "env/timer.h"

/* One step reads what fits SCRUB_READ_BYTES of the next entries of one group:
 *
 *  1. step()           the next entries, or the next group, or the end of the pass
 *  2. step_on_read()   what the read came to, and how long to wait
 *  3. step_rows()      in the end, the rows of the tables, as many bytes at a time
 *
 * A read stops before a damaged entry; the next one begins with it, fails, and the one after begins
 * behind it. */

#define STEP_BYTES_MIN 4096u /* what a step costs when it reads nothing but index rows */

struct scrub {
    struct scrub_options options;
    struct scrub_world world;
    struct timer timer;
    struct log_read read;
    struct log_rows rows;
    bool reading, running;
    uint64_t from;    /* the group that the pass ends with */
    bool around;      /* behind the last group: now from the first one on */
    bool in_rows;     /* behind all of them: now the tables */
    uint64_t group, next; /* under way; next entry */
    uint32_t yields;
    uint64_t began_ms;
    struct scrub_pass pass;
    struct scrub_figures figures;
    void (*closed)(void *ctx);
    void *closed_ctx;
    struct defer end;
};

static void on_timer(struct timer *timer);
static void begin(struct scrub *scrub);
static void step(struct scrub *scrub);
static void step_on_read(struct log_read *read, enum err err);
static void step_rows(struct scrub *scrub);
static void step_on_rows(struct log_rows *rows, enum err err);

enum err scrub_open(struct scrub **ret, const struct scrub_options *options,
                    const struct scrub_world *world)
{
    struct scrub *scrub = calloc(1, sizeof(*scrub));

    ensure(options->period_ms > 0 && options->bytes_per_s >= SCRUB_BYTES_PER_S_MIN &&
           options->bytes_per_s <= SCRUB_BYTES_PER_S_MAX);
    if (scrub == NULL)
        return ERR_NO_MEMORY;
    scrub->options = *options;
    scrub->world = *world;
    timer_start(world->clock, &scrub->timer,
                options->period_ms < SCRUB_FIRST_MS ? options->period_ms : SCRUB_FIRST_MS,
                on_timer);
    *ret = scrub;
    return ERR_OK;
}

static void on_end(struct defer *defer)
{
    struct scrub *scrub = container_of(defer, struct scrub, end);
    void (*closed)(void *ctx) = scrub->closed;
    void *ctx = scrub->closed_ctx;

    free(scrub);
    closed(ctx);
}

void scrub_close(struct scrub *scrub, void (*closed)(void *ctx), void *ctx)
{
    scrub->closed = closed;
    scrub->closed_ctx = ctx;
    timer_stop(&scrub->timer);
    if (!scrub->reading)
        defer_run(scrub->world.clock, &scrub->end, on_end);
}

static void on_timer(struct timer *timer)
{
    struct scrub *scrub = container_of(timer, struct scrub, timer);

    if (!scrub->running) {
        begin(scrub);
        return;
    }
    if (log_pending_bytes(scrub->world.log) > 0 && scrub->yields < SCRUB_YIELDS_MAX) {
        scrub->yields++;
        timer_start(scrub->world.clock, timer, SCRUB_YIELD_MS, on_timer);
        return;
    }
    scrub->yields = 0;
    if (scrub->in_rows)
        step_rows(scrub);
    else
        step(scrub);
}

/* ---- a pass ---- */

/* Any group, each as likely as the others; 0 when there is none. */
static uint64_t any_group(const struct scrub *scrub)
{
    const struct log_state *state = NULL;
    uint64_t count = 0, chosen = 0;

    for (uint64_t after = 0; (state = log_state_next(scrub->world.log, after)) != NULL;) {
        after = state->group;
        if (random_below(scrub->world.random, ++count) == 0)
            chosen = after;
    }
    return chosen;
}

static void begin(struct scrub *scrub)
{
    scrub->running = true;
    scrub->began_ms = clock_mono_ms(scrub->world.clock);
    scrub->pass = (struct scrub_pass){ .number = ++scrub->figures.pass };
    scrub->from = scrub->group = any_group(scrub);
    scrub->around = scrub->in_rows = false;
    scrub->next = UINT64_MAX; /* the group itself comes last */
    step(scrub);
}

static void finish(struct scrub *scrub)
{
    uint64_t took_ms = clock_mono_ms(scrub->world.clock) - scrub->began_ms;
    uint64_t period_ms = scrub->options.period_ms;

    scrub->running = false;
    scrub->pass.took_ms = took_ms;
    scrub->figures.passes++;
    /* A turn at least: a period that is too short for the log is no reason to spin. */
    timer_start(scrub->world.clock, &scrub->timer, took_ms < period_ms ? period_ms - took_ms : 1,
                on_timer);
    if (scrub->options.on_pass != NULL)
        scrub->options.on_pass(scrub->options.ctx, &scrub->pass);
}

/* False when the pass is over. */
static bool next_group(struct scrub *scrub)
{
    const struct log_state *state = log_state_next(scrub->world.log, scrub->group);

    if (state == NULL && !scrub->around) {
        scrub->around = true;
        state = log_state_next(scrub->world.log, 0);
    }
    if (state == NULL || (scrub->around && state->group > scrub->from))
        return false;
    scrub->group = state->group;
    scrub->next = state->first;
    return true;
}

/* ---- a step ---- */

static void wait_for(struct scrub *scrub, uint64_t bytes)
{
    uint64_t cost = bytes < STEP_BYTES_MIN ? STEP_BYTES_MIN : bytes;

    timer_start(scrub->world.clock, &scrub->timer, cost * 1000 / scrub->options.bytes_per_s + 1,
                on_timer);
}

static void step(struct scrub *scrub)
{
    const struct log_state *state = log_state(scrub->world.log, scrub->group);

    if (state != NULL && scrub->next < state->first)
        scrub->next = state->first; /* trimmed meanwhile */
    if (state == NULL || scrub->next > state->last) {
        if (!next_group(scrub)) {
            scrub->in_rows = true;
            scrub->rows = (struct log_rows){ .bytes_max = SCRUB_READ_BYTES };
        }
        wait_for(scrub, 0);
        return;
    }
    scrub->read = (struct log_read){ .group = scrub->group,
                                     .first = scrub->next,
                                     .last = state->last,
                                     .bytes_max = SCRUB_READ_BYTES,
                                     .background = true };
    scrub->reading = true;
    log_read(scrub->world.log, &scrub->read, step_on_read);
}

/* The entry at `next` is damaged, or the disk cannot read it. */
static void count_damaged(struct scrub *scrub)
{
    scrub->pass.damaged++;
    scrub->figures.damaged++;
    scrub->next++;
}

static void step_on_read(struct log_read *read, enum err err)
{
    struct scrub *scrub = container_of(read, struct scrub, read);
    uint64_t bytes = read->disk_bytes;

    scrub->reading = false;
    scrub->pass.bytes += bytes;
    scrub->figures.bytes += bytes;
    if (err == ERR_OK) {
        scrub->next = read->first + read->count;
        scrub->pass.entries += read->count;
        scrub->figures.entries += read->count;
    } else if (err == ERR_CORRUPT || err == ERR_IO) {
        count_damaged(scrub);
    }
    log_read_fini(read);
    if (scrub->closed != NULL)
        defer_run(scrub->world.clock, &scrub->end, on_end);
    else
        wait_for(scrub, bytes);
}

static void step_rows(struct scrub *scrub)
{
    scrub->reading = true;
    log_rows_read(scrub->world.log, &scrub->rows, step_on_rows);
}

/* A row is damaged, or the disk does not give it: what is behind it waits for the next pass. */
static void step_on_rows(struct log_rows *rows, enum err err)
{
    struct scrub *scrub = container_of(rows, struct scrub, rows);

    scrub->reading = false;
    scrub->pass.rows += rows->rows;
    scrub->pass.bytes += rows->bytes;
    scrub->figures.bytes += rows->bytes;
    if (err != ERR_OK) {
        scrub->pass.damaged++;
        scrub->figures.damaged++;
        scrub->pass.rows_why = rows->reason;
    }
    if (scrub->closed != NULL)
        defer_run(scrub->world.clock, &scrub->end, on_end);
    else if (err != ERR_OK || rows->over)
        finish(scrub);
    else
        wait_for(scrub, rows->bytes);
}

struct scrub_figures scrub_figures(const struct scrub *scrub)
{
    struct scrub_figures figures = scrub->figures;

    if (!scrub->running)
        figures.pass = 0;
    return figures;
}
