/* Open shards that have ended: which is replaced next, and what is said of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "catalog/uniform.h"
#include "control/control_private.h"

#define GROUPS 4u /* 1 to 3 */

struct shard {
    uint64_t group;
};

static struct {
    struct control *control;
    struct note note;
    struct model_stream stream;
    struct model_shard rows[GROUPS];
    struct shard shards[GROUPS];
    bool here[GROUPS], whole[GROUPS]; /* has ended here; cannot be split nor merged */
    uint32_t notes;
} world;

/* ---- what is around it ---- */

const struct model *catalog_model(const struct catalog *catalog)
{
    return NULL;
}

const struct model_shard *model_shard_by_group(const struct model *model, uint64_t group,
                                               const struct model_stream **stream)
{
    *stream = &world.stream;
    return group < GROUPS ? &world.rows[group] : NULL;
}

struct shard *host_next(const struct control *control, uint64_t after)
{
    for (uint64_t group = after + 1; group < GROUPS; group++)
        if (world.here[group])
            return &world.shards[group];
    return NULL;
}

uint64_t shard_group(const struct shard *shard)
{
    return shard->group;
}

bool shard_rests(const struct shard *shard)
{
    return false;
}

bool shard_ended(const struct shard *shard, struct shard_ending *ending)
{
    return true;
}

enum node_health control_health(const struct control *control, uint64_t node)
{
    return NODE_UP;
}

bool uniform_step_of(const struct model_stream *stream, const struct model_shard *shard,
                     struct reshard_step *step)
{
    return !world.whole[shard->group];
}

static void on_note(void *ctx, const char *line, size_t len)
{
    world.notes++;
}

/* ---- tests ---- */

static int set_up(void **state)
{
    memset(&world, 0, sizeof(world));
    world.control = calloc(1, sizeof(*world.control));
    assert_non_null(world.control);
    note_init(&world.note, NOTE_WARN, NULL, NULL);
    note_to(&world.note, on_note, NULL);
    world.control->world.note = &world.note;
    world.stream.status = STREAM_ACTIVE;
    for (uint64_t group = 1; group < GROUPS; group++) {
        world.rows[group] = (struct model_shard){ .group = group, .state = SHARD_OPEN };
        world.shards[group].group = group;
        world.here[group] = true;
    }
    return 0;
}

static int tear_down(void **state)
{
    free(world.control);
    return 0;
}

static uint64_t next(void)
{
    const struct model_stream *stream = NULL;
    struct reshard_step step;

    return stranded_next(world.control, &stream, &step) ? world.control->reshard.stranded.turn : 0;
}

static void each_comes_to_its_turn(void **state)
{
    assert_int_equal(next(), 1);
    assert_int_equal(next(), 2);
    assert_int_equal(next(), 3);
    assert_int_equal(next(), 1);
}

static void so_do_those_that_have_ended_elsewhere(void **state)
{
    uint64_t ended[] = { 2, 3 };
    struct liveness *liveness = &world.control->liveness;

    world.here[2] = world.here[3] = false;
    liveness->count = 1;
    liveness->nodes[0] = (struct liveness_node){
        .id = 5, .told = true, .word = { .ended = ended, .ended_count = 2 }
    };
    assert_int_equal(next(), 1);
    assert_int_equal(next(), 2);
    assert_int_equal(next(), 3);
    assert_int_equal(next(), 1);
}

static void one_that_cannot_be_split_nor_merged_is_passed_over(void **state)
{
    world.whole[1] = true;
    assert_int_equal(next(), 2);
    world.whole[2] = world.whole[3] = true;
    assert_int_equal(next(), 0);
}

static void what_cannot_be_replaced_is_said_once(void **state)
{
    struct reason reason = { .text = "too many shards" };

    for (int round = 0; round < 3; round++)
        for (uint64_t group = 1; group < GROUPS; group++) {
            assert_int_equal(next(), group);
            stranded_done(world.control, ERR_BUSY, &reason);
        }
    assert_int_equal(world.notes, 3);
    assert_int_equal(next(), 1);
    stranded_done(world.control, ERR_OK, &reason);
    assert_int_equal(world.notes, 4);
    assert_int_equal(next(), 2);
    stranded_done(world.control, ERR_BUSY, &reason);
    assert_int_equal(world.notes, 5);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(each_comes_to_its_turn),
        WITH_WORLD(so_do_those_that_have_ended_elsewhere),
        WITH_WORLD(one_that_cannot_be_split_nor_merged_is_passed_over),
        WITH_WORLD(what_cannot_be_replaced_is_said_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
