/* The answerer's side: what other nodes ask of this node's shards.
 *
 * Done here or refused, never passed on: the asker follows the leader that the
 * refusal names, so that no request travels in circles.
 */
#include <stdlib.h>

#include "api/route_message.h"
#include "api/route_private.h"
#include "base/ensure.h"
#include "base/limits.h"

/* One call that a shard works at. */
struct served {
    struct route *route;
    struct net_incoming *incoming;
    uint64_t group;
    uint32_t *count;     /* route.served_puts or .served_reads: it is one of them */
    struct buf *records; /* of a put */
    struct timer timer;  /* of a put */
    union {
        struct put put;
        struct shard_read read;
        struct locate locate;
    };
};

static void serve_nothing(void *ctx, const struct net_message *message,
                          struct net_incoming *incoming);
static void serve_put(void *ctx, const struct net_message *message, struct net_incoming *incoming);
static void serve_put_on_done(struct put *put, enum err err, struct seqno first);
static void serve_put_on_timer(struct timer *timer);
static void serve_read(void *ctx, const struct net_message *message, struct net_incoming *incoming);
static void serve_read_on_done(struct shard_read *read, enum err err);
static void answer_read(const struct served *served, struct buf *head);
static void serve_locate(void *ctx, const struct net_message *message,
                         struct net_incoming *incoming);
static void serve_locate_on_done(struct locate *locate, enum err err);
static enum err served_shard(struct route *route, uint64_t group, bool leader_only,
                             const uint32_t *count, struct shard **ret);
static enum err read_shard(struct route *route, uint64_t group, bool leader_only,
                           struct shard **ret);
static struct served *served_new(struct route *route, struct net_incoming *incoming,
                                 uint64_t group, uint32_t *count);
static void served_free(struct served *served);
static void answer_bytes(struct net_incoming *incoming, const void *bytes, size_t len);

void route_serve(struct route *route)
{
    net_handle(route->net, NET_PUT, NULL, serve_put, route);
    net_handle(route->net, NET_READ, NULL, serve_read, route);
    net_handle(route->net, NET_LOCATE, NULL, serve_locate, route);
    net_handle(route->net, NET_GRANT, NULL, grant_serve, route);
}

void route_serve_nothing(struct net *net)
{
    net_handle(net, NET_PUT, NULL, serve_nothing, NULL);
    net_handle(net, NET_READ, NULL, serve_nothing, NULL);
    net_handle(net, NET_LOCATE, NULL, serve_nothing, NULL);
    net_handle(net, NET_GRANT, NULL, serve_nothing, NULL);
}

/* Nothing was done here: the asker looks for another leader. */
static void serve_nothing(void *ctx, const struct net_message *message,
                          struct net_incoming *incoming)
{
    net_answer(incoming, ERR_CLOSED, NULL, 0);
}

/* ---- puts ---- */

static void serve_put(void *ctx, const struct net_message *message, struct net_incoming *incoming)
{
    struct route *route = ctx;
    struct refusal more = { .leader = 0 };
    struct put_ask ask = { .group = 0 };
    struct shard *shard;
    enum err err = put_ask_decode(message->bytes, &ask);

    if (err == ERR_OK)
        err = served_shard(route, ask.group, true, &route->served_puts, &shard);
    if (err != ERR_OK) {
        route_refuse(route, incoming, ask.group, err, NULL);
        return;
    }

    struct served *served = served_new(route, incoming, ask.group, &route->served_puts);
    if (served == NULL) {
        route_refuse(route, incoming, ask.group, ERR_BUSY, NULL);
        return;
    }
    served->records = buf_part(message->buf, ask.records);
    served->put = (struct put){
        .records = ask.records, .record_count = ask.record_count, .done = serve_put_on_done
    };
    err = served->records == NULL ? ERR_NO_MEMORY
                                  : shard_put(shard, &served->put, &more.throttled);
    if (err != ERR_OK) {
        served_free(served);
        route_refuse(route, incoming, ask.group, err, &more);
        return;
    }
    timer_start(route->clock, &served->timer, ROUTE_SERVED_PUT_MS, serve_put_on_timer);
}

/* One whose entry is on its way stays: what it comes to is not known yet. */
static void serve_put_on_timer(struct timer *timer)
{
    struct served *served = container_of(timer, struct served, timer);
    struct refusal more = { .leader = 0 };

    if (!putq_cancel(&served->put))
        return;
    reason_set(&more.reason, "the shard took no more records in time; nothing was stored");
    route_refuse(served->route, served->incoming, served->group, ERR_UNAVAILABLE, &more);
    served_free(served);
}

static void serve_put_on_done(struct put *put, enum err err, struct seqno first)
{
    struct served *served = container_of(put, struct served, put);

    if (err == ERR_OK) {
        unsigned char bytes[PUT_ANSWER_BYTES];
        put_answer_encode(first, bytes);
        answer_bytes(served->incoming, bytes, sizeof(bytes));
    } else {
        route_refuse(served->route, served->incoming, served->group, err, NULL);
    }
    served_free(served);
}

/* ---- reads ---- */

static void serve_read(void *ctx, const struct net_message *message, struct net_incoming *incoming)
{
    struct route *route = ctx;
    struct read_ask ask = { .group = 0 };
    struct shard *shard;
    enum err err = read_ask_decode(message->bytes, &ask);

    if (err == ERR_OK)
        err = read_shard(route, ask.group, ask.leader_only, &shard);
    if (err != ERR_OK) {
        route_refuse(route, incoming, ask.group, err, NULL);
        return;
    }

    struct served *served = served_new(route, incoming, ask.group, &route->served_reads);
    if (served == NULL) {
        route_refuse(route, incoming, ask.group, ERR_UNAVAILABLE, NULL); /* as without a place */
        return;
    }
    served->read = (struct shard_read){ .from = ask.from,
                                        .records_max = ask.records_max,
                                        .bytes_max = ask.bytes_max,
                                        .now_ms = clock_wall_ms(route->clock),
                                        .hidden_ms = control_reading_ms(route->control),
                                        .waits = ask.watches,
                                        .unmetered = ask.watches };
    shard_read(shard, &served->read, serve_read_on_done);
}

static void serve_read_on_done(struct shard_read *read, enum err err)
{
    struct served *served = container_of(read, struct served, read);
    struct refusal more = { .reason = read->reason };

    if (err == ERR_OK) {
        const struct read_answer answer = { .parts = read->parts,
                                            .part_count = read->part_count,
                                            .record_count = read->record_count,
                                            .next = read->next,
                                            .behind_ms = read->behind_ms };
        AUTO_UNREF struct buf *head = read_answer_encode(&answer);
        answer_read(served, head);
    } else {
        route_refuse(served->route, served->incoming, served->group, err, &more);
    }
    shard_read_fini(read);
    served_free(served);
}

/* The head, then each part's bytes from where they lie. */
static void answer_read(const struct served *served, struct buf *head)
{
    const struct shard_read *read = &served->read;
    struct buf **parts = calloc((size_t)read->part_count + 1, sizeof(*parts));
    uint32_t count = 0;
    bool whole = parts != NULL && head != NULL;

    if (whole)
        parts[count++] = buf_ref(head);
    for (uint32_t i = 0; whole && i < read->part_count; i++) {
        parts[count] = buf_part(read->parts[i].payload, read->parts[i].records);
        whole = parts[count] != NULL;
        count += whole ? 1 : 0;
    }
    if (whole)
        net_answer(served->incoming, ERR_OK, parts, count);
    else
        net_answer(served->incoming, ERR_NO_MEMORY, NULL, 0);
    for (uint32_t i = 0; i < count; i++)
        buf_unref(parts[i]);
    free(parts);
}

/* ---- positions ---- */

static void serve_locate(void *ctx, const struct net_message *message,
                         struct net_incoming *incoming)
{
    struct route *route = ctx;
    struct locate_ask ask = { .group = 0 };
    struct shard *shard;
    enum err err = locate_ask_decode(message->bytes, &ask);

    if (err == ERR_OK)
        err = read_shard(route, ask.group, ask.leader_only, &shard);
    if (err != ERR_OK) {
        route_refuse(route, incoming, ask.group, err, NULL);
        return;
    }

    struct served *served = served_new(route, incoming, ask.group, &route->served_reads);
    if (served == NULL) {
        route_refuse(route, incoming, ask.group, ERR_UNAVAILABLE, NULL); /* as without a place */
        return;
    }
    served->locate = (struct locate){ .type = ask.type,
                                      .seqno = ask.seqno,
                                      .time_ms = ask.time_ms,
                                      .hidden_ms = control_reading_ms(route->control) };
    shard_locate(shard, &served->locate, serve_locate_on_done);
}

static void serve_locate_on_done(struct locate *locate, enum err err)
{
    struct served *served = container_of(locate, struct served, locate);

    if (err == ERR_OK) {
        unsigned char bytes[LOCATE_ANSWER_BYTES];
        locate_answer_encode(locate->position, bytes);
        answer_bytes(served->incoming, bytes, sizeof(bytes));
    } else {
        route_refuse(served->route, served->incoming, served->group, err, NULL);
    }
    served_free(served);
}

/* ---- common to all ---- */

static enum err served_shard(struct route *route, uint64_t group, bool leader_only,
                             const uint32_t *count, struct shard **ret)
{
    if (*count >= ROUTE_SERVED_MAX)
        return ERR_BUSY;

    struct shard *shard = control_shard(route->control, group);
    if (shard == NULL || (leader_only && !route_answers(shard)))
        return ERR_NOT_LEADER;
    *ret = shard;
    return ERR_OK;
}

/* They may all hang on this node's disk: that is no limit of the shard's, and no asker's end. */
static enum err read_shard(struct route *route, uint64_t group, bool leader_only,
                           struct shard **ret)
{
    enum err err = served_shard(route, group, leader_only, &route->served_reads, ret);

    return err == ERR_BUSY ? ERR_UNAVAILABLE : err;
}

/* NULL when there is no memory. */
static struct served *served_new(struct route *route, struct net_incoming *incoming,
                                 uint64_t group, uint32_t *count)
{
    struct served *served = calloc(1, sizeof(*served));

    if (served == NULL)
        return NULL;
    served->route = route;
    served->incoming = incoming;
    served->group = group;
    served->count = count;
    (*count)++;
    return served;
}

static void served_free(struct served *served)
{
    struct route *route = served->route;

    timer_stop(&served->timer);
    buf_unref(served->records);
    ensure(*served->count > 0);
    (*served->count)--;
    free(served);
    route_settle(route);
}

static void answer_bytes(struct net_incoming *incoming, const void *bytes, size_t len)
{
    AUTO_UNREF struct buf *buf = buf_copy(slice_of(bytes, len));

    /* Without memory the asker learns nothing, which is what ERR_UNKNOWN says. */
    if (buf == NULL)
        net_answer(incoming, ERR_UNKNOWN, NULL, 0);
    else
        net_answer(incoming, ERR_OK, &buf, 1);
}

void route_refuse(struct route *route, struct net_incoming *incoming, uint64_t group, enum err err,
                  const struct refusal *more)
{
    struct refusal refusal = { .leader = 0 };

    if (more != NULL)
        refusal = *more;
    if (err == ERR_NOT_LEADER && !route->closed)
        refusal.leader = route_leader(route, group);
    AUTO_UNREF struct buf *buf = refusal_encode(&refusal);
    net_answer(incoming, err, &buf, buf == NULL ? 0 : 1);
}
