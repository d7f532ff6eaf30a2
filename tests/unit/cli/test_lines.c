#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lines.h"

struct pipe_end {
    int read, write;
};

static struct pipe_end new_pipe(void)
{
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    return (struct pipe_end){ .read = ends[0], .write = ends[1] };
}

static void feed(struct pipe_end pipe, const char *text)
{
    assert_int_equal(write(pipe.write, text, strlen(text)), (ssize_t)strlen(text));
}

static void expect(struct lines *lines, const char *text, uint64_t number)
{
    struct slice line;

    assert_int_equal(lines_next(lines, &line), ERR_OK);
    assert_int_equal(line.len, strlen(text));
    assert_memory_equal(line.data, text, line.len);
    assert_int_equal(lines->number, number);
}

static void lines_come_one_by_one(void **state)
{
    struct pipe_end pipe = new_pipe();
    struct lines lines;
    struct slice line;

    lines_init(&lines, pipe.read);
    feed(pipe, "one\n\nthree\nno end");
    close(pipe.write);
    expect(&lines, "one", 1);
    expect(&lines, "", 2);
    expect(&lines, "three", 3);
    expect(&lines, "no end", 4);
    assert_int_equal(lines_next(&lines, &line), ERR_NOT_FOUND);
    assert_int_equal(lines_next(&lines, &line), ERR_NOT_FOUND);
    lines_fini(&lines);
    close(pipe.read);
}

static void a_pause_is_said_before_the_call_that_waits(void **state)
{
    struct pipe_end pipe = new_pipe();
    struct lines lines;
    struct slice line;

    lines_init(&lines, pipe.read);
    feed(pipe, "one\ntw");
    expect(&lines, "one", 1);
    assert_int_equal(lines_next(&lines, &line), ERR_BUSY);
    feed(pipe, "o\n");
    expect(&lines, "two", 2);
    assert_int_equal(lines_next(&lines, &line), ERR_BUSY);
    close(pipe.write);
    assert_int_equal(lines_next(&lines, &line), ERR_NOT_FOUND);
    lines_fini(&lines);
    close(pipe.read);
}

static void a_file_without_an_end_of_line_is_too_big(void **state)
{
    struct lines lines;
    struct slice line;
    FILE *file = tmpfile();
    char *piece = calloc(1, 1u << 20);

    assert_non_null(file);
    assert_non_null(piece);
    memset(piece, 'x', 1u << 20);
    for (int i = 0; i < 11; i++)
        assert_int_equal(fwrite(piece, 1, 1u << 20, file), 1u << 20);
    rewind(file);
    lines_init(&lines, fileno(file));
    assert_int_equal(lines_next(&lines, &line), ERR_TOO_BIG);
    assert_int_equal(lines.number, 1);
    lines_fini(&lines);
    free(piece);
    fclose(file);
}

static void a_closed_input_is_an_error(void **state)
{
    struct pipe_end pipe = new_pipe();
    struct lines lines;
    struct slice line;

    close(pipe.read);
    lines_init(&lines, pipe.read);
    assert_int_equal(lines_next(&lines, &line), ERR_IO);
    lines_fini(&lines);
    close(pipe.write);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_come_one_by_one),
        cmocka_unit_test(a_pause_is_said_before_the_call_that_waits),
        cmocka_unit_test(a_file_without_an_end_of_line_is_too_big),
        cmocka_unit_test(a_closed_input_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
