#include "fixture.h"

/* What is appended, filed and taken back again, so that its segments are free before the segment is
 * filed in which it was taken back: a start sees all of that once more, without the rows. */

#define CUT 1u
#define OTHER 2u
#define BYTES 16000u
#define OTHERS 20u /* more than fit into one segment */
#define ROUNDS 500u

static struct node node;

static void fill_other(void)
{
    for (unsigned i = 0; i < OTHERS; i++) {
        node_append(&node, OTHER, BYTES);
        node_apply(&node, OTHER, model_last(&node, OTHER));
        node_wait_all(&node);
    }
}

/* The row of the first segment still lists entries that were cut, as OTHER lives there; then they
 * come once more, in segments of their own, and the first of two cuts is durable. */
static void begin(void)
{
    node_init(&node);
    node.segment_bytes = 256 * 1024;
    node_open(&node);
    node_start(&node, CUT);
    node_start(&node, OTHER);
    for (unsigned i = 0; i < 200; i++)
        node_append(&node, CUT, 1);
    node_wait_all(&node);
    node_apply(&node, CUT, 5);
    fill_other();
    node_hard(&node, CUT, 2, 0);
    node_truncate(&node, CUT, 6);
    fill_other();
    for (unsigned i = 0; i < 60; i++) {
        node_append(&node, CUT, BYTES);
        node_wait_all(&node);
    }
    fill_other();
    node_wait_filed(&node);
    node_truncate(&node, CUT, 40);
    node_wait_all(&node);
}

static void end(void)
{
    uint64_t full = log_figures(node.log).segments_full;

    node_wait_all(&node);
    for (unsigned i = 0; i < ROUNDS; i++)
        node_turn(&node);
    assert_true(log_figures(node.log).segments_full < full);
    node_reopen(&node);
    node_take_hints(&node);
    node_check(&node);
    fill_other();
    node_reopen(&node);
    node_take_hints(&node);
    node_check(&node);
    node_close(&node);
    node_fini(&node);
}

static void by_a_truncate(void **state)
{
    (void)state;
    begin();
    node_truncate(&node, CUT, 6);
    end();
}

static void by_a_start(void **state)
{
    (void)state;
    begin();
    node_start_again(&node, CUT, 5);
    end();
}

static void by_a_forget(void **state)
{
    (void)state;
    begin();
    node_forget(&node, CUT);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_a_truncate),
        cmocka_unit_test(by_a_start),
        cmocka_unit_test(by_a_forget),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
