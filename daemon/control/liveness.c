#include "control/liveness.h"

#include <stdlib.h>
#include <string.h>

#include "base/mutant.h"

static struct liveness_node *node_find(struct liveness *liveness, uint64_t id);
static const struct liveness_node *node_seek(const struct liveness *liveness, uint64_t id);
static struct liveness_node *node_take(struct liveness *liveness, uint64_t id);
static bool node_is_up(const struct liveness_node *node, uint64_t now_ms);
static void node_hear(struct liveness_node *node, uint64_t now_ms);
static bool word_valid(const struct liveness_word *word);
static bool word_copy(struct liveness_word *to, const struct liveness_word *from);
static void word_free(struct liveness_word *word);
static bool ascends(const uint64_t list[], size_t count);
static size_t place(const uint64_t list[], size_t count, uint64_t group);

void liveness_init(struct liveness *liveness, uint64_t self)
{
    *liveness = (struct liveness){ .self = self };
}

void liveness_fini(struct liveness *liveness)
{
    for (uint32_t i = 0; i < liveness->count; i++)
        word_free(&liveness->nodes[i].word);
    liveness->count = 0;
}

/* ---- what comes in ---- */

void liveness_up(struct liveness *liveness, uint64_t id, uint64_t now_ms)
{
    struct liveness_node *node = node_take(liveness, id);

    if (node != NULL)
        node_hear(node, now_ms);
}

void liveness_gone(struct liveness *liveness, uint64_t id)
{
    struct liveness_node *node = node_find(liveness, id);

    if (node != NULL)
        node->gone = true;
}

enum err liveness_told(struct liveness *liveness, uint64_t id, uint64_t now_ms,
                       const struct liveness_word *word)
{
    struct liveness_word copy;
    struct liveness_node *node = node_take(liveness, id);

    if (node == NULL)
        return ERR_BUSY;
    node_hear(node, now_ms);
    if (node->told && (node->word.boot != word->boot || node->word.stopping))
        node->up_ms = now_ms;
    if (node->told && node->word.ails != 0)
        node->well_ms = now_ms; /* as far as it said until now */
    if (!word_valid(word))
        return ERR_INVALID;
    if (!word_copy(&copy, word))
        return ERR_NO_MEMORY;

    word_free(&node->word);
    node->word = copy;
    node->word_ms = now_ms;
    node->told = true;
    return ERR_OK;
}

/* Ascending lists, so that looking up is a binary search. */
static bool word_valid(const struct liveness_word *word)
{
    return word->group_count <= CATALOG_SHARDS_MAX + 1 && word->open_count <= CATALOG_SHARDS_MAX &&
           word->moving_count <= CATALOG_SHARDS_MAX && word->ended_count <= CATALOG_SHARDS_MAX &&
           word->hot_count <= CATALOG_SHARDS_MAX && word->quiet_count <= CATALOG_SHARDS_MAX &&
           ascends(word->groups, word->group_count) && ascends(word->open, word->open_count) &&
           ascends(word->moving, word->moving_count) && ascends(word->ended, word->ended_count) &&
           ascends(word->hot, word->hot_count) && ascends(word->quiet, word->quiet_count);
}

static bool ascends(const uint64_t list[], size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (list[i] <= list[i - 1])
            return false;
    return true;
}

static const uint64_t *list_copy(uint64_t **block, const uint64_t list[], size_t count)
{
    uint64_t *copy = *block;

    if (list == NULL)
        return NULL;
    if (count > 0)
        memcpy(copy, list, count * sizeof(copy[0]));
    *block += count;
    return copy;
}

/* The lists in one block, of which `groups` is the first. */
static bool word_copy(struct liveness_word *to, const struct liveness_word *from)
{
    size_t count = 3 * from->group_count + from->open_count + from->moving_count +
                   from->ended_count + from->hot_count + from->quiet_count;
    uint64_t *block = malloc((count + 1) * sizeof(*block));

    if (block == NULL)
        return false;
    *to = *from;
    to->groups = block;
    if (from->group_count > 0)
        memcpy(block, from->groups, from->group_count * sizeof(*block));
    block += from->group_count;
    to->terms = list_copy(&block, from->terms, from->group_count);
    to->whole = list_copy(&block, from->whole, from->group_count);
    to->open = list_copy(&block, from->open, from->open_count);
    to->moving = list_copy(&block, from->moving, from->moving_count);
    to->ended = list_copy(&block, from->ended, from->ended_count);
    to->hot = list_copy(&block, from->hot, from->hot_count);
    to->quiet = list_copy(&block, from->quiet, from->quiet_count);
    return true;
}

static void word_free(struct liveness_word *word)
{
    union {
        const uint64_t *in;
        uint64_t *block;
    } same = { .in = word->groups };

    free(same.block);
    *word = (struct liveness_word){ .groups = NULL };
}

/* ---- who ---- */

static struct liveness_node *node_find(struct liveness *liveness, uint64_t id)
{
    for (uint32_t i = 0; i < liveness->count; i++)
        if (liveness->nodes[i].id == id)
            return &liveness->nodes[i];
    return NULL;
}

static const struct liveness_node *node_seek(const struct liveness *liveness, uint64_t id)
{
    for (uint32_t i = 0; i < liveness->count; i++)
        if (liveness->nodes[i].id == id)
            return &liveness->nodes[i];
    return NULL;
}

/* When all places are taken, one whose process is gone makes room. */
static struct liveness_node *node_take(struct liveness *liveness, uint64_t id)
{
    struct liveness_node *node = node_find(liveness, id);

    if (node != NULL || id == liveness->self)
        return node;
    if (liveness->count < CONTROL_PEERS_MAX) {
        node = &liveness->nodes[liveness->count++];
    } else {
        for (uint32_t i = 0; i < liveness->count && node == NULL; i++)
            if (liveness->nodes[i].gone)
                node = &liveness->nodes[i];
        if (node == NULL)
            return NULL;
        word_free(&node->word);
    }
    *node = (struct liveness_node){ .id = id };
    return node;
}

static bool node_is_up(const struct liveness_node *node, uint64_t now_ms)
{
    return node->heard && !node->gone && !(node->told && node->word.stopping) &&
           now_ms - node->heard_ms < CONTROL_SILENT_MS;
}

static void node_hear(struct liveness_node *node, uint64_t now_ms)
{
    if (!node_is_up(node, now_ms))
        node->up_ms = now_ms;
    node->heard = true;
    node->gone = false;
    node->heard_ms = now_ms;
}

/* ---- answers ---- */

bool liveness_is_up(const struct liveness *liveness, uint64_t id, uint64_t now_ms)
{
    const struct liveness_node *node = node_seek(liveness, id);

    return id == liveness->self || (node != NULL && node_is_up(node, now_ms));
}

bool liveness_stays(const struct liveness *liveness, uint64_t id, uint64_t now_ms)
{
    const struct liveness_node *node = node_seek(liveness, id);

    return liveness_is_up(liveness, id, now_ms) &&
           !(node != NULL && node->told && node->word.leaving);
}

bool liveness_stays_since(const struct liveness *liveness, uint64_t id, uint64_t now_ms,
                          uint64_t *since_ms)
{
    const struct liveness_node *node = node_seek(liveness, id);

    *since_ms = node != NULL ? node->up_ms : 0;
    return liveness_stays(liveness, id, now_ms);
}

bool liveness_leads_since(const struct liveness *liveness, uint64_t id, uint64_t now_ms,
                          uint64_t *since_ms)
{
    const struct liveness_node *node = node_seek(liveness, id);
    bool stays = liveness_stays_since(liveness, id, now_ms, since_ms);

    if (node != NULL && node->well_ms > *since_ms)
        *since_ms = node->well_ms;
    return stays && !(node != NULL && node->told && node->word.ails != 0);
}

/* The word of the node that leads the group, and where it stands there; NULL = nobody known. */
static const struct liveness_node *leader_of(const struct liveness *liveness, uint64_t group,
                                             uint64_t now_ms, size_t *at)
{
    const struct liveness_node *leader = NULL;
    uint64_t term = 0;

    for (uint32_t i = 0; i < liveness->count; i++) {
        const struct liveness_node *node = &liveness->nodes[i];
        if (!node->told || !node_is_up(node, now_ms))
            continue;
        size_t here = place(node->word.groups, node->word.group_count, group);
        if (here < node->word.group_count && node->word.groups[here] == group &&
            node->word.terms[here] > term) {
            leader = node;
            term = node->word.terms[here];
            *at = here;
        }
    }
    return leader;
}

uint64_t liveness_leader(const struct liveness *liveness, uint64_t group, uint64_t now_ms)
{
    size_t at = 0;
    const struct liveness_node *leader = leader_of(liveness, group, now_ms, &at);

    return leader != NULL ? leader->id : 0;
}

uint64_t liveness_whole(const struct liveness *liveness, uint64_t group, uint64_t now_ms)
{
    size_t at = 0;
    const struct liveness_node *leader = leader_of(liveness, group, now_ms, &at);

    return leader != NULL && leader->word.whole != NULL ? leader->word.whole[at] : 0;
}

const struct liveness_word *liveness_word_of(const struct liveness *liveness, uint64_t id)
{
    const struct liveness_node *node = node_seek(liveness, id);

    return node != NULL && node->told ? &node->word : NULL;
}

bool liveness_has_open(const struct liveness *liveness, uint64_t id, uint64_t group)
{
    const struct liveness_word *word = liveness_word_of(liveness, id);

    if (word == NULL)
        return false;
    size_t at = place(word->open, word->open_count, group);
    return at < word->open_count && word->open[at] == group;
}

bool liveness_moves(const struct liveness *liveness, uint64_t node, uint64_t group)
{
    const struct liveness_word *word = liveness_word_of(liveness, node);

    if (word == NULL)
        return false;
    size_t at = place(word->moving, word->moving_count, group);
    return at < word->moving_count && word->moving[at] == group;
}

bool liveness_has_ended(const struct liveness *liveness, uint64_t node, uint64_t group)
{
    const struct liveness_word *word = liveness_word_of(liveness, node);

    if (word == NULL)
        return false;
    size_t at = place(word->ended, word->ended_count, group);
    return at < word->ended_count && word->ended[at] == group;
}

bool liveness_has_hot(const struct liveness *liveness, uint64_t node, uint64_t group)
{
    const struct liveness_word *word = liveness_word_of(liveness, node);

    if (word == NULL)
        return false;
    size_t at = place(word->hot, word->hot_count, group);
    return at < word->hot_count && word->hot[at] == group;
}

bool liveness_has_quiet(const struct liveness *liveness, uint64_t node, uint64_t group)
{
    const struct liveness_word *word = liveness_word_of(liveness, node);

    if (word == NULL)
        return false;
    size_t at = place(word->quiet, word->quiet_count, group);
    return at < word->quiet_count && word->quiet[at] == group;
}

uint64_t liveness_agreed_ms(const struct liveness *liveness, const uint64_t nodes[], uint32_t count,
                            uint64_t wall_ms, uint64_t now_ms)
{
    uint64_t earliest = wall_ms;
    uint32_t heard = 0;

    for (uint32_t i = 0; i < count; i++) {
        const struct liveness_node *node = node_seek(liveness, nodes[i]);
        if (nodes[i] == liveness->self) {
            heard++;
            continue;
        }
        if (node == NULL || !node->told || now_ms - node->word_ms >= CONTROL_CLOCK_MS)
            continue;
        uint64_t clock_ms = node->word.wall_ms + (now_ms - node->word_ms);
        heard++;
        if (clock_ms < earliest)
            earliest = clock_ms;
    }
    if (MUTANT(own_clock))
        return wall_ms;
    return heard > count / 2 ? earliest : 0;
}

static void sort_in(uint64_t list[], uint32_t count, uint64_t value)
{
    for (; count > 0 && list[count - 1] > value; count--)
        list[count] = list[count - 1];
    list[count] = value;
}

uint64_t liveness_write_us(const struct liveness *liveness, uint64_t now_ms)
{
    uint64_t sorted[CONTROL_PEERS_MAX];
    uint32_t count = 0;

    for (uint32_t i = 0; i < liveness->count; i++) {
        const struct liveness_node *node = &liveness->nodes[i];
        if (node->told && node->word.write_us != 0 && node_is_up(node, now_ms))
            sort_in(sorted, count++, node->word.write_us);
    }
    return count > 0 ? sorted[(count - 1) / 2] : 0;
}

int64_t liveness_clock_off_ms(const struct liveness *liveness, const uint64_t nodes[],
                              uint32_t count, uint64_t wall_ms, uint64_t now_ms)
{
    uint64_t sorted[CONTROL_PEERS_MAX] = { wall_ms };
    uint32_t heard = 1;

    for (uint32_t i = 0; i < count && heard < CONTROL_PEERS_MAX; i++) {
        const struct liveness_node *node = node_seek(liveness, nodes[i]);
        if (nodes[i] != liveness->self && node != NULL && node->told &&
            now_ms - node->word_ms < CONTROL_CLOCK_MS)
            sort_in(sorted, heard++, node->word.wall_ms + (now_ms - node->word_ms));
    }
    if (heard <= count / 2)
        return 0;
    uint64_t low_ms = sorted[(heard - 1) / 2], high_ms = sorted[heard / 2];
    if (wall_ms > high_ms)
        return (int64_t)(wall_ms - high_ms);
    return wall_ms < low_ms ? -(int64_t)(low_ms - wall_ms) : 0;
}

/* The first place whose number is >= `group`. */
static size_t place(const uint64_t list[], size_t count, uint64_t group)
{
    size_t low = 0, high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list[middle] < group)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
