/* Groups that need not wait for a timeout. */
#include "fake.h"

#define GROUP 3u

static void an_eager_group_elects_at_once(void **state)
{
    struct fake *fake = fake_new(3);

    for (uint64_t node = 1; node <= 3; node++) {
        fake_start(fake_node(fake, node), GROUP, 3);
        fake_open(fake_node(fake, node), GROUP, 1, node == 1);
        fake_run(fake, 5);
    }
    uint64_t start = fake->now_ms;
    assert_int_equal(fake_leader(fake, GROUP)->node->id, 1);
    assert_true(fake->now_ms - start < 100);
    fake_free(fake);
}

/* As long as others could have a leader that they wait for. */
static void an_eager_group_goes_on_asking_while_its_members_open(void **state)
{
    struct fake *fake = fake_new(3);

    for (uint64_t k = 1; k <= 3; k++)
        fake_start(fake_node(fake, k), GROUP, 3);
    fake_open(fake_node(fake, 1), GROUP, 2, true);
    fake_run(fake, FAKE_T * 9 / 10);
    fake_open(fake_node(fake, 2), GROUP, 2, false);
    fake_run(fake, FAKE_T / 5);
    assert_int_equal(fake_owner(fake, 1, GROUP)->role, REPLICA_LEADER);
    fake_free(fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_eager_group_elects_at_once),
        cmocka_unit_test(an_eager_group_goes_on_asking_while_its_members_open),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
