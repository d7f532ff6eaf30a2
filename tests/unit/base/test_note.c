#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/limits.h"
#include "base/note.h"

struct sink {
    char line[NOTE_LINE_BYTES_MAX + 1];
    unsigned count;
};

static uint64_t some_time(void *ctx)
{
    return 1772366400123u; /* 2026-03-01T12:00:00.123Z */
}

static void keep(void *ctx, const char *line, size_t len)
{
    struct sink *sink = ctx;

    assert_in_range(len, 1, NOTE_LINE_BYTES_MAX);
    memcpy(sink->line, line, len);
    sink->line[len] = 0;
    sink->count++;
}

static void an_event_is_one_line_of_logfmt(void **state)
{
    struct sink sink = { .count = 0 };
    struct note note;

    note_init(&note, NOTE_INFO, some_time, NULL);
    note_to(&note, keep, &sink);
    note_event(&note, NOTE_INFO, "shard.opened", "group=%d term=%d", 17, 4);
    assert_string_equal(
        sink.line, "ts=2026-03-01T12:00:00.123Z level=info event=shard.opened group=17 term=4\n");
    note_event(&note, NOTE_WARN, "node.stopped", "%s", "");
    assert_string_equal(sink.line, "ts=2026-03-01T12:00:00.123Z level=warn event=node.stopped\n");
}

static void events_below_the_level_are_dropped(void **state)
{
    struct sink sink = { .count = 0 };
    struct note note;

    note_init(&note, NOTE_WARN, NULL, NULL);
    note_to(&note, keep, &sink);
    note_event(&note, NOTE_INFO, "x.done", "a=%d", 1);
    assert_int_equal(sink.count, 0);
    note_event(&note, NOTE_ERROR, "x.done", "a=%d", 1);
    assert_string_equal(sink.line, "level=error event=x.done a=1\n");
    note_event(NULL, NOTE_ERROR, "x.done", "a=%d", 1);
}

static void an_event_stays_one_line_whatever_is_in_it(void **state)
{
    struct sink sink = { .count = 0 };
    struct note note;
    char lengthy[2 * NOTE_LINE_BYTES_MAX];

    note_init(&note, NOTE_DEBUG, some_time, NULL);
    note_to(&note, keep, &sink);
    note_event(&note, NOTE_INFO, "x.done", "text=%s", "a\nts=1 level=info\r\x1b[31m");
    assert_ptr_equal(strchr(sink.line, '\n'), sink.line + strlen(sink.line) - 1);
    assert_null(strchr(sink.line, '\x1b'));

    memset(lengthy, 'x', sizeof(lengthy));
    lengthy[sizeof(lengthy) - 1] = 0;
    note_event(&note, NOTE_INFO, "x.done", "text=%s", lengthy);
    assert_in_range(strlen(sink.line), NOTE_LINE_BYTES_MAX - 2, NOTE_LINE_BYTES_MAX);
    assert_int_equal(sink.line[strlen(sink.line) - 1], '\n');
}

static void values_are_quoted_when_they_must_be(void **state)
{
    char lengthy[2 * NOTE_VALUE_BYTES_MAX];
    struct note_value room;

    assert_string_equal(NOTE_QUOTED("plain"), "plain");
    assert_string_equal(NOTE_QUOTED(""), "\"\"");
    assert_string_equal(NOTE_QUOTED("two words"), "\"two words\"");
    assert_string_equal(NOTE_QUOTED("a=\"b\""), "\"a=\\\"b\\\"\"");
    memset(lengthy, '"', sizeof(lengthy));
    lengthy[sizeof(lengthy) - 1] = 0;
    note_quote(&room, lengthy);
    assert_in_range(strlen(room.text), NOTE_VALUE_BYTES_MAX - 4, NOTE_VALUE_BYTES_MAX - 1);
    assert_int_equal(room.text[strlen(room.text) - 1], '"');
}

static void levels_have_names(void **state)
{
    enum note_level level = NOTE_OFF;

    assert_int_equal(note_level_parse("debug", &level), ERR_OK);
    assert_int_equal(level, NOTE_DEBUG);
    assert_int_equal(note_level_parse("loud", &level), ERR_INVALID);
    assert_int_equal(level, NOTE_DEBUG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_one_line_of_logfmt),
        cmocka_unit_test(events_below_the_level_are_dropped),
        cmocka_unit_test(an_event_stays_one_line_whatever_is_in_it),
        cmocka_unit_test(values_are_quoted_when_they_must_be),
        cmocka_unit_test(levels_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
