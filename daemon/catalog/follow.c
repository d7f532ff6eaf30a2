#include "catalog/answer.h"
#include "catalog/catalog_private.h"
#include "catalog/model_image.h"
#include "catalog/row.h"
#include "peer.pb-c.h"

#include <inttypes.h>
#include <string.h>

static bool is_wanted(const struct catalog *catalog);
static void ask(struct catalog *catalog);
static uint64_t whom(struct catalog *catalog);
static void ask_on_answer(struct net_call *call, enum err err, enum err remote,
                          struct slice bytes, struct buf *answer_buf);
static bool take(struct catalog *catalog, struct slice bytes);
static bool take_image(struct catalog *catalog, struct slice bytes);
static bool take_entries(struct catalog *catalog, const Braid__Peer__CatalogAnswer *answer);
static void ask_later(struct catalog *catalog, uint64_t after_ms);
static void on_timer(struct timer *timer);

void follow_start(struct catalog *catalog)
{
    if (!catalog->follow.asking && !timer_running(&catalog->follow.timer))
        ask_later(catalog, 0);
}

void catalog_fetch(struct catalog *catalog)
{
    catalog->follow.once = true;
    follow_start(catalog);
}

void follow_close(struct catalog *catalog)
{
    timer_stop(&catalog->follow.timer);
    if (catalog->follow.asking)
        net_call_cancel(catalog->world.net, &catalog->follow.call);
    catalog->follow.asking = false;
}

/* A member reads its own log, unless that failed it.  Who has not begun the newest epoch is no
 * member. */
static bool is_wanted(const struct catalog *catalog)
{
    return !catalog->closing && catalog->rescue == NULL && catalog->member_count > 0 &&
           (catalog->follow.once || catalog->replica == NULL);
}

static void ask(struct catalog *catalog)
{
    if (!is_wanted(catalog))
        return;

    uint64_t node = whom(catalog);
    struct catalog_ask ask = { .from = catalog->model->index + 1 };
    AUTO_UNREF struct buf *bytes = answer_ask(ask);
    if (node == 0 || bytes == NULL) {
        ask_later(catalog, CATALOG_ASK_PAUSE_MS);
        return;
    }
    catalog->follow.asking = true;
    net_call(catalog->world.net, &catalog->follow.call, node, NET_CATALOG_READ, &bytes, 1,
             CATALOG_ASK_TIMEOUT_MS, ask_on_answer);
}

/* The one that is known to have more, else the members in turn, and those that others name: of the
 * ones that this node knows none may be left.  When none of them can be reached, anybody's model
 * tells where they are. */
static uint64_t whom(struct catalog *catalog)
{
    uint64_t candidates[2 * GROUP_MEMBERS_MAX + 1];
    uint32_t count = catalog->member_count;
    uint64_t from = catalog->follow.from;

    catalog->follow.from = 0;
    if (from != 0 && net_is_up(catalog->world.net, from))
        return from;
    memcpy(candidates, catalog->members, count * sizeof(candidates[0]));
    memcpy(candidates + count, catalog->hinted, catalog->hinted_count * sizeof(candidates[0]));
    count += catalog->hinted_count;
    candidates[count++] = catalog_leader(catalog);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t node = candidates[(catalog->follow.turns + i) % count];
        if (node != 0 && node != catalog->node && net_is_up(catalog->world.net, node)) {
            catalog->follow.turns += i;
            return node;
        }
    }
    return net_is_up(catalog->world.net, catalog->peer) ? catalog->peer : 0;
}

static void ask_on_answer(struct net_call *call, enum err err, enum err remote,
                          struct slice bytes, struct buf *answer_buf)
{
    struct catalog *catalog = container_of(call, struct catalog, follow.call);
    bool answered = err == ERR_OK && remote == ERR_OK;
    bool progress = answered && take(catalog, bytes);

    catalog->follow.asking = false;
    if (progress)
        catalog->follow.once = false;
    if (!progress)
        catalog->follow.turns++; /* the next member: this one may hear of nothing */
    ask_later(catalog, progress ? 0 : CATALOG_ASK_PAUSE_MS);
}

/* True when the model moved. */
static bool take(struct catalog *catalog, struct slice bytes)
{
    Braid__Peer__CatalogAnswer *answer =
        braid__peer__catalog_answer__unpack(row_allocator, bytes.len, bytes.data);
    bool progress = false;

    if (answer == NULL)
        return false;
    if (answer->image.len > 0)
        progress = take_image(catalog, slice_of(answer->image.data, answer->image.len));
    if (answer->n_heads == answer->n_changes)
        progress |= take_entries(catalog, answer);
    braid__peer__catalog_answer__free_unpacked(answer, row_allocator);
    return progress;
}

/* Two operators may have rescued the catalogue from two copies, each believing that all others are
 * lost: nothing of one goes into the other. */
static bool is_of_ours(const struct catalog *catalog, const struct model *model)
{
    uint64_t own = model_token(catalog->model);

    for (uint32_t i = 0; i < model->resume_count; i++)
        if (model->resumes[i].token == own)
            return true;
    if (own != 0)
        note_event(catalog->world.note, NOTE_ERROR, "catalog.image_refused",
                   "reason=\"the catalogue was rescued twice, from two copies: this node is of the "
                   "other one\"");
    return own == 0;
}

static bool take_image(struct catalog *catalog, struct slice bytes)
{
    struct model *model = NULL;
    struct reason reason = { .text = "" };
    enum err err = model_image_unpack(bytes, &model, &reason);

    if (err != ERR_OK) {
        note_event(catalog->world.note, NOTE_WARN, "catalog.image_refused", "reason=%s",
                   NOTE_QUOTED(reason.text));
        return false;
    }
    bool foreign = model_founded(catalog->model) &&
                   model_cluster(model) != model_cluster(catalog->model);
    if (foreign)
        note_event(catalog->world.note, NOTE_WARN, "catalog.image_refused",
                   "reason=\"it is of cluster %016" PRIx64 "\"", model_cluster(model));
    if (foreign || model->index <= catalog->model->index || !is_of_ours(catalog, model)) {
        model_free(model);
        return false;
    }
    note_event(catalog->world.note, NOTE_INFO, "catalog.image_taken", "index=%" PRIu64,
               model->index);
    catalog_replace(catalog, model);
    return true;
}

static bool take_entries(struct catalog *catalog, const Braid__Peer__CatalogAnswer *answer)
{
    bool progress = false;

    for (size_t i = 0; i < answer->n_heads; i++) {
        struct slice payload = slice_of(answer->changes[i].data, answer->changes[i].len);
        struct entry_head head;
        if (answer->heads[i].len != ENTRY_HEAD_BYTES ||
            !entry_head_decode(&head, answer->heads[i].data) || head.group != CATALOG_GROUP ||
            !entry_matches(&head, payload)) {
            note_event(catalog->world.note, NOTE_WARN, "catalog.entry_refused", "index=%" PRIu64,
                       catalog->model->index + 1);
            return progress;
        }
        if (head.index != catalog->model->index + 1)
            continue;
        catalog_apply(catalog, &head, payload);
        progress = true;
    }
    return progress;
}

static void ask_later(struct catalog *catalog, uint64_t after_ms)
{
    if (is_wanted(catalog))
        timer_start(catalog->world.clock, &catalog->follow.timer, after_ms, on_timer);
}

static void on_timer(struct timer *timer)
{
    ask(container_of(timer, struct catalog, follow.timer));
}
