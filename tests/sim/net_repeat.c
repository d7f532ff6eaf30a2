#include "net_private.h"

#include <string.h>

#include "base/ensure.h"

#define REPEATS_MAX 8u           /* of a link, the newest of what it carried */
#define REPEAT_BYTES_MAX 131072u /* what is larger is not kept */

/* Whose sender may not say it twice: these ask for a change. */
static bool only_once(const struct parcel *parcel)
{
    return parcel->form == PARCEL_ANSWER ||
           (parcel->form == PARCEL_CALL &&
            (parcel->kind == NET_PUT || parcel->kind == NET_CHANGE));
}

static void drop_first(struct link *link)
{
    sim_free(container_of(list_pop(&link->sent), struct parcel, link));
    link->sent_count--;
}

void net_repeat_note(struct net *net, const struct parcel *parcel)
{
    struct link *link = &net->links[parcel->to];

    if (!net->weather->repeats || parcel->len > REPEAT_BYTES_MAX || only_once(parcel))
        return;
    struct parcel *copy = sim_take(sizeof *copy + parcel->len);
    memcpy(copy, parcel, sizeof *copy + parcel->len);
    copy->link = (struct list_node){ NULL, NULL };
    list_append(&link->sent, &copy->link);
    if (++link->sent_count > REPEATS_MAX)
        drop_first(link);
}

void net_repeat_drop(struct link *link)
{
    while (link->sent_count > 0)
        drop_first(link);
}

void net_repeat(struct net *net, uint32_t to)
{
    struct world *world = net->node->world;
    struct link *link = &net->links[to];
    uint32_t count = link->sent_count;
    uint32_t skip = count > 0 ? (uint32_t)world_below(world, count + 1) : 0;

    for (; skip > 0; skip--)
        drop_first(link);
    net->repeated += link->sent_count;
    while (link->sent_count > 0) {
        struct parcel *parcel = container_of(list_pop(&link->sent), struct parcel, link);
        link->sent_count--;
        parcel->number = link->number;
        parcel->boot = link->boot;
        net_post(world, parcel);
    }
}
