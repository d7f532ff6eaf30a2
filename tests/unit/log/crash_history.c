#include "crash_history.h"

#define AHEAD_MAX 4000u /* operations that a log may have done beyond what was said to be durable */

void history_init(struct history *history, const struct node *node, uint64_t seed)
{
    memset(history, 0, sizeof(*history));
    random_init(&history->random, seed);
    history->said = node->durable;
}

static void look_what_is_durable(struct history *history, const struct node *node)
{
    if (node->durable <= history->said)
        return;
    history->said = node->durable;
    uint32_t ops = history->ops_by_turn[history->said % HISTORY_TURNS_MAX];
    if (ops > 0)
        history->durable = ops;
}

void history_step(struct history *history, struct node *node)
{
    node_random_op(node, &history->random);
    history->ops++;
    history->ops_by_turn[log_turn(node->log) % HISTORY_TURNS_MAX] = history->ops;
    if (history->ops % 5 == 0)
        node_turn(node);
    if (history->ops % 64 == 0)
        log_save(node->log);
    look_what_is_durable(history, node);
    while (log_turn(node->log) - node->durable > HISTORY_TURNS_MAX / 2)
        node_turn(node);
}

void history_check(struct node *node, uint64_t seed, uint32_t durable)
{
    struct random random;

    random_init(&random, seed);
    for (uint32_t op = 0; op < durable; op++)
        node_random_op(node, &random);
    node_open(node);
    for (uint32_t op = durable; !node_matches(node); op++) {
        if (op > durable + AHEAD_MAX)
            fail_msg("after %u durable operations: no moment of the history matches", durable);
        struct log *log = node->log;
        node->log = NULL; /* the model alone */
        node_random_op(node, &random);
        node->log = log;
    }
    node_take_hints(node);
    node_check(node);
}
