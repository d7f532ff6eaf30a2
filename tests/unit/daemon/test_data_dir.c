#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "data_dir.h"

struct fixture {
    char parent[64];
    char path[128];
    struct data_dir dir;
    struct reason reason;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    (void)snprintf(fixture->parent, sizeof(fixture->parent), "/tmp/braid-data-XXXXXX");
    assert_non_null(mkdtemp(fixture->parent));
    (void)snprintf(fixture->path, sizeof(fixture->path), "%s/n1", fixture->parent);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    char command[256];

    (void)snprintf(command, sizeof(command), "rm -rf '%s'", fixture->parent);
    assert_int_equal(system(command), 0);
    free(fixture);
    return 0;
}

static enum err open_as(struct fixture *fixture, const char *name)
{
    return data_dir_open(&fixture->dir, fixture->path, name, &fixture->reason);
}

static void write_file(struct fixture *fixture, const char *name, const char *text)
{
    char path[256];
    FILE *file;

    (void)mkdir(fixture->path, 0750);
    (void)snprintf(path, sizeof(path), "%s/%s", fixture->path, name);
    file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void expect_reason(const struct fixture *fixture, const char *part)
{
    if (strstr(fixture->reason.text, part) == NULL)
        fail_msg("'%s' does not say '%s'", fixture->reason.text, part);
}

static void a_new_directory_belongs_to_whoever_opens_it(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(open_as(fixture, "n1"), ERR_OK);
    data_dir_close(&fixture->dir);
    assert_int_equal(open_as(fixture, "n1"), ERR_OK);
    data_dir_close(&fixture->dir);
}

static void another_nodes_directory_is_refused_by_name(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(open_as(fixture, "n1"), ERR_OK);
    data_dir_close(&fixture->dir);
    assert_int_equal(open_as(fixture, "n2"), ERR_FOREIGN);
    expect_reason(fixture, "belongs to node 'n1', and this is node 'n2'");
}

static void a_directory_in_use_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct data_dir second;

    assert_int_equal(open_as(fixture, "n1"), ERR_OK);
    assert_int_equal(data_dir_open(&second, fixture->path, "n1", &fixture->reason), ERR_BUSY);
    expect_reason(fixture, "another braidd is running on it");
    data_dir_close(&fixture->dir);
    assert_int_equal(data_dir_open(&second, fixture->path, "n1", &fixture->reason), ERR_OK);
    data_dir_close(&second);
}

static void a_newer_format_is_refused(void **state)
{
    struct fixture *fixture = *state;

    write_file(fixture, "braid", "format 2\nname n1\n");
    assert_int_equal(open_as(fixture, "n1"), ERR_VERSION);
    expect_reason(fixture, "written by a newer Braid (format 2, this one knows 1)");
}

static void a_damaged_owner_is_refused(void **state)
{
    struct fixture *fixture = *state;

    write_file(fixture, "braid", "fromat 1");
    assert_int_equal(open_as(fixture, "n1"), ERR_CORRUPT);
    expect_reason(fixture, "damaged");
}

static void somebody_elses_files_are_left_alone(void **state)
{
    struct fixture *fixture = *state;

    write_file(fixture, "thesis.tex", "x");
    assert_int_equal(open_as(fixture, "n1"), ERR_INVALID);
    expect_reason(fixture, "files in it that no braidd wrote");
}

static void a_first_start_that_was_cut_short_does_no_harm(void **state)
{
    struct fixture *fixture = *state;

    write_file(fixture, "braid.new", "for");
    write_file(fixture, "lock", "");
    assert_int_equal(open_as(fixture, "n1"), ERR_OK);
    data_dir_close(&fixture->dir);
}

static void a_parent_that_is_not_there_is_an_error(void **state)
{
    struct fixture *fixture = *state;

    (void)snprintf(fixture->path, sizeof(fixture->path), "%s/a/b", fixture->parent);
    assert_int_equal(open_as(fixture, "n1"), ERR_IO);
    expect_reason(fixture, "cannot be made: No such file or directory");
}

static void a_file_is_no_directory(void **state)
{
    struct fixture *fixture = *state;

    write_file(fixture, "file", "");
    strcat(fixture->path, "/file");
    assert_int_equal(open_as(fixture, "n1"), ERR_INVALID); /* and so it is for root */
    expect_reason(fixture, "/file: it is not a directory");
    strcat(fixture->path, "/below");
    assert_int_equal(open_as(fixture, "n1"), ERR_IO);
    expect_reason(fixture, "/file/below cannot be made: Not a directory");
}

static void a_temporary_directory_goes_with_all_in_it(void **state)
{
    struct fixture *fixture = *state;
    char path[DATA_DIR_PATH_MAX];

    assert_int_equal(data_dir_open(&fixture->dir, "", "dev", &fixture->reason), ERR_OK);
    (void)snprintf(path, sizeof(path), "%s", fixture->dir.path);
    assert_int_equal(mkdir(fixture->dir.log, 0750), 0);
    assert_int_equal(access(path, F_OK), 0);
    data_dir_close(&fixture->dir);
    assert_int_equal(access(path, F_OK), -1);
}

/* Log and tables, each with a file that says what it is. */
static void fill(struct fixture *fixture, const char *what)
{
    char name[64];

    (void)mkdir(fixture->dir.log, 0750);
    (void)mkdir(fixture->dir.table, 0750);
    (void)snprintf(name, sizeof(name), "log/%s", what);
    write_file(fixture, name, what);
    (void)snprintf(name, sizeof(name), "table/%s", what);
    write_file(fixture, name, what);
}

static void make_next(struct fixture *fixture)
{
    assert_int_equal(data_dir_begin_anew(&fixture->dir, &fixture->reason), ERR_OK);
    assert_int_equal(mkdir(fixture->dir.making, 0750), 0);
    write_file(fixture, "table.making/new", "new");
}

static bool has(const struct fixture *fixture, const char *name)
{
    char path[512];

    (void)snprintf(path, sizeof(path), "%s/%s", fixture->path, name);
    return access(path, F_OK) == 0;
}

static void what_was_forgotten_is_put_aside_whole(void **state)
{
    struct fixture *fixture = *state;

    for (int round = 1; round <= 2; round++) {
        char name[192];
        assert_int_equal(open_as(fixture, "n1"), ERR_OK);
        fill(fixture, "old");
        make_next(fixture);
        assert_int_equal(data_dir_commit_anew(&fixture->dir, &fixture->reason), ERR_OK);
        data_dir_close(&fixture->dir);

        assert_int_equal(open_as(fixture, "n1"), ERR_OK);
        (void)snprintf(name, sizeof(name), "forgotten-%d/log/old", round);
        assert_true(has(fixture, name));
        (void)snprintf(name, sizeof(name), "forgotten-%d/table/old", round);
        assert_true(has(fixture, name));
        (void)snprintf(name, sizeof(name), "%s/forgotten-%d", fixture->path, round);
        assert_string_equal(fixture->dir.aside, name);
        assert_true(has(fixture, "table/new"));
        assert_false(has(fixture, "log") || has(fixture, "table/old"));
        assert_false(has(fixture, "table.next"));
        assert_int_equal(data_dir_kept(&fixture->dir).count, round);
        assert_true(data_dir_kept(&fixture->dir).bytes > 0);
        data_dir_close(&fixture->dir);
    }
    assert_int_equal(open_as(fixture, "n1"), ERR_OK);
    assert_int_equal(fixture->dir.aside[0], 0);
    data_dir_close(&fixture->dir);
}

static void tables_that_are_not_whole_change_nothing(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(open_as(fixture, "n1"), ERR_OK);
    fill(fixture, "old");
    make_next(fixture);
    data_dir_close(&fixture->dir);
    assert_int_equal(open_as(fixture, "n1"), ERR_OK);
    assert_true(has(fixture, "log/old") && has(fixture, "table/old"));
    assert_int_equal(data_dir_kept(&fixture->dir).count, 0);
    assert_int_equal(data_dir_begin_anew(&fixture->dir, &fixture->reason), ERR_OK);
    assert_false(has(fixture, "table.making"));
    data_dir_close(&fixture->dir);
}

/* A crash behind each of its steps: the next start goes on in the same place. */
static void a_move_that_was_cut_short_goes_on(void **state)
{
    struct fixture *fixture = *state;
    static const char *const steps[] = { "mkdir forgotten-1", "mv log forgotten-1/log",
                                         "mv table forgotten-1/table" };
    char command[512];

    for (size_t done = 0; done <= sizeof(steps) / sizeof(steps[0]); done++) {
        (void)snprintf(command, sizeof(command), "rm -rf '%s'", fixture->path);
        assert_int_equal(system(command), 0);
        assert_int_equal(open_as(fixture, "n1"), ERR_OK);
        fill(fixture, "old");
        make_next(fixture);
        assert_int_equal(data_dir_commit_anew(&fixture->dir, &fixture->reason), ERR_OK);
        data_dir_close(&fixture->dir);
        for (size_t i = 0; i < done; i++) {
            (void)snprintf(command, sizeof(command), "cd '%s' && %s", fixture->path, steps[i]);
            assert_int_equal(system(command), 0);
        }
        assert_int_equal(open_as(fixture, "n1"), ERR_OK);
        assert_true(has(fixture, "forgotten-1/log/old") && has(fixture, "forgotten-1/table/old"));
        assert_true(has(fixture, "table/new"));
        assert_int_equal(data_dir_kept(&fixture->dir).count, 1);
        data_dir_close(&fixture->dir);
    }
}

static void a_mark_stays_until_new_tables_are_there(void **state)
{
    struct fixture *fixture = *state;
    char command[512];

    assert_int_equal(open_as(fixture, "n1"), ERR_OK);
    fill(fixture, "old");
    assert_int_equal(data_dir_mark(&fixture->dir, &fixture->reason), ERR_OK);
    data_dir_close(&fixture->dir);
    assert_int_equal(open_as(fixture, "n1"), ERR_OK);
    assert_true(fixture->dir.marked);
    assert_non_null(strstr(fixture->dir.table, "/n1/table.forgotten"));
    assert_true(has(fixture, "table.forgotten/old"));
    data_dir_close(&fixture->dir);

    (void)snprintf(command, sizeof(command), "mkdir '%s/table'", fixture->path);
    assert_int_equal(system(command), 0);
    assert_int_equal(open_as(fixture, "n1"), ERR_INVALID);
    assert_non_null(strstr(fixture->reason.text, "it has table and table.forgotten"));
    (void)snprintf(command, sizeof(command), "rmdir '%s/table'", fixture->path);
    assert_int_equal(system(command), 0);

    assert_int_equal(open_as(fixture, "n1"), ERR_OK);
    make_next(fixture);
    assert_int_equal(data_dir_commit_anew(&fixture->dir, &fixture->reason), ERR_OK);
    data_dir_close(&fixture->dir);
    assert_int_equal(open_as(fixture, "n1"), ERR_OK);
    assert_false(fixture->dir.marked);
    assert_true(has(fixture, "forgotten-1/log/old") && has(fixture, "forgotten-1/table/old"));
    assert_true(has(fixture, "table/new") && !has(fixture, "table.forgotten"));
    data_dir_close(&fixture->dir);
}

/* Neither "it is not there": the old log under new tables would be a log of nobody. */
static void what_cannot_be_looked_at_is_an_error(void **state)
{
    struct fixture *fixture = *state;
    char command[512];

    assert_int_equal(open_as(fixture, "n1"), ERR_OK);
    data_dir_close(&fixture->dir);
    (void)snprintf(command, sizeof(command), "ln -s table.next '%s/table.next'", fixture->path);
    assert_int_equal(system(command), 0); /* ELOOP */
    assert_int_equal(open_as(fixture, "n1"), ERR_IO);
    assert_non_null(strstr(fixture->reason.text, "table.next cannot be looked at"));
}

/* What an operator has emptied in part is not filled up with what is of another time. */
static void a_directory_that_has_something_is_left_alone(void **state)
{
    struct fixture *fixture = *state;
    char command[512];

    assert_int_equal(open_as(fixture, "n1"), ERR_OK);
    fill(fixture, "old");
    (void)snprintf(command, sizeof(command), "mkdir -p '%s/forgotten-1/log'", fixture->path);
    assert_int_equal(system(command), 0);
    make_next(fixture);
    assert_int_equal(data_dir_commit_anew(&fixture->dir, &fixture->reason), ERR_OK);
    data_dir_close(&fixture->dir);
    assert_int_equal(open_as(fixture, "n1"), ERR_OK);
    assert_true(has(fixture, "forgotten-2/log/old") && has(fixture, "forgotten-2/table/old"));
    assert_false(has(fixture, "forgotten-1/log/old"));
    data_dir_close(&fixture->dir);
}

#define WITH_DIR(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIR(a_new_directory_belongs_to_whoever_opens_it),
        WITH_DIR(another_nodes_directory_is_refused_by_name),
        WITH_DIR(a_directory_in_use_is_refused),
        WITH_DIR(a_newer_format_is_refused),
        WITH_DIR(a_damaged_owner_is_refused),
        WITH_DIR(somebody_elses_files_are_left_alone),
        WITH_DIR(a_first_start_that_was_cut_short_does_no_harm),
        WITH_DIR(a_parent_that_is_not_there_is_an_error),
        WITH_DIR(a_file_is_no_directory),
        WITH_DIR(a_temporary_directory_goes_with_all_in_it),
        WITH_DIR(what_was_forgotten_is_put_aside_whole),
        WITH_DIR(tables_that_are_not_whole_change_nothing),
        WITH_DIR(a_move_that_was_cut_short_goes_on),
        WITH_DIR(a_mark_stays_until_new_tables_are_there),
        WITH_DIR(what_cannot_be_looked_at_is_an_error),
        WITH_DIR(a_directory_that_has_something_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
