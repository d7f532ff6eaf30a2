#include "history.h"

#include <stdlib.h>
#include <string.h>

#include "base/ensure.h"
#include "cluster.h"
#include "reshard.h"

#define CLIENTS_MAX 64u
#define NEAR_BITS 3u    /* so many indexes are neighbours in what was applied */
#define ORDINAL_BITS 9u /* of a place */
#define ORDINAL_MAX ((1u << ORDINAL_BITS) - 1)

/* A map from two numbers to a small fact.  Entries come one after the other: facts of neighbours
 * lie side by side, few enough that neighbourhoods seldom meet. */
struct fact {
    uint64_t a, b; /* a == 0: empty */
    uint64_t x, y;
};

struct facts {
    struct fact *at;
    uint64_t count, room;
    uint32_t near_bits; /* of b: facts that differ in these alone lie side by side */
};

struct value {
    enum value_state state;
    uint64_t group, index; /* where it was acknowledged, or first seen */
    uint32_t ordinal;
    uint32_t scan; /* of the last scan that saw it */
    uint32_t pass; /* of the last read that gave it whole */
    uint64_t put_ns;
    bool lost; /* acknowledged, and its group was rescued without it */
};

struct client {
    struct value *values; /* by counter - 1 */
    uint64_t count, room;
    uint64_t last_group, last_index;
    uint32_t last_ordinal;
};

/* A read that is being looked at. */
struct pass {
    uint32_t number;
    uint64_t group; /* 0: none */
    uint64_t first, end; /* entries that it passed whole */
    uint64_t acked; /* values in them that it gave */
};

struct history {
    struct world *world;
    uint64_t keep_ns;
    struct facts applied; /* (group, index) -> term, crc << 8 | type */
    struct facts leaders; /* (group, term) -> node id */
    struct facts models;  /* index -> digest */
    struct facts acked;   /* (group, index) -> values acknowledged there */
    struct facts places;  /* (group, index << 9 | ordinal) -> client, counter */
    struct client clients[CLIENTS_MAX];
    uint64_t acked_in[SIM_GROUPS_MAX];
    uint64_t reached[SIM_GROUPS_MAX];
    uint64_t newest[SIM_GROUPS_MAX]; /* entry of the newest acknowledged value */
    struct history_counts counts;
    uint32_t scan;
    uint64_t scan_place; /* index << 9 | ordinal of the last value of the scan */
    uint64_t scan_acked;
    struct pass pass;
    bool cleared; /* a place has been, after a rescue: a value may say that it still stands there */
};

struct history *history_new(struct world *world, uint64_t keep_ns)
{
    struct history *history = sim_malloc(sizeof *history);

    history->world = world;
    history->keep_ns = keep_ns;
    history->applied.near_bits = NEAR_BITS;
    history->places.near_bits = ORDINAL_BITS;
    return history;
}

void history_free(struct history *history)
{
    sim_free(history->applied.at);
    sim_free(history->leaders.at);
    sim_free(history->models.at);
    sim_free(history->acked.at);
    sim_free(history->places.at);
    for (uint32_t i = 0; i < CLIENTS_MAX; i++)
        sim_free(history->clients[i].values);
    sim_free(history);
}

static uint64_t hash(uint64_t a, uint64_t b)
{
    uint64_t h = (a ^ b * UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0xbf58476d1ce4e5b9);
    return h ^ h >> 31;
}

static struct fact *slot(const struct facts *facts, uint64_t a, uint64_t b)
{
    uint64_t near = b & ((UINT64_C(1) << facts->near_bits) - 1);
    uint64_t at = (hash(a, b >> facts->near_bits) + near) & (facts->room - 1);

    while (facts->at[at].a != 0 && (facts->at[at].a != a || facts->at[at].b != b))
        at = (at + 1) & (facts->room - 1);
    return &facts->at[at];
}

/* The fact about (a, b); x and y are 0 for a new one, and `fresh` is set. */
static struct fact *fact_of(struct facts *facts, uint64_t a, uint64_t b, bool *fresh)
{
    ensure(a != 0);
    if (facts->count * 2 >= facts->room) {
        struct facts old = *facts;
        facts->room = old.room == 0 ? 1024 : old.room * 2;
        facts->at = sim_malloc(facts->room * sizeof(struct fact));
        for (uint64_t i = 0; i < old.room; i++)
            if (old.at[i].a != 0)
                *slot(facts, old.at[i].a, old.at[i].b) = old.at[i];
        sim_free(old.at);
    }
    struct fact *fact = slot(facts, a, b);
    *fresh = fact->a == 0;
    if (*fresh) {
        fact->a = a;
        fact->b = b;
        facts->count++;
    }
    return fact;
}

/* x of the fact about (a, b), 0 when there is none. */
static uint64_t known(const struct facts *facts, uint64_t a, uint64_t b)
{
    return facts->room == 0 ? 0 : slot(facts, a, b)->x;
}

void history_applied(struct history *history, struct sim_node *node, const struct entry_head *head)
{
    bool fresh;
    struct fact *fact = fact_of(&history->applied, head->group,
                                sim_place(head->epoch, head->index), &fresh);
    uint64_t what = (uint64_t)head->crc << 8 | head->type;

    history->counts.applied++;
    if (fresh) {
        fact->x = head->term;
        fact->y = what;
        history->counts.facts++;
        return;
    }
    if (fact->x != head->term || fact->y != what)
        world_violation(history->world, "diverged",
                        "node %u applied group %llu index %llu as term %llu crc %08x, elsewhere it "
                        "is term %llu crc %08x",
                        node->at + 1, (unsigned long long)head->group,
                        (unsigned long long)head->index, (unsigned long long)head->term, head->crc,
                        (unsigned long long)fact->x, (unsigned)(fact->y >> 8));
}

static struct value *value_of(struct history *history, uint32_t client, uint64_t counter)
{
    if (client >= CLIENTS_MAX || counter == 0 || counter > history->clients[client].count)
        return NULL;
    return &history->clients[client].values[counter - 1];
}

static bool is_passed(const struct pass *pass, const struct value *value)
{
    return pass->group != 0 && value->group == pass->group && value->index >= pass->first &&
           value->index < pass->end;
}

static void lose(struct history *history, struct value *value)
{
    bool fresh;

    if (value->state != VALUE_ACKED || value->lost)
        return;
    value->lost = true;
    history->acked_in[sim_slot(value->group)]--;
    fact_of(&history->acked, value->group, value->index, &fresh)->x--;
    history->counts.lost++;
}

void history_survives(struct history *history, const struct entry_head *head)
{
    uint64_t place = sim_place(head->epoch, head->index);
    bool fresh;
    struct fact *fact = fact_of(&history->applied, head->group, place, &fresh);
    uint64_t what = (uint64_t)head->crc << 8 | head->type;

    if (!fresh && fact->x == head->term && fact->y == what)
        return;
    fact->x = head->term;
    fact->y = what;
    for (uint32_t ordinal = 0; ordinal <= ORDINAL_MAX; ordinal++) {
        struct fact *stood = fact_of(&history->places, head->group,
                                     place << ORDINAL_BITS | ordinal, &fresh);
        history->cleared = true;
        struct value *value =
            fresh || stood->x == 0 ? NULL : value_of(history, (uint32_t)stood->x - 1, stood->y);
        if (value != NULL)
            lose(history, value);
        stood->x = 0; /* who reads it next says what stands there */
    }
}

void history_rescued(struct history *history, uint64_t group, uint64_t place)
{
    for (uint32_t client = 0; client < CLIENTS_MAX; client++)
        for (uint64_t i = 0; i < history->clients[client].count; i++) {
            struct value *value = &history->clients[client].values[i];
            if (value->group == group && value->index > place)
                lose(history, value);
        }
}

void history_reached(struct history *history, uint64_t group, uint64_t index)
{
    if (index > history->reached[sim_slot(group)])
        history->reached[sim_slot(group)] = index;
}

uint64_t history_reach(const struct history *history, uint64_t group)
{
    return history->reached[sim_slot(group)];
}

void history_leads(struct history *history, struct sim_node *node, uint64_t group, uint32_t epoch,
                   uint64_t term)
{
    bool fresh;
    struct fact *fact = fact_of(&history->leaders, sim_slot(group) << 32 | epoch, term, &fresh);

    if (fresh) {
        fact->x = node->id;
        history->counts.leaders++;
    } else if (fact->x != node->id) {
        world_violation(history->world, "two leaders",
                        "group %llu epoch %u term %llu is led by node %u and by node id %llx",
                        (unsigned long long)group, epoch, (unsigned long long)term, node->at + 1,
                        (unsigned long long)fact->x);
    }
}

void history_model(struct history *history, const struct sim_node *node, uint64_t index,
                   uint64_t digest)
{
    bool fresh;
    struct fact *fact = fact_of(&history->models, 1, index, &fresh);

    if (fresh)
        fact->x = digest;
    else if (fact->x != digest)
        world_violation(history->world, "models differ",
                        "node %u has another model of the cluster at index %llu", node->at + 1,
                        (unsigned long long)index);
}

void history_put(struct history *history, uint32_t client, uint64_t counter)
{
    struct client *c = &history->clients[client];

    ensure(client < CLIENTS_MAX && counter == c->count + 1);
    if (c->count == c->room) {
        c->room = c->room == 0 ? 256 : c->room * 2;
        struct value *fresh = sim_malloc(c->room * sizeof(struct value));
        if (c->count > 0)
            memcpy(fresh, c->values, c->count * sizeof(struct value));
        sim_free(c->values);
        c->values = fresh;
    }
    c->values[c->count++] =
        (struct value){ .state = VALUE_PENDING, .put_ns = history->world->now_ns };
    history->counts.puts++;
}

void history_refused(struct history *history, uint32_t client, uint64_t counter)
{
    struct value *value = value_of(history, client, counter);

    ensure(value != NULL && value->state == VALUE_PENDING);
    if (value->group != 0)
        world_violation(
            history->world, "phantom",
            "client %u value %llu was refused, yet it was read at group %llu index %llu", client,
            (unsigned long long)counter, (unsigned long long)value->group,
            (unsigned long long)value->index);
    value->state = VALUE_REFUSED;
    history->counts.refused++;
}

static void check_place(struct history *history, struct value *value, uint32_t client,
                        uint64_t counter, uint64_t group, uint64_t place)
{
    bool fresh;

    /* It was found there before, and what stands in a place never changes. */
    if (value->group == group && value->index == place >> ORDINAL_BITS &&
        value->ordinal == (place & ORDINAL_MAX) && !history->cleared)
        return;
    struct fact *fact = fact_of(&history->places, group, place, &fresh);

    if (fresh || fact->x == 0) {
        fact->x = client + 1;
        fact->y = counter;
    } else if (fact->x != client + 1 || fact->y != counter) {
        world_violation(history->world, "readers disagree",
                        "group %llu index %llu ordinal %u holds client %u value %llu, elsewhere "
                        "client %llu value %llu",
                        (unsigned long long)group, (unsigned long long)place >> ORDINAL_BITS,
                        (unsigned)(place & ORDINAL_MAX), client, (unsigned long long)counter,
                        (unsigned long long)fact->x - 1, (unsigned long long)fact->y);
    }
    if (value->group == 0) {
        value->group = group;
        value->index = place >> ORDINAL_BITS;
        value->ordinal = (uint32_t)(place & ORDINAL_MAX);
    } else if (value->group != group || value->index != place >> ORDINAL_BITS ||
               value->ordinal != (place & ORDINAL_MAX)) {
        world_violation(history->world, "stored twice",
                        "client %u value %llu stands at group %llu index %llu and at group %llu "
                        "index %llu",
                        client, (unsigned long long)counter, (unsigned long long)value->group,
                        (unsigned long long)value->index, (unsigned long long)group,
                        (unsigned long long)place >> ORDINAL_BITS);
    }
}

void history_acked(struct history *history, uint32_t client, uint64_t counter,
                   struct history_place at, bool in_time)
{
    uint64_t group = at.group, index = at.index;
    uint32_t ordinal = at.ordinal;
    bool fresh;
    struct client *c = &history->clients[client];
    struct value *value = value_of(history, client, counter);

    ensure(value != NULL && value->state == VALUE_PENDING);
    check_place(history, value, client, counter, group, index << ORDINAL_BITS | ordinal);
    value->state = VALUE_ACKED;
    history->counts.acked++;
    history->acked_in[sim_slot(group)]++;
    fact_of(&history->acked, group, index, &fresh)->x++;
    if (index > history->newest[sim_slot(group)])
        history->newest[sim_slot(group)] = index;
    if (!in_time)
        return;
    if (c->last_group == group &&
        (index < c->last_index || (index == c->last_index && ordinal <= c->last_ordinal)))
        world_violation(history->world, "order",
                        "client %u value %llu was acknowledged at index %llu, behind index %llu "
                        "of an earlier one",
                        client, (unsigned long long)counter, (unsigned long long)index,
                        (unsigned long long)c->last_index);
    if (c->last_group != 0 && !reshard_follows(group, c->last_group))
        world_violation(history->world, "order",
                        "client %u value %llu was acknowledged in group %llu, which does not come "
                        "of group %llu of an earlier one", client, (unsigned long long)counter,
                        (unsigned long long)group, (unsigned long long)c->last_group);
    c->last_group = group;
    c->last_index = index;
    c->last_ordinal = ordinal;
}

void history_read(struct history *history, struct sim_node *node, uint64_t group, uint64_t index,
                  uint32_t ordinal, uint32_t client, uint64_t counter)
{
    struct value *value = value_of(history, client, counter);
    uint64_t place = index << ORDINAL_BITS | ordinal;

    history->counts.reads++;
    if (value == NULL || value->state == VALUE_REFUSED)
        world_violation(history->world, "phantom",
                        "node %u has client %u value %llu at group %llu index %llu, which %s",
                        node->at + 1, client, (unsigned long long)counter,
                        (unsigned long long)group, (unsigned long long)index,
                        value == NULL ? "nobody put" : "was refused");
    check_place(history, value, client, counter, group, place);
    if (value->state == VALUE_ACKED && !value->lost &&
        is_passed(&history->pass, value)) {
        history->pass.acked++;
        value->pass = history->pass.number;
    }
    if (history->scan_place == 0)
        return;
    if (place <= history->scan_place && history->scan_place != 1)
        world_violation(history->world, "order", "node %u reads group %llu index %llu again",
                        node->at + 1, (unsigned long long)group, (unsigned long long)index);
    history->scan_place = place;
    if (value->lost)
        world_violation(history->world, "came back", "node %u reads group %llu index %llu, which a "
                        "rescue gave up", node->at + 1, (unsigned long long)group,
                        (unsigned long long)index);
    if (value->state == VALUE_ACKED && value->scan != history->scan) {
        value->scan = history->scan;
        history->scan_acked++;
    }
}

void history_scan_begin(struct history *history, struct sim_node *node, uint64_t group)
{
    history->scan++;
    history->scan_place = 1;
    history->scan_acked = 0;
}

/* Its entry is not older than its put: retention cannot have reached it before. */
static bool may_be_gone(const struct history *history, const struct value *value)
{
    return history->keep_ns != 0 && value->put_ns + history->keep_ns < history->world->now_ns;
}

bool history_keeps(const struct history *history, uint64_t group, uint64_t from)
{
    for (uint32_t client = 0; client < CLIENTS_MAX; client++)
        for (uint64_t i = 0; i < history->clients[client].count; i++) {
            const struct value *value = &history->clients[client].values[i];
            if (value->state == VALUE_ACKED && value->group == group && value->index >= from &&
                !value->lost && !may_be_gone(history, value))
                return true;
        }
    return false;
}

static void name_lost(struct history *history, struct sim_node *node, uint64_t group)
{
    for (uint32_t client = 0; client < CLIENTS_MAX; client++)
        for (uint64_t i = 0; i < history->clients[client].count; i++) {
            const struct value *value = &history->clients[client].values[i];
            if (value->state != VALUE_ACKED || value->group != group || value->lost ||
                value->scan == history->scan || may_be_gone(history, value))
                continue;
            world_violation(history->world, "lost",
                            "node %u does not have client %u value %llu, acknowledged at group "
                            "%llu index %llu",
                            node->at + 1, client, (unsigned long long)i + 1,
                            (unsigned long long)group, (unsigned long long)value->index);
        }
}

void history_scan_end(struct history *history, struct sim_node *node, uint64_t group)
{
    if (history->scan_acked != history->acked_in[sim_slot(group)])
        name_lost(history, node, group);
    history->scan_place = 0;
}

/* Places jump by a rescue: a read that passes so many is not looked at.  Nor is one where retention
 * is raised: for CONTROL_READING_MS a node may hide by the shorter one. */
#define PASS_MOST 100000u

void history_pass_begin(struct history *history, uint64_t group, struct position from,
                        struct position next)
{
    struct pass pass = { .number = history->pass.number + 1,
                         .group = group,
                         .first = from.index + (from.ordinal > 0 ? 1 : 0),
                         .end = next.index };

    if (pass.end > pass.first + PASS_MOST ||
        cluster_of(history->world)->options.retention_hours_first != 0)
        pass.group = 0;
    history->pass = pass;
}

/* Whether a value that must be there lies in what was passed, and was not given. */
static bool is_missing_any(const struct history *history)
{
    for (uint32_t client = 0; client < CLIENTS_MAX; client++)
        for (uint64_t i = 0; i < history->clients[client].count; i++) {
            const struct value *value = &history->clients[client].values[i];
            if (value->state == VALUE_ACKED && !value->lost && is_passed(&history->pass, value) &&
                value->pass != history->pass.number && !may_be_gone(history, value))
                return true;
        }
    return false;
}

void history_pass_end(struct history *history, const struct sim_node *node)
{
    struct pass pass = history->pass;
    uint64_t acked = 0;

    for (uint64_t at = pass.first; pass.group != 0 && at < pass.end; at++)
        acked += known(&history->acked, pass.group, at);
    if (pass.group != 0 && pass.acked < acked && is_missing_any(history))
        world_violation(history->world, "passed over",
                        "node %u gave %llu of the %llu values acknowledged in group %llu from "
                        "index %llu up to %llu", node->at + 1, (unsigned long long)pass.acked,
                        (unsigned long long)acked, (unsigned long long)pass.group,
                        (unsigned long long)pass.first, (unsigned long long)pass.end);
    history->pass.group = 0;
}

struct history_counts history_counts(const struct history *history)
{
    struct history_counts counts = history->counts;

    counts.pending = counts.puts - counts.acked - counts.refused;
    return counts;
}

uint64_t history_acked_in(const struct history *history, uint64_t group)
{
    return history->acked_in[sim_slot(group)];
}

uint64_t history_newest(const struct history *history, uint64_t group)
{
    return history->newest[sim_slot(group)];
}

void history_tip(struct history *history, const struct sim_node *node, uint64_t group,
                 uint64_t index, uint64_t newest)
{
    if (index <= newest)
        world_violation(history->world, "stale tip",
                        "node %u says that group %llu goes on at index %llu, but index %llu was "
                        "acknowledged before it was asked",
                        node->at + 1, (unsigned long long)group, (unsigned long long)index,
                        (unsigned long long)newest);
}
