#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "local_process.h"

#define OURS "/c/braidd.conf"
/* The end mark of the last word is the literal's own. */
#define IS_OURS(words) process_is_ours(words, sizeof(words), OURS)

static void a_process_is_ours_by_its_configuration(void **state)
{
    assert_true(IS_OURS("braidd\0--config\0/c/braidd.conf"));
    assert_true(IS_OURS("/x/braidd\0--note-level\0debug\0--config\0/c/braidd.conf"));
}

static void other_processes_are_not_ours(void **state)
{
    assert_false(IS_OURS(""));
    assert_false(IS_OURS("braidd\0--config\0/c/other.conf"));
    assert_false(IS_OURS("braidd\0--config\0/c/braidd.conf.old"));
    assert_false(IS_OURS("braidd\0--config"));
    assert_false(IS_OURS("vi\0/c/braidd.conf"));
    assert_false(process_is_ours("--config\0/c/bra", 15, OURS));
}

static void write_file(const char *path, const char *text)
{
    FILE *out = fopen(path, "w");

    assert_non_null(out);
    fputs(text, out);
    fclose(out);
}

static void a_started_process_is_found_until_it_ends(void **state)
{
    char dir[] = "/tmp/braid-process-XXXXXX", program[64], log[64], pid_file[64], how[64];
    int pid = 0;

    assert_non_null(mkdtemp(dir));
    snprintf(program, sizeof(program), "%s/program", dir);
    snprintf(log, sizeof(log), "%s/log", dir);
    snprintf(pid_file, sizeof(pid_file), "%s/pid", dir);
    write_file(program, "#!/bin/sh\necho \"$@\"\nwhile :; do sleep 0.05; done\n");
    assert_int_equal(chmod(program, 0700), 0);

    assert_int_equal(process_find(pid_file, OURS), 0);
    assert_int_equal(process_start(program, OURS, log, pid_file, &pid, NULL), ERR_OK);
    assert_int_equal(process_find(pid_file, OURS), pid);
    assert_int_equal(process_find(pid_file, "/c/other.conf"), 0);
    assert_false(process_ended(pid, how, sizeof(how)));

    kill(pid, SIGKILL);
    assert_true(process_await_end(pid, OURS, 10000));
    assert_int_equal(process_find(pid_file, OURS), 0);
    assert_true(process_ended(pid, how, sizeof(how)));
    assert_string_equal(how, "ended by signal 9");
    unlink(program);
    unlink(log);
    unlink(pid_file);
    rmdir(dir);
}

static void a_program_that_is_not_there_is_said(void **state)
{
    struct reason reason = { "" };
    int pid;

    assert_int_equal(
        process_start("/nowhere/braidd", OURS, "/dev/null", "/dev/null", &pid, &reason), ERR_IO);
    assert_string_equal(reason.text, "start /nowhere/braidd: No such file or directory");
}

static void the_tail_of_a_file_is_its_last_lines(void **state)
{
    char path[] = "/tmp/braid-tail-XXXXXX", *text = NULL;
    size_t len = 0;
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    close(fd);
    write_file(path, "one\ntwo\nthree\n");
    FILE *out = open_memstream(&text, &len);
    process_print_tail(path, 2, "> ", out);
    process_print_tail(path, 9, "", out);
    process_print_tail("/nowhere", 9, "", out);
    fclose(out);
    assert_string_equal(text, "> two\n> three\none\ntwo\nthree\n");
    free(text);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_process_is_ours_by_its_configuration),
        cmocka_unit_test(other_processes_are_not_ours),
        cmocka_unit_test(a_started_process_is_found_until_it_ends),
        cmocka_unit_test(a_program_that_is_not_there_is_said),
        cmocka_unit_test(the_tail_of_a_file_is_its_last_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
