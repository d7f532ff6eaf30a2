#include "control/guide.h"

#include <string.h>

#include "base/mutant.h"
#include "control/control_private.h"

static bool is_lost(const struct control *control, const struct bootstrap_peer *peer);
static bool is_known(const struct control *control, const struct bootstrap_peer *peer);
static bool is_wanted(const struct control *control, const char *address);

bool guide_is_for(const struct control *control, const struct bootstrap_peer *peer)
{
    return control->bootstrap.joined && model_founded(catalog_model(control->catalog)) &&
           is_lost(control, peer) && is_known(control, peer) && !MUTANT(seeds_left);
}

/* Whoever knows where this node is says what it leads within a second. */
static bool is_lost(const struct control *control, const struct bootstrap_peer *peer)
{
    const struct liveness_word *word = liveness_word_of(&control->liveness, peer->node);

    if (peer->cluster.id == 0)
        return true;
    return peer->cluster.id == control->bootstrap.cluster.id &&
           (word == NULL || word->boot != peer->boot) &&
           control_now_ms(control) - peer->up_ms >= CONTROL_MUTE_MS;
}

static bool is_known(const struct control *control, const struct bootstrap_peer *peer)
{
    const struct model *model = catalog_model(control->catalog);

    for (uint32_t i = 0; i < model_node_count(model); i++) {
        const struct model_node *node = model_node_at(model, i);
        if (!node->replaced && node->peer_address[0] != 0 &&
            strcmp(node->peer_address, peer->address) == 0 &&
            (node->id == peer->node || strcmp(node->name, peer->name) == 0))
            return true;
    }
    return false;
}

void guide_follow(struct control *control, const char *address)
{
    struct guide *guide = &control->guide;

    if (address[0] == 0 || model_founded(catalog_model(control->catalog)))
        return;
    for (uint32_t i = 0; i < guide->count; i++)
        if (strcmp(guide->addresses[i], address) == 0)
            return;
    char *place = guide->addresses[guide->next];
    if (guide->count < CONTROL_GUIDES_MAX)
        guide->count++;
    else if (!is_wanted(control, place))
        net_undial(control->world.net, place);
    guide->next = (guide->next + 1) % CONTROL_GUIDES_MAX;
    strcpy(place, address);
    note_event(control->world.note, NOTE_INFO, "cluster.shown", "address=%s",
               NOTE_QUOTED(address));
    bootstrap_dial(control, address);
}

void guide_end(struct control *control)
{
    struct guide *guide = &control->guide;

    for (uint32_t i = 0; i < guide->count; i++)
        if (!is_wanted(control, guide->addresses[i]))
            net_undial(control->world.net, guide->addresses[i]);
    guide->count = guide->next = 0;
}

/* Whether it is dialled whatever was told: it is a seed, or a node of the model listens there. */
static bool is_wanted(const struct control *control, const char *address)
{
    const struct control_options *options = &control->options;
    const struct model *model = catalog_model(control->catalog);

    for (uint32_t i = 0; i < options->seed_count; i++)
        if (strcmp(options->seeds[i], address) == 0)
            return true;
    for (uint32_t i = 0; i < model_node_count(model); i++) {
        const struct model_node *node = model_node_at(model, i);
        if (!node->replaced && strcmp(node->peer_address, address) == 0)
            return true;
    }
    return false;
}
