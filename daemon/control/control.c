#include <stdlib.h>
#include <string.h>

#include "base/ensure.h"
#include "catalog/version.h"
#include "control/control_private.h"
#include "control/holding.h"
#include "control/succession.h"

static enum err options_check(const struct control_options *options, struct reason *reason);
static enum err text_check(const char *text, size_t max, const char *what, struct reason *reason);
static bool options_copy(struct control *control, const struct control_options *options);
static enum err parts_open(struct control *control, struct reason *reason);
static enum err log_part_open(struct control *control, struct reason *reason);
static enum err scrub_part_open(struct control *control, struct reason *reason);
static size_t payload_cache_bytes(const struct control *control)
{
    return control->options.payload_cache_bytes != 0 ? control->options.payload_cache_bytes
                                                     : CONTROL_PAYLOADS_BYTES_MAX;
}

static enum err roster_part_open(struct control *control, struct reason *reason);
static enum err catalog_part_open(struct control *control, struct reason *reason);
static void on_durable(void *ctx, uint64_t turn);
static void on_failed(void *ctx, const struct reason *reason);
static void on_outdated(void *ctx, const struct reason *reason);
static void on_forgotten(void *ctx, const struct reason *reason);
static void on_catalog_changed(void *ctx, const struct model *model);
static bool may_place(void *ctx, uint64_t node);

/* ---- life ---- */

enum err control_open(struct control **ret, const struct control_options *options,
                      const struct control_world *world, struct reason *reason)
{
    enum err err = options_check(options, reason);
    if (err != ERR_OK)
        return err;

    struct control *control = calloc(1, sizeof(*control));
    if (control == NULL || !options_copy(control, options)) {
        /* The process ends: what was copied goes with it.
         * NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
        reason_set(reason, "no memory");
        return ERR_NO_MEMORY;
    }
    control->world = *world;
    control->tail_bytes_left = options->tail_bytes_max;
    liveness_init(&control->liveness, options->node);
    err = parts_open(control, reason);
    if (err == ERR_OK)
        *ret = control;
    return err;
}

static enum err options_check(const struct control_options *options, struct reason *reason)
{
    enum err err = text_check(options->name, MODEL_NAME_MAX, "name", reason);

    ensure(options->node != 0 && options->boot != 0);
    if (err == ERR_OK)
        err = text_check(options->az, MODEL_NAME_MAX, "AZ", reason);
    if (err == ERR_OK)
        err = text_check(options->client_address, MODEL_ADDRESS_MAX - 1, "client address", reason);
    if (err == ERR_OK)
        err = text_check(options->peer_address, MODEL_ADDRESS_MAX - 1, "peer address", reason);
    if (err == ERR_OK)
        err = text_check(options->operations_address, MODEL_ADDRESS_MAX - 1, "operations address",
                         reason);
    if (err == ERR_OK)
        err = text_check(options->region, MODEL_NAME_MAX, "region", reason);
    if (err == ERR_OK)
        err = text_check(options->account, MODEL_NAME_MAX, "account", reason);
    if (err == ERR_OK && options->seed_count > CONTROL_SEEDS_MAX) {
        reason_set(reason, "%u seeds; at most %u", options->seed_count, CONTROL_SEEDS_MAX);
        err = ERR_INVALID;
    }
    if (err == ERR_OK && (options->knows < VERSION_FIRST || options->knows > VERSION_KNOWN)) {
        reason_set(reason, "cluster version %u; this braidd knows %u to %u", options->knows,
                   VERSION_FIRST, VERSION_KNOWN);
        err = ERR_INVALID;
    }
    if (err == ERR_OK && (options->replication < 1 || options->replication > GROUP_MEMBERS_MAX)) {
        reason_set(reason, "replication %u; 1 to %u are possible", options->replication,
                   GROUP_MEMBERS_MAX);
        err = ERR_INVALID;
    }
    return err;
}

static enum err text_check(const char *text, size_t max, const char *what, struct reason *reason)
{
    if (text == NULL || strlen(text) <= max)
        return ERR_OK;
    reason_set(reason, "%s of this node: longer than %zu characters", what, max);
    return ERR_INVALID;
}

static bool options_copy(struct control *control, const struct control_options *options)
{
    const char **copied[] = { &control->options.name,           &control->options.az,
                              &control->options.client_address, &control->options.peer_address,
                              &control->options.operations_address, &control->options.region,
                              &control->options.account };
    union {
        char **own;
        const char *const *shared;
    } seeds = { .own = control->seeds };

    control->options = *options;
    for (size_t i = 0; i < sizeof(copied) / sizeof(copied[0]); i++) {
        control->texts[i] = strdup(*copied[i] == NULL ? "" : *copied[i]);
        if (control->texts[i] == NULL)
            return false;
        *copied[i] = control->texts[i];
    }
    for (uint32_t i = 0; i < options->seed_count; i++) {
        control->seeds[i] = strdup(options->seeds[i]);
        if (control->seeds[i] == NULL)
            return false;
    }
    control->options.seeds = seeds.shared;
    return true;
}

/* From below to above.  After an error the process ends; nothing is torn down. */
static enum err parts_open(struct control *control, struct reason *reason)
{
    enum err err = log_part_open(control, reason);

    if (err == ERR_OK)
        err = roster_part_open(control, reason);
    if (err == ERR_OK)
        err = catalog_part_open(control, reason);
    if (err == ERR_OK)
        err = enrol_open(control, reason);
    if (err == ERR_OK) {
        gossip_open(control);
        repair_open(control);
        compare_open(control);
        holding_open(control);
        ending_open(control);
        err = bootstrap_open(control, reason);
    }
    if (err == ERR_OK)
        err = scrub_part_open(control, reason);
    if (err == ERR_OK) {
        succession_open(control);
        host_open(control);
        lifecycle_open(control);
        reshard_open(control);
        scaling_open(control);
        retire_open(control);
        replace_open(control);
        whole_open(control);
        copies_open(control);
        retain_open(control);
        balance_open(control);
    }
    return err;
}

static enum err log_part_open(struct control *control, struct reason *reason)
{
    struct log_options options = { .node = control->options.node,
                                   .segment_bytes = control->options.segment_bytes,
                                   .segments_ahead = control->options.segments_ahead,
                                   .log_bytes_max = control->options.log_bytes_max,
                                   .read_gap_bytes = control->options.read_gap_bytes,
                                   .on_durable = on_durable,
                                   .on_failed = on_failed,
                                   .on_spoiled = on_forgotten,
                                   .on_damaged = damage_on_found,
                                   .ctx = control };
    struct log_world world = { .disk = control->world.disk,
                               .table = control->world.table,
                               .clock = control->world.clock,
                               .random = control->world.random,
                               .work = control->world.work };

    return log_open(&control->log, &options, &world, reason);
}

static enum err scrub_part_open(struct control *control, struct reason *reason)
{
    struct scrub_options options = { .period_ms = control->options.scrub_period_ms,
                                     .bytes_per_s = control->options.scrub_bytes_per_s,
                                     .on_pass = damage_on_pass,
                                     .ctx = control };
    struct scrub_world world = { .log = control->log,
                                 .clock = control->world.clock,
                                 .random = control->world.random };

    if (options.period_ms == 0)
        return ERR_OK;
    enum err err = scrub_open(&control->scrub, &options, &world);
    if (err != ERR_OK)
        reason_set(reason, "no memory to search the log for damage");
    return err;
}

static enum err roster_part_open(struct control *control, struct reason *reason)
{
    struct roster_options options = { .node = control->options.node,
                                      .boot = control->options.boot,
                                      .election_timeout_ms = control->options.election_timeout_ms,
                                      .heartbeat_ms = control->options.heartbeat_ms,
                                      .tick_ms = control->options.tick_ms,
                                      .payload_cache_bytes = payload_cache_bytes(control),
                                      .trailing_entries = control->options.trailing_entries,
                                      .on_forgotten = on_forgotten,
                                      .on_stranger = succession_stranger,
                                      .on_behind = overtaken_told,
                                      .ctx = control };
    struct roster_world world = { .clock = control->world.clock,
                                  .random = control->world.random,
                                  .net = control->world.net,
                                  .log = control->log,
                                  .note = control->world.note };
    enum err err = roster_open(&control->roster, &options, &world);

    if (err != ERR_OK)
        reason_set(reason, "open the roster of replicas: %s", err_name(err));
    return err;
}

static enum err catalog_part_open(struct control *control, struct reason *reason)
{
    struct catalog_world world = { .clock = control->world.clock,
                                   .random = control->world.random,
                                   .work = control->world.work,
                                   .net = control->world.net,
                                   .table = control->world.table,
                                   .log = control->log,
                                   .roster = control->roster,
                                   .note = control->world.note,
                                   .knows = control->options.knows,
                                   .on_failed = on_failed,
                                   .on_spoiled = on_forgotten,
                                   .on_outdated = on_outdated,
                                   .ctx = control };
    enum err err = catalog_open(&control->catalog, control->options.node, &world, reason);

    if (err != ERR_OK)
        return err;
    catalog_set_placer(control->catalog, may_place, control);
    catalog_listen(control->catalog, on_catalog_changed, control);
    return ERR_OK;
}

/* ---- what the parts say ---- */

static void on_durable(void *ctx, uint64_t turn)
{
    struct control *control = ctx;

    if (control->roster != NULL)
        roster_durable(control->roster, turn);
}

static void on_failed(void *ctx, const struct reason *reason)
{
    control_fail(ctx, reason);
}

static void on_outdated(void *ctx, const struct reason *reason)
{
    struct control *control = ctx;

    control->options.on_outdated(control->options.ctx, reason);
}

void control_fail(struct control *control, const struct reason *reason)
{
    note_event(control->world.note, NOTE_ERROR, "node.failed", "reason=%s",
               NOTE_QUOTED(reason->text));
    if (control->options.on_failed != NULL)
        control->options.on_failed(control->options.ctx, reason);
}

/* The row comes first: the next start must know it too, and by then this node may have written more
 * turns than it lost. */
static void on_forgotten(void *ctx, const struct reason *reason)
{
    struct control *control = ctx;
    struct reason failed = { "" };
    bool noted = identity_forgotten_write(control->world.table, reason, &failed) == ERR_OK;

    if (!noted)
        note_event(control->world.note, NOTE_ERROR, "node.forgotten_not_noted", "reason=%s",
                   NOTE_QUOTED(failed.text));
    note_event(control->world.note, NOTE_ERROR, "node.forgotten", "reason=%s",
               NOTE_QUOTED(reason->text));
    if (control->options.on_forgotten == NULL)
        control_fail(control, reason);
    else
        control->options.on_forgotten(control->options.ctx, reason, noted);
}

void control_remove(struct control *control, const struct reason *reason)
{
    struct reason failed = { "" };

    if (identity_removed_write(control->world.table, reason, &failed) != ERR_OK)
        note_event(control->world.note, NOTE_ERROR, "node.removal_not_noted", "reason=%s",
                   NOTE_QUOTED(failed.text));
    else if (control->options.keep_identity != NULL &&
             control->options.keep_identity(control->options.ctx, &failed) != ERR_OK)
        note_event(control->world.note, NOTE_WARN, "node.identity_not_copied", "reason=%s",
                   NOTE_QUOTED(failed.text));
    note_event(control->world.note, NOTE_ERROR, "node.ended", "reason=%s",
               NOTE_QUOTED(reason->text));
    if (control->options.on_removed == NULL)
        control_fail(control, reason);
    else
        control->options.on_removed(control->options.ctx, reason);
}

static void on_catalog_changed(void *ctx, const struct model *model)
{
    struct control *control = ctx;

    if (control->closing)
        return;
    if (!control->aimed && catalog_leads(control->catalog)) {
        control->aimed = true;
        control->ready_index = model_index(model);
    }
    control_catch_up(control);
    epoch_catalog_changed(control);
    replace_changed(control);
    enrol_changed(control);
    host_kick(control);
    gossip_soon(control);
    lifecycle_look(control);
    reshard_look(control);
}

void control_catch_up(struct control *control)
{
    const struct model *model = catalog_model(control->catalog);

    if (control->caught_up || !control->aimed || !model_founded(model) ||
        model_index(model) < control->ready_index)
        return;
    control->caught_up = true;
    control->caught_up_ms = control_now_ms(control);
}

static bool may_place(void *ctx, uint64_t node)
{
    const struct control *control = ctx;

    if (node == control->options.node)
        return !control->leaving;
    return liveness_stays(&control->liveness, node, control_now_ms(control));
}

uint64_t control_now_ms(const struct control *control)
{
    return clock_mono_ms(control->world.clock);
}

struct change_stamp control_stamp(struct control *control)
{
    return (struct change_stamp){ .proposed_ms = clock_wall_ms(control->world.clock),
                                  .proposer = control->options.node,
                                  .token = random_id(control->world.random) };
}

/* ---- answers ---- */

uint64_t control_node(const struct control *control)
{
    return control->options.node;
}

struct catalog *control_catalog(struct control *control)
{
    return control->catalog;
}

struct roster *control_roster(struct control *control)
{
    return control->roster;
}

struct log *control_log(struct control *control)
{
    return control->log;
}

struct scrub_figures control_scrub(const struct control *control)
{
    return control->scrub != NULL ? scrub_figures(control->scrub) : (struct scrub_figures){ 0 };
}

struct control_copies control_copies(const struct control *control)
{
    return control->copies.figures;
}

struct control_compares control_compares(const struct control *control)
{
    return control->compare.figures;
}

uint64_t control_moves_refused(const struct control *control)
{
    return control->balance.refused;
}

struct control_repairs control_repairs(const struct control *control)
{
    return control->repair.figures;
}

struct shard *control_shard(const struct control *control, uint64_t group)
{
    return host_find(control, group);
}

struct shard *control_shard_next(const struct control *control, uint64_t after)
{
    return host_next(control, after);
}

uint64_t control_leader(const struct control *control, uint64_t group)
{
    const struct replica *replica =
        control->roster != NULL ? roster_find(control->roster, group) : NULL;
    uint64_t leader = replica != NULL ? replica_status(replica).leader : 0;

    return leader != 0 ? leader
                       : liveness_leader(&control->liveness, group, control_now_ms(control));
}

enum node_health control_health(const struct control *control, uint64_t node)
{
    return liveness_is_up(&control->liveness, node, control_now_ms(control)) ? NODE_UP : NODE_DOWN;
}

bool control_stays(const struct control *control, uint64_t node)
{
    return liveness_stays(&control->liveness, node, control_now_ms(control));
}

static uint32_t own_shards_led(const struct control *control)
{
    const struct replica *catalog;

    if (control->roster == NULL)
        return 0;
    uint32_t groups = (uint32_t)roster_figures(control->roster).leaders;
    catalog = roster_find(control->roster, CATALOG_GROUP);
    bool leads_catalog = catalog != NULL && replica_status(catalog).role != REPLICA_FOLLOWER;
    return groups - (groups > 0 && leads_catalog);
}

uint32_t control_leading(const struct control *control, uint64_t node)
{
    const struct liveness_word *word = liveness_word_of(&control->liveness, node);

    if (node == control->options.node)
        return own_shards_led(control);
    if (word == NULL || word->group_count == 0)
        return 0;
    return (uint32_t)word->group_count - (word->groups[0] == CATALOG_GROUP); /* they ascend */
}

/* The row of the one that had this node's name and lost its disk stays as long as a group names it:
 * this node is to be a member there.  Where nobody can let it in, as a majority is lost, it serves
 * what it can. */
static bool awaits_place(const struct control *control, const struct model_node *own)
{
    const struct model *model = catalog_model(control->catalog);

    if (control_now_ms(control) - control->caught_up_ms >= CONTROL_PLACE_MS)
        return false;
    for (uint32_t i = 0; i < model_node_count(model); i++) {
        const struct model_node *node = model_node_at(model, i);
        if (node->replaced && node->id != own->id && strcmp(node->name, own->name) == 0)
            return true;
    }
    return false;
}

bool control_ready(const struct control *control, struct reason *why)
{
    const struct model_node *own;

    if (control->leaving || control->closing) {
        reason_set(why, "stopping");
        return false;
    }
    if (!control->bootstrap.joined && control->bootstrap.founding.waiting) {
        reason_set(why, "belongs to no cluster yet: founds one soon, unless it is told of another");
        return false;
    }
    if (!control->bootstrap.joined) {
        reason_set(why, bootstrap_is_seed(control)
                            ? "belongs to no cluster yet: waits for its seeds"
                            : "belongs to no cluster yet: waits for its seeds, of which it is "
                              "none, to found one");
        return false;
    }
    if (!control->aimed) {
        reason_set(why, "waits for the catalogue's leader");
        return false;
    }
    if (!control->caught_up) {
        reason_set(why, "reads the catalogue: has %llu of %llu",
                   (unsigned long long)model_index(catalog_model(control->catalog)),
                   (unsigned long long)control->ready_index);
        return false;
    }
    own = model_node_by_id(catalog_model(control->catalog), control->options.node);
    if (own == NULL) {
        *why = control->enrol.why;
        if (why->text[0] == 0)
            reason_set(why, "waits for its row in the catalogue");
        return false;
    }
    if (awaits_place(control, own)) {
        reason_set(why, "waits for the shards of the disk that was lost");
        return false;
    }
    if (!control->host.passed || control->host.missing > 0) {
        reason_set(why, "opens its shards: %u missing", control->host.missing);
        return false;
    }
    return true;
}

/* Whose clocks count; returns how many.  A node that lost its disk has a row under its old id too:
 * one clock per name. */
static uint32_t clocks_of(const struct control *control, uint64_t nodes[NODES_MAX])
{
    const struct model *model = catalog_model(control->catalog);
    uint32_t count = 0;
    const char *name = NULL;

    for (uint32_t i = 0; i < model_node_count(model); i++) {
        const struct model_node *node = model_node_at(model, i);
        if (node->replaced)
            continue;
        bool again = name != NULL && strcmp(name, node->name) == 0;
        if (!again)
            nodes[count++] = node->id;
        else if (control_health(control, node->id) == NODE_UP)
            nodes[count - 1] = node->id;
        name = node->name;
    }
    return count;
}

uint64_t control_agreed_ms(const struct control *control)
{
    uint64_t nodes[NODES_MAX];
    uint32_t count = clocks_of(control, nodes);

    return liveness_agreed_ms(&control->liveness, nodes, count,
                              clock_wall_ms(control->world.clock), control_now_ms(control));
}

int64_t control_clock_off_ms(const struct control *control)
{
    uint64_t nodes[NODES_MAX];
    uint32_t count = clocks_of(control, nodes);

    return liveness_clock_off_ms(&control->liveness, nodes, count,
                                 clock_wall_ms(control->world.clock), control_now_ms(control));
}
