/* What an operator changes, and the lines that the audit log has of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "ops_fake.h"

static void begin(struct asker *asker, const char *query)
{
    struct buf *bytes = buf_copy(slice_text("a change"));

    asker_init(asker, HTTP_VERB_POST, query);
    struct change_asked *asked = change_begin(&fake.ops, &asker->exchange, "node.drain");
    if (asked != NULL) {
        json_text(&asked->text, "node", "node-2");
        change_offer(asked, bytes);
    }
    buf_unref(bytes);
}

static void assert_said(const struct asker *asker, int status, const char *what)
{
    assert_int_equal(asker->status, status);
    if (strstr(asker->said, what) == NULL)
        fail_msg("\"%s\" is not in: %s", what, asker->said);
}

/* Line `at`, from 0, has `what`. */
static void assert_line(uint32_t at, const char *what)
{
    char text[FAKE_LOG_BYTES], *line, *rest = text;

    fake_log(text);
    for (uint32_t i = 0; (line = strsep(&rest, "\n")) != NULL && i < at; i++)
        ;
    if (line == NULL || strstr(line, what) == NULL)
        fail_msg("\"%s\" is not in: %s", what, line == NULL ? "a line that is not there" : line);
}

static void a_change_is_written_down_before_it_is_made_and_before_it_is_answered(void **state)
{
    static struct asker asker;

    begin(&asker, "name=node-2&by=ann");
    assert_int_equal(fake.offered, 0);
    assert_true(fake_work());
    assert_line(0, "{\"act\":\"node.drain\",\"by\":\"ann\",\"on\":\"node-1\",\"node\":\"node-2\","
                   "\"time\":\"");
    assert_line(0, "\"state\":\"asked\"}");
    assert_int_equal(fake.offered, 1);
    fake_changed(ERR_OK);
    assert_int_equal(asker.status, 0);
    assert_true(fake_work());
    assert_said(&asker, 200, "{\"message\":\"done\",\"wait\":false}");
    assert_line(1, "{\"act\":\"node.drain\",\"by\":\"ann\",\"on\":\"node-1\",\"node\":\"node-2\"");
    assert_line(1, "\"state\":\"done\"}");
    assert_int_equal(fake_log_lines(), 2);
}

static void what_fails_or_ends_unknown_is_written_down_too(void **state)
{
    static struct asker asker;

    begin(&asker, "");
    assert_true(fake_work());
    assert_line(0, "\"by\":null");
    fake_changed(ERR_CLOSED);
    assert_true(fake_work());
    assert_said(&asker, 409, "it \\\"says\\\" no");
    assert_line(1, "\"state\":\"failed\",\"err\":\"");
    assert_line(1, "\"reason\":\"it \\\"says\\\" no\"}");
    begin(&asker, "");
    assert_true(fake_work());
    fake_changed(ERR_UNKNOWN);
    assert_true(fake_work());
    assert_line(3, "\"state\":\"unknown\",\"err\":\"");
}

static void a_disk_that_hangs_delays_a_change_for_a_moment_and_the_reply_says_so(void **state)
{
    static struct asker asker;

    begin(&asker, "by=ann");
    still_clock_pass(OPS_AUDIT_MS - 1);
    assert_int_equal(fake.offered, 0);
    still_clock_pass(1);
    assert_int_equal(fake.offered, 1);
    assert_int_equal(fake.timeout_ms, OPS_CHANGE_MS - OPS_AUDIT_MS);
    fake_changed(ERR_OK);
    still_clock_pass(OPS_AUDIT_MS - 1);
    assert_int_equal(asker.status, 0);
    still_clock_pass(1);
    assert_said(&asker, 200, "done; the audit log could not be written in time: ");
    assert_int_equal(fake_log_lines(), 0);
    while (fake_work()) /* it lets go */
        ;
    assert_line(0, "\"state\":\"asked\"");
    assert_line(1, "\"state\":\"done\"");
}

/* As a full disk leaves it. */
static void a_line_behind_a_torn_one_stands_by_itself(void **state)
{
    static struct asker asker;
    FILE *file = fopen(fake.path, "w");

    assert_non_null(file);
    fputs("{\"act\":\"node.dr", file);
    assert_int_equal(fclose(file), 0);
    begin(&asker, "by=ann");
    assert_true(fake_work());
    fake_changed(ERR_OK);
    assert_true(fake_work());
    assert_line(1, "{\"act\":\"node.drain\",\"by\":\"ann\"");
    assert_line(2, "{\"act\":\"node.drain\",\"by\":\"ann\"");
    assert_int_equal(fake_log_lines(), 3);
}

/* Others need the workers. */
static void a_disk_that_hangs_holds_one_worker(void **state)
{
    static struct asker askers[OPS_CHANGES_MAX];

    for (uint32_t i = 0; i < OPS_CHANGES_MAX; i++)
        begin(&askers[i], "");
    struct list_node *first = list_first(&fake.works);
    assert_non_null(first);
    assert_null(list_next(&fake.works, first));
}

static void lines_that_wait_are_bounded_and_changes_go_on(void **state)
{
    static struct asker asker;

    for (uint32_t i = 0; i < OPS_AUDIT_LINES_MAX / 2; i++) {
        begin(&asker, "");
        still_clock_pass(OPS_AUDIT_MS);
        fake_changed(ERR_OK);
        still_clock_pass(OPS_AUDIT_MS);
        assert_int_equal(asker.status, 200);
    }
    begin(&asker, "");
    assert_int_equal(fake.offered, OPS_AUDIT_LINES_MAX / 2 + 1);
    fake_changed(ERR_OK);
    assert_said(&asker, 200, "done; the audit log could not be written: ");
    assert_said(&asker, 200, "lines wait for its disk already");
}

static void a_log_that_cannot_be_written_hinders_nothing(void **state)
{
    static struct asker asker;

    assert_int_equal(unlink(fake.path), 0);
    assert_int_equal(mkdir(fake.path, 0700), 0);
    begin(&asker, "");
    assert_true(fake_work());
    fake_changed(ERR_OK);
    assert_true(fake_work());
    assert_said(&asker, 200, "done; the audit log could not be written: ");
    assert_said(&asker, 200, "Is a directory");
    assert_int_equal(rmdir(fake.path), 0);
}

static void a_node_that_stops_leaves_the_line_that_it_was_asked(void **state)
{
    static struct asker unasked, asked;

    begin(&unasked, "");
    begin(&asked, "");
    assert_true(fake_work());
    assert_int_equal(fake.offered, 1); /* the first */
    changes_stopping(&fake.ops);
    assert_said(&unasked, 503, "the change may have been made");
    assert_said(&asked, 503, "nothing was done");
    while (fake_work())
        ;
    assert_int_equal(fake_log_lines(), 2);
    assert_line(0, "\"state\":\"asked\"");
    assert_line(1, "\"state\":\"asked\"");
}

static void who_asks_says_so_in_utf_8(void **state)
{
    static const char *const wrong[] = { "by=%ff", "by=a%c3", "by=%00", "by=%" };
    static struct asker asker;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        begin(&asker, wrong[i]);
        assert_said(&asker, 400, "by: who asks, 1 to 64 bytes of UTF-8");
    }
    begin(&asker, "by=J%c3%bcrgen%22");
    assert_true(fake_work());
    assert_line(0, "\"by\":\"J\xc3\xbcrgen\\\"\"");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fake_open, fake_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_change_is_written_down_before_it_is_made_and_before_it_is_answered),
        TEST(what_fails_or_ends_unknown_is_written_down_too),
        TEST(a_disk_that_hangs_delays_a_change_for_a_moment_and_the_reply_says_so),
        TEST(a_line_behind_a_torn_one_stands_by_itself),
        TEST(a_disk_that_hangs_holds_one_worker),
        TEST(lines_that_wait_are_bounded_and_changes_go_on),
        TEST(a_log_that_cannot_be_written_hinders_nothing),
        TEST(a_node_that_stops_leaves_the_line_that_it_was_asked),
        TEST(who_asks_says_so_in_utf_8),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
