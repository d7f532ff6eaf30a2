#include "route_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "env/turn.h"
#include "shard/command.h"

struct clock {
    struct turn turn;
};

struct route_world world;

static struct clock the_clock;
static struct {
    net_request_cb cb;
    void *ctx;
} handlers[NET_KIND_MAX];

/* ---- clock ---- */

uint64_t clock_mono_ns(struct clock *clock)
{
    return world.now_ms * 1000000;
}

uint64_t clock_wall_ms(struct clock *clock)
{
    return UINT64_C(1700000000000) + world.now_ms;
}

struct turn *clock_turn(struct clock *clock)
{
    return &clock->turn;
}

/* ---- what this node knows ---- */

struct catalog *control_catalog(struct control *control)
{
    return NULL;
}

const struct model *catalog_model(const struct catalog *catalog)
{
    return NULL;
}

const struct model_shard *model_shard_by_group(const struct model *model, uint64_t group,
                                               const struct model_stream **stream)
{
    static const struct model_shard shard = { .group = GROUP,
                                              .members = { 1, 2, 3 },
                                              .member_count = 3 };
    static const struct model_shard resting = { .group = GROUP,
                                                .state = SHARD_CLOSED,
                                                .members = { 2, 3, 1 },
                                                .member_count = 3 };
    if (world.shard_gone || group != GROUP)
        return NULL;
    return world.rests ? &resting : &shard;
}

struct shard *control_shard(const struct control *control, uint64_t group)
{
    static char something;
    return world.has_replica && group == GROUP ? (struct shard *)(void *)&something : NULL;
}

uint64_t control_leader(const struct control *control, uint64_t group)
{
    return world.leader;
}

void control_on_leader(struct control *control, void (*known)(void *ctx, uint64_t group), void *ctx)
{
    world.leader_known = known;
    world.leader_ctx = ctx;
}

void world_leader_known(uint64_t group)
{
    world.leader_known(world.leader_ctx, group);
}

uint64_t control_reading_ms(const struct control *control)
{
    return UINT64_C(1700000000000) + world.now_ms;
}

uint32_t control_stream_limit(const struct control *control, const struct model_stream *stream,
                              enum limit limit)
{
    return LIMIT_UNLIMITED;
}

bool model_shard_rests(const struct model_shard *shard)
{
    return world.rests;
}

uint64_t control_node(const struct control *control)
{
    return HERE;
}

enum node_health control_health(const struct control *control, uint64_t node)
{
    return node == HERE || world.up[node] ? NODE_UP : NODE_DOWN;
}

uint32_t control_ails(const struct control *control, uint64_t node)
{
    return world.ails[node] ? 1 : 0;
}

bool control_stays(const struct control *control, uint64_t node)
{
    return control_health(control, node) == NODE_UP && !world.leaves[node];
}

/* ---- this node's shard ---- */

bool shard_rests(const struct shard *shard)
{
    return world.rests && !world.awake;
}

bool shard_leads(const struct shard *shard)
{
    return world.leads;
}

uint64_t shard_leader(const struct shard *shard)
{
    return world.leads ? HERE : 0;
}

enum err shard_put(struct shard *shard, struct put *put, bool *throttled)
{
    world.puts++;
    *throttled = world.put_throttled;
    if (world.put_err == ERR_OK)
        world.put = put;
    return world.put_err;
}

bool putq_cancel(struct put *put)
{
    if (!world.put_waits)
        return false;
    world.put = NULL;
    return true;
}

void shard_read(struct shard *shard, struct shard_read *req, shard_read_cb cb)
{
    world.reads++;
    world.read = req;
    req->cb = cb;
}

void shard_read_fini(struct shard_read *req)
{
    for (uint32_t i = 0; i < req->part_count; i++)
        buf_unref(req->parts[i].payload);
    free(req->parts);
    req->parts = NULL;
    req->part_count = 0;
}

void shard_locate(struct shard *shard, struct locate *req, locate_cb cb)
{
    world.locates++;
    world.locate = req;
    req->cb = cb;
}

/* ---- other nodes ---- */

void net_handle(struct net *net, enum net_kind kind, net_message_cb on_message,
                net_request_cb on_request, void *ctx)
{
    handlers[kind].cb = on_request;
    handlers[kind].ctx = ctx;
}

bool net_is_up(const struct net *net, uint64_t node)
{
    return world.up[node];
}

static void drop_parts(void)
{
    for (uint32_t i = 0; i < world.part_count; i++)
        buf_unref(world.parts[i]);
    world.part_count = 0;
}

void net_call(struct net *net, struct net_call *call, uint64_t node, enum net_kind kind,
              struct buf *const parts[], uint32_t part_count, uint64_t timeout_ms, net_call_cb cb)
{
    drop_parts();
    assert_true(part_count <= 2);
    for (uint32_t i = 0; i < part_count; i++)
        world.parts[i] = buf_ref(parts[i]);
    world.part_count = part_count;
    world.call = call;
    world.called = node;
    world.kind = kind;
    world.timeout_ms = timeout_ms;
    world.calls++;
    call->cb = cb;
}

void net_call_cancel(struct net *net, struct net_call *call)
{
    if (world.call == call)
        world.call = NULL;
}

void net_answer(struct net_incoming *incoming, enum err remote, struct buf *const parts[],
                uint32_t part_count)
{
    world.answers++;
    world.answer_err = remote;
    world.answer_len = 0;
    for (uint32_t i = 0; i < part_count; i++) {
        memcpy(world.answer + world.answer_len, parts[i]->data, parts[i]->len);
        world.answer_len += parts[i]->len;
    }
}

/* ---- what tests do ---- */

void world_open(void)
{
    memset(&world, 0, sizeof(world));
    turn_init(&the_clock.turn);
    assert_int_equal(route_open(&world.route, NULL, NULL, &the_clock), ERR_OK);
}

void world_close(void)
{
    if (world.route != NULL)
        route_close(world.route);
    drop_parts();
    turn_fini(&the_clock.turn);
}

void world_turn(void)
{
    world.inside = false;
    assert_false(turn_settle(&the_clock.turn));
    world.inside = true;
}

void world_pass(uint64_t ms)
{
    for (uint64_t end = world.now_ms + ms; world.now_ms < end;) {
        world.now_ms++;
        (void)turn_fire(&the_clock.turn, world.now_ms * 1000000);
        world_turn();
    }
}

void world_answer(enum err err, enum err remote, struct slice answer)
{
    struct net_call *call = world.call;
    struct buf *buf = buf_copy(answer);

    assert_non_null(call);
    world.call = NULL;
    world.inside = false;
    call->cb(call, err, remote, buf_slice(buf), buf);
    buf_unref(buf);
    world_turn();
}

void world_refuse(enum err remote, uint64_t leader)
{
    struct refusal refusal = { .leader = leader };
    struct buf *buf = refusal_encode(&refusal);

    world_answer(ERR_OK, remote, buf_slice(buf));
    buf_unref(buf);
}

void world_ask(enum net_kind kind, struct slice bytes)
{
    struct buf *buf = buf_copy(bytes);
    struct net_message message = { .from = 2, .kind = kind, .bytes = buf_slice(buf), .buf = buf };

    assert_non_null(handlers[kind].cb);
    handlers[kind].cb(handlers[kind].ctx, &message, NULL);
    buf_unref(buf);
}

struct buf *world_records(void)
{
    struct record first = { .key = slice_text("a"), .data = slice_text("one") };
    struct record second = { .key = slice_text("b"), .data = slice_text("two") };
    struct buf *buf = buf_new(command_record_bytes(&first) + command_record_bytes(&second));

    assert_non_null(buf);
    (void)command_encode_record(command_encode_record(buf->data, &first), &second);
    return buf;
}

void world_give_records(struct shard_read *read)
{
    struct buf *payload = world_records();

    read->parts = calloc(1, sizeof(*read->parts));
    assert_non_null(read->parts);
    read->parts[0] = (struct read_part){
        .index = 4, .time_ms = 1700000000000, .count = 2, .records = buf_slice(payload),
        .payload = payload
    };
    read->part_count = 1;
    read->record_count = 2;
    read->next = (struct position){ .index = 5 };
}

void world_put_done(enum err err)
{
    struct put *put = world.put;

    assert_non_null(put);
    world.put = NULL;
    world.inside = false;
    put->done(put, err, (struct seqno){ .index = 5, .ordinal = 3, .time_s = 9 });
    world_turn();
}

void world_read_done(enum err err)
{
    struct shard_read *read = world.read;

    world.read = NULL;
    world.inside = false;
    read->cb(read, err);
    world_turn();
}
