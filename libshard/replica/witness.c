#include "replica/witness.h"

#include <string.h>

#include "base/ensure.h"

void witness_init(struct witness *witness, uint64_t boot, uint64_t found)
{
    ensure(boot != 0);
    *witness = (struct witness){ .boot = boot, .found = found };
}

void witness_durable(struct witness *witness, uint64_t turn)
{
    ensure(turn > witness->made && turn > witness->found);
    witness->made = turn;
}

/* Place of the peer's row; `peer_count` when it has none. */
static uint32_t place_of(const struct witness *witness, uint64_t node)
{
    uint32_t at = 0;

    while (at < witness->peer_count && witness->peers[at].node != node)
        at++;
    return at;
}

/* The peer's row; a new one when it has none. */
static struct witness_peer *peer_get(struct witness *witness, uint64_t node)
{
    uint32_t at = place_of(witness, node);

    if (at < witness->peer_count)
        return &witness->peers[at];
    if (at < WITNESS_PEERS_MAX) {
        witness->peer_count++;
    } else {
        at = 0;
        for (uint32_t k = 1; k < WITNESS_PEERS_MAX; k++)
            if (witness->peers[k].order < witness->peers[at].order)
                at = k;
    }
    witness->peers[at] = (struct witness_peer){ .node = node };
    return &witness->peers[at];
}

void witness_hear(struct witness *witness, uint64_t node, const struct envelope_word *said)
{
    struct witness_peer *peer = peer_get(witness, node);
    struct envelope_word *heard = peer->heard;

    peer->order = ++witness->words;
    if (said->turn == 0)
        return;
    if (heard[0].boot == said->boot || heard[1].boot == said->boot) {
        struct envelope_word *same = &heard[heard[0].boot == said->boot ? 0 : 1];
        if (said->turn > same->turn)
            same->turn = said->turn;
    } else if (said->turn > heard[1].turn) {
        heard[1] = *said;
    }
    if (heard[1].turn > heard[0].turn) {
        struct envelope_word lower = heard[0];
        heard[0] = heard[1];
        heard[1] = lower;
    }
}

bool witness_met(const struct witness *witness, uint64_t node)
{
    return place_of(witness, node) < witness->peer_count;
}

void witness_say(const struct witness *witness, uint64_t node, struct envelope_frame *frame)
{
    uint32_t at = place_of(witness, node);

    frame->said = (struct envelope_word){ witness->boot, witness->made };
    if (at < witness->peer_count)
        memcpy(frame->heard, witness->peers[at].heard, sizeof(frame->heard));
    else
        memset(frame->heard, 0, sizeof(frame->heard));
}

uint64_t witness_forgot(const struct witness *witness, const struct envelope_frame *frame)
{
    uint64_t forgot = 0;

    for (unsigned k = 0; k < ENVELOPE_HEARD; k++) {
        const struct envelope_word *heard = &frame->heard[k];
        uint64_t has = heard->boot == witness->boot ? witness->made : witness->found;
        if (heard->turn > has && heard->turn > forgot)
            forgot = heard->turn;
    }
    return forgot;
}
