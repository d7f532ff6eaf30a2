/* A shard that has ended and rests: no replica, only what the log says of the group.
 *
 * Raft counts its members as down.  What lies up to the END is committed, as whoever lets it rest
 * has made sure; so it is applied here, whatever the log's hint of it says. */
#include "base/ensure.h"
#include "shard/shard_private.h"

/* Walks from `*applied`, where the image stands, to the END; its head, when it is not in the image
 * already.  False: there is none. */
static bool walk_to_end(const struct log *log, const struct log_state *state,
                        struct shard_image *image, uint64_t *applied, struct entry_head *head)
{
    while (image->end_index == 0) {
        if (*applied == state->last)
            return false;
        /* Above what is known applied they are in memory. */
        ensure(log_head(log, state->group, ++*applied, head) == ERR_OK);
        apply_head(image, head);
    }
    return true;
}

bool shard_can_rest(const struct log *log, const struct log_state *state)
{
    uint64_t applied = state->applied > state->start_index ? state->applied : state->start_index;
    struct reason reason = { .text = "" };
    struct entry_head head;
    struct shard_image image;

    return apply_image_read(&image, slice_of(state->image, state->image_bytes), &reason) ==
               ERR_OK &&
           walk_to_end(log, state, &image, &applied, &head);
}

enum err rest_load(struct shard *shard, struct reason *reason)
{
    const struct log_state *state = log_state(shard->world.log, shard->options.group);
    struct entry_head head = { .index = 0 };
    unsigned char image[IMAGE_BYTES_MAX];

    if (!walk_to_end(shard->world.log, state, &shard->image, &shard->applied, &head)) {
        reason_set(reason, "it is to rest, and its END is not in the log of this node");
        return ERR_NOT_FOUND;
    }
    if (head.index > state->applied) {
        uint32_t bytes = apply_image(shard, image);
        log_applied(shard->world.log, shard->options.group, head.index, head.term, head.time_ms,
                    slice_of(image, bytes));
    }
    return ERR_OK;
}

struct replica_status rest_status(const struct shard *shard)
{
    const struct log_state *state = log_state(shard->world.log, shard->options.group);

    return (struct replica_status){
        .group = state->group,
        .term = state->term,
        .epoch = state->epoch,
        .role = REPLICA_FOLLOWER,
        .applied = state->applied,
        .applied_term = state->applied_term,
        .applied_time_ms = state->applied_time_ms,
        .whole = state->applied,
        .shared = state->applied,
        .last = state->last,
        .first = state->first,
    };
}
