#include "transport/origin.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"

enum err origins_init(struct origins *origins)
{
    origins->lists = calloc(ORIGIN_LISTS, sizeof(struct list));
    if (origins->lists == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t at = 0; at < ORIGIN_LISTS; at++)
        list_init(&origins->lists[at]);
    return ERR_OK;
}

void origins_fini(struct origins *origins)
{
    free(origins->lists);
    origins->lists = NULL;
}

/* An IPv4 address looks the same on a port that is listened on for IPv6; no network has the
 * prefix that it gets. */
static void key_of(unsigned char key[ORIGIN_KEY_BYTES], const struct sockaddr_storage *place)
{
    const struct sockaddr_in *four = (const struct sockaddr_in *)place;
    const struct in6_addr *six = &((const struct sockaddr_in6 *)place)->sin6_addr;

    memset(key, 0, ORIGIN_KEY_BYTES);
    if (place->ss_family == AF_INET)
        memcpy(key + 4, &four->sin_addr, 4);
    else if (IN6_IS_ADDR_V4MAPPED(six))
        memcpy(key + 4, six->s6_addr + 12, 4);
    else
        memcpy(key, six->s6_addr, ORIGIN_KEY_BYTES);
}

struct origin *origin_enter(struct origins *origins, const struct sockaddr_storage *place)
{
    unsigned char key[ORIGIN_KEY_BYTES];

    key_of(key, place);
    struct list *list = &origins->lists[crc32c(0, key, sizeof(key)) % ORIGIN_LISTS];
    for (struct list_node *node = list_first(list); node != NULL; node = list_next(list, node)) {
        struct origin *origin = container_of(node, struct origin, link);
        if (memcmp(origin->key, key, sizeof(key)) == 0) {
            origin->connections++;
            return origin;
        }
    }
    struct origin *origin = malloc(sizeof(*origin));
    if (origin == NULL)
        return NULL;
    *origin = origins->fresh;
    memcpy(origin->key, key, sizeof(key));
    origin->connections = 1;
    list_append(list, &origin->link);
    return origin;
}

void origin_leave(struct origin *origin)
{
    if (origin == NULL || --origin->connections > 0)
        return;
    ensure(origin->served.used == 0 && origin->bodies.used == 0 && origin->h2_streams.used == 0);
    list_remove(&origin->link);
    free(origin);
}
