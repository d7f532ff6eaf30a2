#include <inttypes.h>

#include "control/control_private.h"
#include "control/succession.h"

/* On the catalogue's leader, every CONTROL_MEMBERS_MS a pass of members.h:
 *
 *     step -> rows found: SetMembers, and on from there when it is applied
 *          -> none: the next step
 *     all seen -> a replaced node that nothing names any more: ForgetNode
 *
 * One change at a time.  What failed is found again by the next pass, which comes sooner when a
 * node is back without its disk: nobody wins by waiting.  Groups of draining and dead nodes begin
 * to move when each node that is up has said which groups move there, behind the last such change,
 * and fewer than moves-at-once do. */
static void on_timer(struct timer *timer);
static void next_after(struct control *control, uint64_t pause_ms);
static void step(struct control *control);
static void absence_update(struct control *control);
static void lead(struct control *control);
static void dead_say(struct control *control);
static void spread(struct control *control, struct members_world *world);
static bool is_up(void *ctx, uint64_t node);
static bool is_current(void *ctx, uint64_t node);
static bool is_full(void *ctx, uint64_t node);
static bool is_dead(void *ctx, uint64_t node);
static bool is_moving(void *ctx, uint64_t group);
static uint64_t leader_of(void *ctx, uint64_t group);
static void change(struct control *control, struct buf *bytes);
static void change_on_done(struct catalog_change *req, enum err err);
static void done_note(struct control *control);

void replace_open(struct control *control)
{
    next_after(control, CONTROL_MEMBERS_MS);
}

void replace_close(struct control *control)
{
    timer_stop(&control->replace.timer);
    if (control->replace.changing)
        catalog_change_cancel(&control->replace.change);
    control->replace.changing = false;
}

static void next_after(struct control *control, uint64_t pause_ms)
{
    timer_start(control->world.clock, &control->replace.timer, pause_ms, on_timer);
}

static void on_timer(struct timer *timer)
{
    struct control *control = container_of(timer, struct control, replace.timer);
    struct replace *replace = &control->replace;

    if (!catalog_leads(control->catalog)) {
        replace->passing = replace->leading = false;
        absence_update(control);
        next_after(control, CONTROL_MEMBERS_MS);
        return;
    }
    if (!replace->leading)
        lead(control);
    absence_update(control);
    epoch_catalog_look(control);
    if (!replace->passing) {
        struct members_world world = replace_world(control);
        uint64_t kept[GROUP_MEMBERS_MAX];
        spread(control, &world);
        members_begin(&replace->look, catalog_model(control->catalog), &world, kept,
                      catalog_members(control->catalog, kept));
        dead_say(control);
    }
    replace->passing = true;
    step(control);
}

/* A row that is replaced is that of a lost disk, whose node has another row by now. */
static uint32_t replaced_count(const struct model *model)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < model_node_count(model); i++)
        count += model_node_at(model, i)->replaced;
    return count;
}

void replace_changed(struct control *control)
{
    struct replace *replace = &control->replace;
    uint32_t replaced = replaced_count(catalog_model(control->catalog));
    bool more = replaced > replace->replaced;

    replace->replaced = replaced;
    if (more && catalog_leads(control->catalog) && !replace->passing && !replace->changing)
        next_after(control, CONTROL_MEMBERS_SOON_MS);
}

/* Whether this pass may look for what is spread better. */
static void spread(struct control *control, struct members_world *world)
{
    uint64_t now_ms = control_now_ms(control);

    if (now_ms < control->replace.spread_ms ||
        model_balancing_paused_ms(catalog_model(control->catalog)) != 0)
        return;
    control->replace.spread_ms = now_ms + CONTROL_SPREAD_MS;
    world->spread = control->options.balance_replicas;
    world->prefer = control->options.balance_leaders;
}

static void dead_say(struct control *control)
{
    const struct members_nodes *nodes = &control->replace.look.nodes;
    struct absence *absence = &control->replace.absence;

    for (uint32_t i = 0; i < nodes->count; i++) {
        const struct members_node *node = &nodes->nodes[i];
        if (node->leave != MEMBERS_DEAD || !absence_say(absence, node->node))
            continue;
        note_event(control->world.note, NOTE_WARN, "node.given_up",
                   "name=%s az=%s down_s=%" PRIu64
                   " why=\"it is down for longer than replace-after-s: other nodes of its zone "
                   "that are up and have room get its replicas; where there is none they wait\"",
                   node->row->name, node->row->az,
                   absence_ms(absence, node->node, control_now_ms(control)) / 1000);
    }
}

/* What moves was decided by another one, and so was who is down. */
static void lead(struct control *control)
{
    control->replace.leading = true;
    control->replace.absence = (struct absence){ .count = 0 };
    control->replace.moved_index = model_index(catalog_model(control->catalog));
}

/* Every node does, for those who ask it; only the leader acts on it. */
static void absence_update(struct control *control)
{
    const struct model *model = catalog_model(control->catalog);
    struct absence *absence = &control->replace.absence;

    for (uint32_t i = absence->count; i > 0; i--)
        if (model_node_by_id(model, absence->nodes[i - 1].node) == NULL)
            absence_forget(absence, absence->nodes[i - 1].node);
    for (uint32_t i = 0; i < model_node_count(model); i++)
        absence_look(absence, model_node_at(model, i)->id,
                     is_up(control, model_node_at(model, i)->id), control_now_ms(control));
}

static void step(struct control *control)
{
    struct replace *replace = &control->replace;
    struct members_look *look = &replace->look;

    struct members_world world = replace_world(control);
    members_step(look, catalog_model(control->catalog), &world);
    replace->forgetting = 0;
    if (look->row_count > 0) {
        change(control,
               change_set_members(control_stamp(control), look->rows, look->row_count));
        return;
    }
    if (!look->done) {
        next_after(control, 0);
        return;
    }
    replace->passing = false;
    replace->forgetting = members_unnamed(look);
    if (replace->forgetting != 0)
        change(control, change_forget_node(control_stamp(control), replace->forgetting));
    else
        next_after(control, CONTROL_MEMBERS_MS);
}

struct members_world replace_world(struct control *control)
{
    bool known = moving_known(control, control->replace.moved_index);
    uint32_t most = control->options.moves_at_once, count = moving_count(control);

    return (struct members_world){ .up = is_up,
                                   .current = is_current,
                                   .full = is_full,
                                   .dead = is_dead,
                                   .moves = is_moving,
                                   .leader = leader_of,
                                   .ctx = control,
                                   .across_zones = control->options.replace_across_zones,
                                   .most = most,
                                   .room = known && count < most ? most - count : 0,
                                   .room_again = known && count < 2 * most ? 2 * most - count
                                                                           : 0 };
}

static bool is_up(void *ctx, uint64_t node)
{
    return control_health(ctx, node) == NODE_UP;
}

static bool is_current(void *ctx, uint64_t node)
{
    const struct control *control = ctx;
    const struct liveness_word *word = liveness_word_of(&control->liveness, node);

    return is_up(ctx, node) && word != NULL &&
           word->catalog_token == model_token(catalog_model(control->catalog));
}

static bool is_full(void *ctx, uint64_t node)
{
    const struct control *control = ctx;
    const struct liveness_word *word = liveness_word_of(&control->liveness, node);

    if (node == control->options.node)
        return room_is_full(control);
    return word != NULL && word->full;
}

static bool is_dead(void *ctx, uint64_t node)
{
    const struct control *control = ctx;
    const struct control_options *options = &control->options;

    return options->replace_after_ms != 0 &&
           absence_ms(&control->replace.absence, node, control_now_ms(control)) >=
               options->replace_after_ms;
}

static bool is_moving(void *ctx, uint64_t group)
{
    return moving_has(ctx, group);
}

static uint64_t leader_of(void *ctx, uint64_t group)
{
    return control_leader(ctx, group);
}

static void change(struct control *control, struct buf *bytes)
{
    struct replace *replace = &control->replace;

    if (bytes == NULL) { /* no memory: the next pass finds it again */
        replace->passing = false;
        next_after(control, CONTROL_MEMBERS_MS);
        return;
    }
    replace->changing = true;
    catalog_change(control->catalog, &replace->change, buf_slice(bytes), CONTROL_CHANGE_MS,
                   change_on_done);
    buf_unref(bytes);
}

static void change_on_done(struct catalog_change *req, enum err err)
{
    struct control *control = container_of(req, struct control, replace.change);
    struct replace *replace = &control->replace;

    replace->changing = false;
    if (err == ERR_OK) {
        replace->moved_index = replace->change.index;
        done_note(control);
    } else {
        replace->passing = false;
        note_event(control->world.note, NOTE_WARN, "members.change_failed", "err=%s reason=%s",
                   err_name(err), NOTE_QUOTED(req->reason.text));
    }
    next_after(control, replace->passing ? 0 : CONTROL_MEMBERS_MS);
}

static void done_note(struct control *control)
{
    const struct replace *replace = &control->replace;
    const struct members_look *look = &replace->look;

    if (replace->forgetting != 0) {
        note_event(control->world.note, NOTE_INFO, "node.removed", "node=%016" PRIx64,
                   replace->forgetting);
        return;
    }
    note_event(control->world.note, NOTE_INFO,
               look->orders > 0 ? "leaders.spread" : "members.replaced",
               "groups=%" PRIu32 " first=%" PRIu64 " last=%" PRIu64 " index=%" PRIu64,
               look->row_count, look->rows[0].group, look->rows[look->row_count - 1].group,
               replace->change.index);
}
