/* Groups on their way from one epoch to the next, on this node and, as they say, on the others. */
#include <stdlib.h>

#include "control/control_private.h"

#define ROOM_FIRST 16u

/* Groups whose members change, each once, as far as somebody wants to know. */
struct moving_count {
    uint64_t groups[2 * CONTROL_MOVES_AT_ONCE_MAX];
    uint32_t count;
};

static bool is_moving(const struct control *control, const struct model_shard *row);
static bool add(struct moving *moving, uint64_t group);
static void count_some(struct moving_count *count, const uint64_t groups[], size_t group_count);

/* While the host has nothing to do, all that this node should have is open: so its own shards are
 * looked at, and only they.  Else all rows are, since it may lack some. */
bool moving_look(struct control *control)
{
    const struct model *model = catalog_model(control->catalog);
    struct moving *moving = &control->moving;
    bool all = host_busy(control);
    uint64_t after = 0;

    moving->count = 0;
    moving->index = model_index(model);
    for (;;) {
        const struct model_stream *stream = NULL;
        const struct shard *shard = all ? NULL : host_next(control, after);
        const struct model_shard *row = NULL;

        if (all)
            row = model_shard_next(model, after, &stream);
        else if (shard != NULL)
            row = model_shard_by_group(model, shard_group(shard), &stream);
        if (row == NULL && shard == NULL)
            return true;
        after = row != NULL ? row->group : shard_group(shard);
        if (row == NULL || stream->status == STREAM_DELETING || !is_moving(control, row))
            continue;
        if (!add(moving, row->group)) {
            moving->index = 0; /* no memory: nobody may rely on the list */
            return false;
        }
    }
}

static bool is_moving(const struct control *control, const struct model_shard *row)
{
    const struct log_state *state = log_state(control->log, row->group);
    bool open = host_find(control, row->group) != NULL;

    if (!model_shard_has(row, control->options.node))
        return open;
    if (!open || state == NULL || state->epoch < row->epoch)
        return true;
    /* Others let their copies go by that: it must not be lost any more. */
    return row->epoch > 1 && !log_started(control->log, row->group);
}

static bool add(struct moving *moving, uint64_t group)
{
    if (moving->count == moving->room) {
        uint32_t room = moving->room == 0 ? ROOM_FIRST : 2 * moving->room;
        uint64_t *groups = realloc(moving->groups, room * sizeof(groups[0]));
        if (groups == NULL)
            return false;
        moving->groups = groups;
        moving->room = room;
    }
    moving->groups[moving->count++] = group;
    return true;
}

void moving_close(struct control *control)
{
    free(control->moving.groups);
    control->moving = (struct moving){ .groups = NULL };
}

bool moving_known(const struct control *control, uint64_t index)
{
    const struct model *model = catalog_model(control->catalog);

    if (control->moving.index < index)
        return false;
    for (uint32_t i = 0; i < model_node_count(model); i++) {
        uint64_t node = model_node_at(model, i)->id;
        const struct liveness_word *word = liveness_word_of(&control->liveness, node);
        if (node == control->options.node || control_health(control, node) != NODE_UP)
            continue;
        if (word == NULL || word->catalog_index < index)
            return false;
    }
    return true;
}

bool moving_on(const struct control *control, uint64_t node, uint64_t group)
{
    if (node != control->options.node)
        return control_health(control, node) == NODE_UP &&
               liveness_moves(&control->liveness, node, group);
    for (uint32_t i = 0; i < control->moving.count; i++)
        if (control->moving.groups[i] == group)
            return true;
    return false;
}

bool moving_has(const struct control *control, uint64_t group)
{
    const struct model *model = catalog_model(control->catalog);
    bool has = moving_on(control, control->options.node, group);

    for (uint32_t i = 0; !has && i < model_node_count(model); i++)
        has = moving_on(control, model_node_at(model, i)->id, group);
    return has;
}

uint32_t moving_count(const struct control *control)
{
    const struct model *model = catalog_model(control->catalog);
    struct moving_count count = { .count = 0 };

    count_some(&count, control->moving.groups, control->moving.count);
    for (uint32_t i = 0; i < model_node_count(model); i++) {
        uint64_t node = model_node_at(model, i)->id;
        const struct liveness_word *word = liveness_word_of(&control->liveness, node);
        if (word != NULL && node != control->options.node &&
            control_health(control, node) == NODE_UP)
            count_some(&count, word->moving, word->moving_count);
    }
    return count.count;
}

static void count_some(struct moving_count *count, const uint64_t groups[], size_t group_count)
{
    for (size_t i = 0; i < group_count && count->count < 2 * CONTROL_MOVES_AT_ONCE_MAX; i++) {
        bool known = false;
        for (uint32_t k = 0; k < count->count; k++)
            known |= count->groups[k] == groups[i];
        if (!known)
            count->groups[count->count++] = groups[i];
    }
}
