/* Answers those who compare their replicas with this node's: NET_COMPARE, from what this node has
 * applied of a group in the same epoch. */
#include <stdlib.h>

#include "control/compare_message.h"
#include "control/control_private.h"

struct compare_served {
    struct control *control;
    struct net_incoming *incoming;
    struct compare_ask ask;
    struct log_read read;
};

static void on_read(struct log_read *read, enum err err);

static void answer(struct net_incoming *incoming, enum err err, struct buf *bytes)
{
    net_answer(incoming, err == ERR_OK && bytes == NULL ? ERR_NO_MEMORY : err, &bytes,
               err == ERR_OK && bytes != NULL ? 1 : 0);
    buf_unref(bytes);
}

static void read_for(struct control *control, struct net_incoming *incoming,
                     const struct compare_ask *ask, uint64_t first, uint64_t last)
{
    struct compare_served *served = calloc(1, sizeof(*served));

    if (served == NULL) {
        answer(incoming, ERR_NO_MEMORY, NULL);
        return;
    }
    served->control = control;
    served->incoming = incoming;
    served->ask = *ask;
    served->read = (struct log_read){
        .group = ask->group, .first = first, .last = last, .heads_only = true, .background = true
    };
    control->compare.served++;
    log_read(control->log, &served->read, on_read);
}

static void on_read(struct log_read *read, enum err err)
{
    struct compare_served *served = container_of(read, struct compare_served, read);
    struct buf *bytes = NULL;

    if (err == ERR_OK)
        bytes = compare_answer_pack(read->entries, read->count, read->first, served->ask.heads);
    answer(served->incoming, err, bytes);
    served->control->compare.served--;
    log_read_fini(read);
    free(served);
}

void compare_on_ask(void *ctx, const struct net_message *message, struct net_incoming *incoming)
{
    struct control *control = ctx;
    struct compare_ask ask;
    enum err err = compare_ask_read(&ask, message->bytes);

    if (err == ERR_OK && control->compare.served == CONTROL_COMPARE_SERVED_MAX)
        err = ERR_BUSY;
    const struct log_state *state = err == ERR_OK ? log_state(control->log, ask.group) : NULL;
    if (err == ERR_OK && (state == NULL || state->epoch != ask.epoch))
        err = ERR_NOT_FOUND;
    if (err != ERR_OK) {
        answer(incoming, err, NULL);
        return;
    }
    uint64_t first = ask.first < state->first ? state->first : ask.first;
    uint64_t last = ask.last > state->applied ? state->applied : ask.last;
    if (first > last)
        answer(incoming, ERR_OK, compare_answer_pack(NULL, 0, first, ask.heads));
    else
        read_for(control, incoming, &ask, first, last);
}

void compare_on_ask_closed(void *ctx, const struct net_message *message,
                           struct net_incoming *incoming)
{
    net_answer(incoming, ERR_CLOSED, NULL, 0);
}
