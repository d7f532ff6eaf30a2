/* An address that is kept connected.
 *
 *     pause -> resolve -> both lanes: connect, greet -> up
 *       ^         |              |                       |
 *       +---------+--------------+-----------------------+  broken
 *
 * All or nothing: when one lane fails, both are closed and dialled anew, because
 * a node with one lane is of no use and half states would multiply the cases.
 *
 * Who is gone?  Only what this file sees can prove it: a refused connection where
 * the node used to answer, another process number, another node's greeting.  A
 * refusal counts only from the very place (IP and port) that answered before:
 * a name that points elsewhere now says nothing about the process that was there.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/ensure.h"
#include "peer/peer_private.h"

/* A dial that breaks sooner than this after it came up, and more often, has to pause. */
#define STEADY_NS 1000000000u
#define QUICK_BREAKS_MAX 3u

static enum err address_split(struct dial *dial);
static void retry_on_time(struct timer *timer);
static void resolve(struct dial *dial);
static void resolve_on_done(uv_getaddrinfo_t *request, int status, struct addrinfo *found);
static bool place_add(struct dial *dial, const struct sockaddr *address);
static void connect_lanes(struct dial *dial);
static void connect_on_done(uv_connect_t *connect, int status);
static bool place_equal(const struct sockaddr_storage *a, const struct sockaddr_storage *b);
static void attempt_failed(struct dial *dial);
static void pause_and_retry(struct dial *dial);
static void links_close(struct dial *dial);
static void self_found(struct dial *dial);
static bool greeting_is_welcome(struct dial *dial, const struct greeting *greeting);

enum err dial_new(struct net *net, const char *address, struct dial **ret)
{
    struct dial *dial = calloc(1, sizeof(*dial));

    if (dial == NULL)
        return ERR_NO_MEMORY;
    dial->net = net;
    if (strlen(address) >= sizeof(dial->address)) {
        free(dial);
        return ERR_INVALID;
    }
    snprintf(dial->address, sizeof(dial->address), "%s", address);
    if (address_split(dial) != ERR_OK) {
        free(dial);
        return ERR_INVALID;
    }
    dial->resolve.data = dial;
    timer_start(net->clock, &dial->retry, 0, retry_on_time);
    *ret = dial;
    return ERR_OK;
}

/* "host:port" or "[IPv6]:port". */
static enum err address_split(struct dial *dial)
{
    const char *colon = strrchr(dial->address, ':');
    const char *host = dial->address;
    size_t host_len = colon != NULL ? (size_t)(colon - host) : 0;
    unsigned port = 0;

    if (host_len >= 2 && host[0] == '[' && host[host_len - 1] == ']') {
        host++;
        host_len -= 2;
    } else if (host_len > 0 && memchr(host, ':', host_len) != NULL) {
        return ERR_INVALID;
    }
    if (host_len == 0)
        return ERR_INVALID;
    size_t digits = strspn(colon + 1, "0123456789");
    if (digits == 0 || digits > 5 || colon[1 + digits] != '\0')
        return ERR_INVALID;
    for (const char *at = colon + 1; *at != '\0'; at++)
        port = port * 10 + (unsigned)(*at - '0');
    if (port == 0 || port > UINT16_MAX)
        return ERR_INVALID;
    memcpy(dial->host, host, host_len);
    snprintf(dial->port, sizeof(dial->port), "%u", port);
    return ERR_OK;
}

/* ---- one attempt ---- */

static void retry_on_time(struct timer *timer)
{
    struct dial *dial = container_of(timer, struct dial, retry);

    if (dial->unwanted) {
        dial->net->dial_count--;
        dial_close(dial); /* nothing is under way between two attempts */
        return;
    }
    dial->refused = false;
    dial->place_count = dial->place_at = 0;
    resolve(dial);
}

static void resolve(struct dial *dial)
{
    int port = atoi(dial->port);
    struct sockaddr_storage place = { 0 };

    if (uv_ip4_addr(dial->host, port, (struct sockaddr_in *)&place) == 0 ||
        uv_ip6_addr(dial->host, port, (struct sockaddr_in6 *)&place) == 0) {
        place_add(dial, (struct sockaddr *)&place);
        connect_lanes(dial);
        return;
    }
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    if (uv_getaddrinfo(dial->net->loop, &dial->resolve, resolve_on_done, dial->host, dial->port,
                       &hints) != 0) {
        pause_and_retry(dial);
        return;
    }
    dial->resolving = true;
    dial->net->handles++;
}

static void resolve_on_done(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
    struct dial *dial = request->data;
    struct net *net = dial->net;

    dial->resolving = false;
    for (struct addrinfo *at = found; status == 0 && at != NULL; at = at->ai_next)
        if (!place_add(dial, at->ai_addr))
            break;
    uv_freeaddrinfo(found);
    if (net->closing)
        dial_close(dial);
    else if (net->leaving || dial->place_count == 0)
        pause_and_retry(dial);
    else
        connect_lanes(dial);
    net_handle_ended(net);
}

static bool place_add(struct dial *dial, const struct sockaddr *address)
{
    size_t len = address->sa_family == AF_INET    ? sizeof(struct sockaddr_in)
                 : address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                                  : 0;

    if (dial->place_count == PEER_PLACES_MAX)
        return false;
    if (len > 0) {
        struct sockaddr_storage *place = &dial->places[dial->place_count++];
        memset(place, 0, sizeof(*place));
        memcpy(place, address, len);
    }
    return true;
}

static void connect_lanes(struct dial *dial)
{
    const struct sockaddr *place = (const struct sockaddr *)&dial->places[dial->place_at];

    for (unsigned lane = 0; lane < NET_LANES; lane++) {
        struct link *link = link_new(dial->net, dial);
        if (link == NULL) {
            attempt_failed(dial);
            return;
        }
        dial->links[lane] = link;
        link->lane = (enum net_lane)lane;
        if (uv_tcp_connect(&link->connect, &link->tcp, place, connect_on_done) != 0) {
            attempt_failed(dial);
            return;
        }
    }
}

static void connect_on_done(uv_connect_t *connect, int status)
{
    struct link *link = connect->data;
    struct dial *dial = link->dial;

    if (link->state != LINK_CONNECTING)
        return; /* closed meanwhile */
    if (status == 0) {
        link_begin(link);
        return;
    }
    if (status == UV_ECONNREFUSED && dial->answered &&
        place_equal(&dial->places[dial->place_at], &dial->answered_at))
        dial->refused = true;
    attempt_failed(dial);
}

static bool place_equal(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

/* ---- what a greeting means ---- */

void dial_on_greeting(struct link *link, const struct greeting *greeting)
{
    struct dial *dial = link->dial;
    struct net *net = dial->net;

    if (greeting->node == net->options.node && greeting->boot == net->options.boot) {
        self_found(dial);
        return;
    }
    if (!greeting_is_welcome(dial, greeting)) {
        attempt_failed(dial);
        return;
    }
    struct buf *hello = buf_copy(greeting->hello);
    if (hello == NULL) {
        attempt_failed(dial);
        return;
    }
    buf_unref(dial->hello);
    dial->hello = hello;
    dial->node = greeting->node;
    dial->boot = greeting->boot;
    dial->answered = true;
    dial->answered_at = dial->places[dial->place_at];
    for (unsigned lane = 0; lane < NET_LANES; lane++)
        if (dial->links[lane] == NULL || dial->links[lane]->state != LINK_UP ||
            dial->links[lane]->node != dial->node || dial->links[lane]->boot != dial->boot)
            return;
    dial->up = true;
    dial->complained = false;
    dial->up_ns = clock_mono_ns(net->clock);
    peer_up(dial);
}

static bool greeting_is_welcome(struct dial *dial, const struct greeting *greeting)
{
    struct net *net = dial->net;
    struct peer *peer = peer_find(net, greeting->node);
    struct peer *former = dial->node == greeting->node ? NULL : peer_find(net, dial->node);

    if (greeting->node == net->options.node) {
        note_event(net->note, NOTE_ERROR, "peer.refused",
                   "address=%s why=\"it has this node's id\"", dial->address);
        return false;
    }
    /* Still there, as it said goodbye: it ends soon, and its groups are elected anew by now. */
    if (peer != NULL && peer->goodbye_boot == greeting->boot)
        return false;
    if (former != NULL && (former->dial == NULL || former->dial == dial))
        peer_gone(net, dial->node, dial->address, "another node answers there");
    if (peer != NULL && peer->boot != 0 && peer->boot != greeting->boot)
        peer_gone(net, greeting->node, dial->address, "started anew");

    /* The lanes have met two processes: the other one's end is near, so begin again. */
    for (unsigned lane = 0; lane < NET_LANES; lane++) {
        const struct link *other = dial->links[lane];
        if (other != NULL && other->state == LINK_UP &&
            (other->node != greeting->node || other->boot != greeting->boot))
            return false;
    }
    return true;
}

static void self_found(struct dial *dial)
{
    dial->self = true;
    links_close(dial);
}

/* ---- ends ---- */

void dial_on_broken(struct link *link, const char *why)
{
    struct dial *dial = link->dial;

    if (!dial->complained)
        note_event(dial->net->note, dial->up ? NOTE_WARN : NOTE_INFO, "peer.broken",
                   "address=%s node=%016llx lane=%d why=%s", dial->address,
                   (unsigned long long)dial->node, (int)link->lane, NOTE_QUOTED(why));
    dial->complained = true;
    if (dial->up)
        dial_down(dial);
    else
        attempt_failed(dial);
}

void dial_down(struct dial *dial)
{
    struct net *net = dial->net;

    ensure(dial->up);
    dial->up = false;
    links_close(dial);
    peer_lost(dial);
    if (net->closing || net->leaving)
        return;

    /* At once, unless it breaks again and again. */
    bool steady = clock_mono_ns(net->clock) - dial->up_ns >= STEADY_NS;
    dial->quick_breaks = steady ? 0 : dial->quick_breaks + 1;
    if (dial->quick_breaks > QUICK_BREAKS_MAX) {
        pause_and_retry(dial);
        return;
    }
    dial->pause_ms = 0;
    timer_start(net->clock, &dial->retry, 0, retry_on_time);
}

/* The next place of the name; after the last one the verdict and a pause. */
static void attempt_failed(struct dial *dial)
{
    links_close(dial);
    if (dial->net->closing || dial->self)
        return;
    if (dial->place_at + 1 < dial->place_count && !dial->net->leaving) {
        dial->place_at++;
        connect_lanes(dial);
        return;
    }
    if (dial->refused) {
        struct peer *peer = peer_find(dial->net, dial->node);
        if (peer != NULL && peer->dial == NULL && peer->boot == dial->boot)
            peer_gone(dial->net, dial->node, dial->address, "refuses connections");
    }
    pause_and_retry(dial);
}

static void pause_and_retry(struct dial *dial)
{
    if (dial->net->closing || dial->net->leaving)
        return;
    dial->pause_ms = dial->pause_ms == 0 ? PEER_PAUSE_MS_MIN : 2 * dial->pause_ms;
    if (dial->pause_ms > PEER_PAUSE_MS_MAX)
        dial->pause_ms = PEER_PAUSE_MS_MAX;
    timer_start(dial->net->clock, &dial->retry, dial->pause_ms, retry_on_time);
}

static void links_close(struct dial *dial)
{
    for (unsigned lane = 0; lane < NET_LANES; lane++) {
        if (dial->links[lane] == NULL)
            continue;
        struct link *link = dial->links[lane];
        dial->links[lane] = NULL;
        link_close(link);
    }
}

void dial_close(struct dial *dial)
{
    timer_stop(&dial->retry);
    links_close(dial);
    if (dial->resolving) {
        uv_cancel((uv_req_t *)&dial->resolve); /* resolve_on_done() comes back here */
        return;
    }
    list_remove(&dial->link_node);
    buf_unref(dial->hello);
    free(dial);
}
