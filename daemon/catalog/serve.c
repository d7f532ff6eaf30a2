#include "base/mutant.h"
#include "catalog/answer.h"
#include "catalog/catalog_private.h"
#include "catalog/model_image.h"

#include <stdlib.h>

/* One node that wants the log from `from` on. */
struct serve_asker {
    struct list_node link; /* in serve.waiting, unless it reads */
    struct catalog *catalog;
    struct net_incoming *incoming;
    uint64_t from;
    uint64_t due_ms;
    struct log_read read;
};

static void on_ask(void *ctx, const struct net_message *message, struct net_incoming *incoming);
static void on_ask_closed(void *ctx, const struct net_message *message,
                          struct net_incoming *incoming);
static void answer_as_follower(const struct catalog *catalog, struct net_incoming *incoming,
                               const struct catalog_ask *ask);
static void park(struct serve_asker *asker);
static void on_timer(struct timer *timer);
static void look(struct serve_asker *asker);
static void look_on_read(struct log_read *req, enum err err);
static void answer_image(struct serve_asker *asker);
static void asker_free(struct serve_asker *asker);

void serve_open(struct catalog *catalog)
{
    list_init(&catalog->serve.waiting);
    net_handle(catalog->world.net, NET_CATALOG_READ, NULL, on_ask, catalog);
}

void serve_close(struct catalog *catalog)
{
    timer_stop(&catalog->serve.timer);
    net_handle(catalog->world.net, NET_CATALOG_READ, NULL, on_ask_closed, NULL);
    for (struct list_node *node; (node = list_pop(&catalog->serve.waiting)) != NULL;) {
        struct serve_asker *asker = container_of(node, struct serve_asker, link);
        answer_refuse(asker->incoming, ERR_CLOSED);
        asker_free(asker);
    }
}

static void on_ask_closed(void *ctx, const struct net_message *message,
                          struct net_incoming *incoming)
{
    answer_refuse(incoming, ERR_CLOSED);
}

static void on_ask(void *ctx, const struct net_message *message, struct net_incoming *incoming)
{
    struct catalog *catalog = ctx;
    struct serve_asker *asker = NULL;
    struct catalog_ask ask = { .from = 0 };

    if (answer_ask_read(message->bytes, &ask) != ERR_OK) {
        answer_refuse(incoming, ERR_INVALID);
        return;
    }
    if (catalog->replica == NULL) {
        answer_as_follower(catalog, incoming, &ask);
        return;
    }
    if (ask.how_far && !(catalog_leads(catalog) && replica_has_lease(catalog->replica))) {
        answer_refuse(incoming, ERR_NOT_LEADER); /* another one may be further */
        return;
    }
    if (ask.how_far) {
        answer_log(incoming, NULL, 0, NULL, catalog->model->index);
        return;
    }
    if (catalog->serve.count < CATALOG_ASKERS_MAX)
        asker = calloc(1, sizeof(*asker));
    if (asker == NULL) {
        answer_refuse(incoming, ERR_BUSY);
        return;
    }
    catalog->serve.count++;
    catalog->busy++;
    asker->catalog = catalog;
    asker->incoming = incoming;
    asker->from = ask.from;
    asker->due_ms = clock_mono_ms(catalog->world.clock) + CATALOG_ASK_WAIT_MS;
    if (ask.from <= catalog->model->index)
        look(asker);
    else
        park(asker);
}

/* Who is no member has what a member said to be committed: good enough for who knows nothing. */
static void answer_as_follower(const struct catalog *catalog, struct net_incoming *incoming,
                               const struct catalog_ask *ask)
{
    bool has_it = model_founded(catalog->model) && ask->from <= catalog->model->index;
    AUTO_UNREF struct buf *image =
        has_it && !ask->how_far ? model_image_pack(catalog->model) : NULL;

    if (image == NULL)
        answer_refuse(incoming, ERR_NOT_LEADER);
    else
        answer_log(incoming, NULL, 0, image, catalog->model->index);
}

/* ---- nothing new yet ---- */

static void park(struct serve_asker *asker)
{
    struct serve *serve = &asker->catalog->serve;

    list_append(&serve->waiting, &asker->link);
    if (!timer_running(&serve->timer))
        timer_start(asker->catalog->world.clock, &serve->timer, CATALOG_ASK_WAIT_MS, on_timer);
}

static void on_timer(struct timer *timer)
{
    struct catalog *catalog = container_of(timer, struct catalog, serve.timer);
    struct serve *serve = &catalog->serve;
    uint64_t now_ms = clock_mono_ms(catalog->world.clock);
    struct list_node *node = NULL;

    while ((node = list_first(&serve->waiting)) != NULL) {
        struct serve_asker *asker = container_of(node, struct serve_asker, link);
        if (asker->due_ms > now_ms) {
            timer_start(catalog->world.clock, timer, asker->due_ms - now_ms, on_timer);
            return;
        }
        list_remove(node);
        answer_log(asker->incoming, NULL, 0, NULL, catalog->model->index);
        asker_free(asker);
    }
}

void serve_changed(struct catalog *catalog)
{
    struct list waiting;

    list_take(&waiting, &catalog->serve.waiting);
    for (struct list_node *node; (node = list_pop(&waiting)) != NULL;) {
        struct serve_asker *asker = container_of(node, struct serve_asker, link);
        if (asker->from <= catalog->model->index)
            look(asker);
        else
            list_append(&catalog->serve.waiting, node);
    }
}

/* ---- there is more ---- */

/* The model may be ahead of this node's own part in the group, by what it heard of another member:
 * up to there the log may have entries that never were committed. */
static void look(struct serve_asker *asker)
{
    struct catalog *catalog = asker->catalog;
    uint64_t last = catalog->model->index < catalog->committed ? catalog->model->index
                                                               : catalog->committed;
    if (MUTANT(served_uncommitted))
        last = catalog->model->index;

    asker->read = (struct log_read){ .group = CATALOG_GROUP,
                                     .first = asker->from,
                                     .last = last,
                                     .bytes_max = CATALOG_READ_BYTES_MAX };
    if (asker->from <= MODEL_START_INDEX || asker->from > last)
        answer_image(asker);
    else
        log_read(catalog->world.log, &asker->read, look_on_read);
}

static void look_on_read(struct log_read *req, enum err err)
{
    struct serve_asker *asker = container_of(req, struct serve_asker, read);

    if (err == ERR_OK && req->count > 0) {
        answer_log(asker->incoming, req->entries, req->count, NULL, asker->catalog->model->index);
        asker_free(asker);
    } else {
        answer_image(asker); /* trimmed or damaged: the image has it all */
    }
}

static void answer_image(struct serve_asker *asker)
{
    AUTO_UNREF struct buf *image = model_image_pack(asker->catalog->model);

    if (image == NULL)
        answer_refuse(asker->incoming, ERR_NO_MEMORY);
    else
        answer_log(asker->incoming, NULL, 0, image, asker->catalog->model->index);
    asker_free(asker);
}

static void asker_free(struct serve_asker *asker)
{
    struct catalog *catalog = asker->catalog;

    log_read_fini(&asker->read);
    free(asker);
    catalog->serve.count--;
    catalog_idle(catalog);
}
