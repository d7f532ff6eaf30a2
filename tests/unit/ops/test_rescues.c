/* A rescue that is asked for twice, and the audit log, without which none is made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ops_fake.h"

static void ask(struct asker *asker, const char *query, bool catalog)
{
    asker_init(asker, HTTP_VERB_POST, query);
    rescues_on_request(&fake.ops, &asker->exchange, catalog);
}

static void assert_said(const struct asker *asker, int status, const char *what)
{
    assert_int_equal(asker->status, status);
    if (strstr(asker->said, what) == NULL)
        fail_msg("\"%s\" is not in: %s", what, asker->said);
}

static void one_that_is_under_way_is_not_begun_once_more(void **state)
{
    static struct asker first, second;

    ask(&first, query_of_rescue, false);
    ask(&second, query_of_rescue, false);
    assert_said(&second, 409, "is under way");
    fake_looked(0);
    ask(&second, query_of_rescue, false);
    assert_said(&second, 409, "is under way");
    assert_true(fake_work());
    ask(&second, query_of_rescue, false);
    assert_said(&second, 409, "is under way");
    fake_changed(ERR_OK);
    assert_true(fake_work());
    assert_said(&first, 200, "\"done\"");
    assert_false(fake_work());
    assert_int_equal(fake_log_lines(), 2); /* asked, done */
    assert_int_equal(fake.offered, 1);
}

static void so_is_the_catalogues(void **state)
{
    static struct asker first, second, look;

    ask(&first, query_of_rescue, true);
    ask(&second, query_of_rescue, true);
    assert_said(&second, 409, "is under way");
    asker_init(&look, HTTP_VERB_GET, ""); /* who only looks may */
    rescues_on_request(&fake.ops, &look.exchange, true);
    assert_int_equal(fake.look_count, 2);
    fake_looked(1);
    assert_int_equal(look.status, 200);
    fake_looked(0);
    assert_true(fake_work());
    assert_int_equal(fake.rescued, 1);
    assert_int_equal(fake_log_lines(), 1);
}

static void without_its_line_in_time_nothing_is_done(void **state)
{
    static struct asker asker;

    ask(&asker, query_of_rescue, false);
    fake_looked(0);
    still_clock_pass(OPS_AUDIT_MS - 1);
    assert_int_equal(asker.status, 0);
    still_clock_pass(1);
    assert_said(&asker, 503, "nothing was done: the audit log cannot be written: ");
    assert_int_equal(fake.offered, 0);
}

static void who_asks_says_so_in_utf_8(void **state)
{
    static struct asker asker;

    ask(&asker, "stream=s&shard=0&epoch=3&survivor=2&index=40&term=6&by=%ff", false);
    assert_said(&asker, 400, "by: who asks, 1 to 64 bytes of UTF-8");
    assert_int_equal(fake.look_count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fake_open, fake_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_that_is_under_way_is_not_begun_once_more),
        TEST(so_is_the_catalogues),
        TEST(without_its_line_in_time_nothing_is_done),
        TEST(who_asks_says_so_in_utf_8),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
