#include <stdlib.h>
#include <uv.h>

#include "base/ensure.h"
#include "base/limits.h"
#include "env/real.h"

/* A job holds one of a few slots while libuv has it; the others wait in order.
 * So nothing is allocated for a job, and jobs leave threads free for the disk. */
struct slot {
    uv_work_t req;
    struct work *work; /* NULL while free */
    struct work_pool *pool;
};

struct work_pool {
    uv_loop_t *loop;
    struct list waiting; /* of struct work */
    struct slot slots[WORK_RUNNING_MAX];
};

static void start_waiting(struct work_pool *pool);
static void slot_on_thread(uv_work_t *req);
static void slot_on_done(uv_work_t *req, int status);

struct work_pool *work_uv_new(struct uv_loop_s *loop)
{
    struct work_pool *pool = calloc(1, sizeof(*pool));

    if (pool == NULL)
        return NULL;
    pool->loop = loop;
    list_init(&pool->waiting);
    for (unsigned i = 0; i < WORK_RUNNING_MAX; i++)
        pool->slots[i].pool = pool;
    return pool;
}

void work_uv_free(struct work_pool *pool)
{
    if (pool == NULL)
        return;
    ensure(list_empty(&pool->waiting));
    for (unsigned i = 0; i < WORK_RUNNING_MAX; i++)
        ensure(pool->slots[i].work == NULL);
    free(pool);
}

void work_start(struct work_pool *pool, struct work *work, work_fn run, work_cb done)
{
    work->run = run;
    work->done = done;
    work->pool = pool;
    list_append(&pool->waiting, &work->link);
    start_waiting(pool);
}

static void start_waiting(struct work_pool *pool)
{
    for (unsigned i = 0; i < WORK_RUNNING_MAX && !list_empty(&pool->waiting); i++) {
        struct slot *slot = &pool->slots[i];

        if (slot->work != NULL)
            continue;
        slot->work = container_of(list_pop(&pool->waiting), struct work, link);
        slot->req.data = slot;
        ensure(uv_queue_work(pool->loop, &slot->req, slot_on_thread, slot_on_done) == 0);
    }
}

static void slot_on_thread(uv_work_t *req)
{
    struct slot *slot = req->data;

    slot->work->run(slot->work);
}

static void slot_on_done(uv_work_t *req, int status)
{
    struct slot *slot = req->data;
    struct work *work = slot->work;

    ensure(status == 0); /* nobody cancels */
    slot->work = NULL;
    start_waiting(slot->pool);
    work->done(work); /* last: it may free the work */
}
