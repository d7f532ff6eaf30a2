/* Who is given first, by a node that has clients of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/comer.h"
#include "control/epoch_message.h"
#include "control/succession.h"
#include "env/turn.h"

#define GROUP 5u
#define LAST 1000u
#define ASKER 2u
#define READS_MAX (PULLS_MAX + 2 * PULLS_AT_ONCE_MAX)

struct clock {
    struct turn turn;
    uint64_t now_ms;
};

/* One for each call that waits. */
struct net_incoming {
    enum err answer;
    bool answered;
};

static struct {
    struct control *control;
    struct clock clock;
    net_request_cb on_pull;
    uint64_t applied; /* in all groups: it grows as clients put */
    struct log_read *reads[READS_MAX];
    log_read_cb on_read;
    uint32_t begun; /* reads, in this order */
    struct net_incoming calls[READS_MAX];
    uint32_t called;
} world;

/* ---- what is around it ---- */

uint64_t clock_mono_ns(struct clock *clock)
{
    return clock->now_ms * UINT64_C(1000000);
}

struct turn *clock_turn(struct clock *clock)
{
    return &clock->turn;
}

void net_handle(struct net *net, enum net_kind kind, net_message_cb on_message,
                net_request_cb on_request, void *ctx)
{
    if (kind == NET_EPOCH_PULL)
        world.on_pull = on_request;
}

void net_answer(struct net_incoming *incoming, enum err err, struct buf *const parts[],
                uint32_t count)
{
    incoming->answered = true;
    incoming->answer = err;
}

bool bootstrap_is_ours(const struct control *control, uint64_t node)
{
    return node == ASKER;
}

/* This node has left the group, and has all of it: that is served without a shard. */
const struct log_state *log_state(const struct log *log, uint64_t group)
{
    static const struct log_state state = {
        .group = GROUP, .member_count = 1, .members = { ASKER }, .applied = LAST, .last = LAST
    };

    return &state;
}

bool log_started(const struct log *log, uint64_t group)
{
    return true;
}

bool host_has(const struct control *control, uint64_t group)
{
    return false;
}

struct shard *host_find(const struct control *control, uint64_t group)
{
    return NULL;
}

struct shard_status shard_status(const struct shard *shard)
{
    fail();
    return (struct shard_status){ .records = 0 };
}

uint32_t shard_image(const struct shard *shard, unsigned char bytes[IMAGE_BYTES_MAX])
{
    fail();
    return 0;
}

struct log_figures log_figures(const struct log *log)
{
    return (struct log_figures){ .write_count = world.clock.now_ms };
}

struct roster_figures roster_figures(const struct roster *roster)
{
    return (struct roster_figures){ .applied_entries = world.applied };
}

void log_read(struct log *log, struct log_read *read, log_read_cb cb)
{
    assert_true(world.begun < READS_MAX);
    world.reads[world.begun++] = read;
    world.on_read = cb;
}

void log_read_fini(struct log_read *read)
{
}

/* ---- tests ---- */

static void pass(uint64_t ms)
{
    for (uint64_t end = world.clock.now_ms + ms; world.clock.now_ms < end;) {
        world.clock.now_ms++;
        world.applied++;
        epoch_serve_look(world.control);
        turn_fire(&world.clock.turn, clock_mono_ns(&world.clock));
    }
}

static int set_up(void **state)
{
    memset(&world, 0, sizeof(world));
    world.control = calloc(1, sizeof(*world.control));
    assert_non_null(world.control);
    turn_init(&world.clock.turn);
    world.clock.now_ms = 1000;
    world.control->world.clock = &world.clock;
    world.control->options.node = 1;
    epoch_serve_open(world.control);
    pass(PACE_LEARN_MS + PACE_LOOK_MS); /* it knows what its writes take */
    return 0;
}

static int tear_down(void **state)
{
    epoch_serve_close(world.control);
    turn_fini(&world.clock.turn);
    free(world.control);
    return 0;
}

static struct net_incoming *pull(uint64_t first, bool writers_wait)
{
    struct epoch_pull wanted = { GROUP, first, LAST, FILL_TAIL_BYTES, writers_wait };
    struct buf *bytes = epoch_pull_encode(&wanted);
    struct net_message message = { ASKER, NET_EPOCH_PULL, buf_slice(bytes), bytes };
    struct net_incoming *incoming = &world.calls[world.called++];

    world.on_pull(world.control, &message, incoming);
    buf_unref(bytes);
    return incoming;
}

/* The oldest read that is under way ends. */
static void end_read(uint32_t at)
{
    world.on_read(world.reads[at], ERR_CLOSED); /* no entries to make up */
}

static void others_are_read_in_turn(void **state)
{
    pull(2, false);
    pull(3, false);
    pass(20);
    assert_int_equal(world.begun, 1);
    end_read(0);
    pass(20);
    assert_int_equal(world.begun, 2);
    assert_int_equal(world.reads[1]->first, 3);
    end_read(1);
}

static void what_writers_may_wait_for_is_read_at_once(void **state)
{
    pull(2, false);
    pass(20);
    const struct net_incoming *call = pull(LAST, true);
    assert_int_equal(world.begun, 2);
    assert_int_equal(world.reads[1]->first, LAST);
    assert_false(world.reads[1]->shared);
    end_read(1);
    assert_true(call->answered);
    end_read(0);
}

/* A group that has few entries at all, and one that says so and lacks many. */
static void the_rest_is_not(void **state)
{
    pull(2, false);
    pass(20);
    pull(LAST, false);
    pull(LAST - FILL_TAIL_ENTRIES, true);
    assert_int_equal(world.begun, 1);
    end_read(0);
}

static void so_many_at_once_and_more_before_the_others(void **state)
{
    pull(2, false);
    pass(20);
    pull(3, false);
    for (uint32_t i = 0; i < PULLS_AT_ONCE_MAX; i++)
        pull(LAST, true);
    assert_int_equal(world.begun, 1 + PULLS_AT_ONCE_MAX);
    pull(LAST - 1, true);
    assert_int_equal(world.begun, 1 + PULLS_AT_ONCE_MAX);
    end_read(0); /* its turn comes, before the one that was there */
    pass(20);
    assert_int_equal(world.begun, 2 + PULLS_AT_ONCE_MAX);
    assert_int_equal(world.reads[1 + PULLS_AT_ONCE_MAX]->first, LAST - 1);
    end_read(1); /* and one more may be read at once again */
    pull(LAST, true);
    assert_int_equal(world.begun, 3 + PULLS_AT_ONCE_MAX);
    for (uint32_t i = 2; i < 3 + PULLS_AT_ONCE_MAX; i++)
        end_read(i);
}

static void many_that_wait_leave_room_for_it(void **state)
{
    for (uint32_t i = 0; i < PULLS_MAX; i++)
        assert_false(pull(2, false)->answered);
    assert_int_equal(pull(2, false)->answer, ERR_BUSY);
    pass(20);
    assert_int_equal(world.begun, 1);
    assert_false(pull(LAST, true)->answered);
    assert_int_equal(world.begun, 2);
    end_read(1);
    end_read(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(others_are_read_in_turn, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_writers_may_wait_for_is_read_at_once, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_rest_is_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(so_many_at_once_and_more_before_the_others, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(many_that_wait_leave_room_for_it, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
