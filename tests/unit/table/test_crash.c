/* A process that writes to the tables is killed at any moment; or a file of the tables ends early,
 * is damaged or lost.  What is found must be a moment of the history, with all that was written or
 * synced; or the tables are refused, in a sentence that says what to do.
 *
 *     test-table-crash [ROUNDS [SEED]]    by hand: so many kills
 *
 * RocksDB's threads live in the process that opened it first and no fork inherits them: this one
 * never opens it, its children do.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "env/random.h"
#include "history.h"
#include "table/rocks.h"

#define BATCHES_MAX 100000u
#define FILES_MAX 64u
#define FILES_BATCHES 1500u /* of 6 KB each */

static char dir[64];

static int set_up(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "table-crash-XXXXXX");
    return mkdtemp(dir) == NULL;
}

static int tear_down(void **state)
{
    char command[160];

    (void)state;
    snprintf(command, sizeof(command), "rm -rf '%s' '%s.kept'", dir, dir);
    return system(command);
}

/* ---- children ---- */

/* Says after each batch which one it was. */
static void write_on(uint64_t from, uint64_t to, int out)
{
    struct history history = { 0 };
    struct table *table = NULL;
    struct reason reason;

    if (table_open(&table, dir, &reason) != ERR_OK) {
        fprintf(stderr, "%s\n", reason.text);
        _exit(1);
    }
    while (history.batches < to) {
        if (history_write(&history, history.batches < from ? NULL : table, &reason) != ERR_OK)
            _exit(2);
        if (history.batches > from &&
            write(out, &history.batches, sizeof(history.batches)) != sizeof(history.batches))
            _exit(3);
    }
    _exit(0); /* nothing is closed */
}

/* What a child found. */
struct found {
    enum err err; /* of the open */
    struct reason reason;
    struct history_finding is;
};

static void look(uint64_t at, uint64_t nothing, int out)
{
    (void)nothing;
    static struct found found;
    struct table *table = NULL;

    found.err = table_open(&table, dir, &found.reason);
    if (found.err == ERR_OK)
        history_check(table, at, &found.is);
    table_close(table);
    _exit(write(out, &found, sizeof(found)) != sizeof(found));
}

static pid_t child(void (*does)(uint64_t, uint64_t, int), uint64_t a, uint64_t b, int *in)
{
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(ends[0]);
        does(a, b, ends[1]);
    }
    close(ends[1]);
    *in = ends[0];
    return pid;
}

static struct found check(uint64_t at)
{
    struct found found;
    int in, status;

    pid_t pid = child(look, at, 0, &in);
    ssize_t got = read(in, &found, sizeof(found));
    close(in);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (status != 0 || got != sizeof(found))
        fail_msg("who looked ended with status %d", status);
    if (found.is.wrong[0] != 0)
        fail_msg("after batch %llu: %s", (unsigned long long)found.is.batches, found.is.wrong);
    return found;
}

/* The batch that they are a whole moment of. */
static uint64_t check_whole(void)
{
    struct found found = check(0);

    if (found.err != ERR_OK)
        fail_msg("%s", found.reason.text);
    assert_int_equal(found.is.refused, 0);
    return found.is.batches;
}

/* Returns the last batch of which it was said that it is written.  0: is not killed. */
static uint64_t run(uint64_t from, uint64_t to, bool begun, unsigned kill_after_us)
{
    uint64_t written = from, n;
    int in, status;

    pid_t pid = child(write_on, from, to, &in);
    if (begun && read(in, &n, sizeof(n)) == sizeof(n))
        written = n;
    if (kill_after_us > 0) {
        usleep(kill_after_us);
        kill(pid, SIGKILL);
    }
    while (read(in, &n, sizeof(n)) == sizeof(n))
        written = n;
    close(in);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (!WIFSIGNALED(status) && WEXITSTATUS(status) != 0)
        fail_msg("the child ended with status %d", WEXITSTATUS(status));
    return written;
}

/* ---- kills ---- */

/* In every second round from the first batch on, else while the tables are opened too.  A kill
 * takes nothing that was handed to the kernel: only the batch under way may be there or not. */
static void kill_again_and_again(unsigned rounds, uint64_t seed)
{
    struct random random;
    uint64_t n = 0;

    random_init(&random, seed);
    for (unsigned round = 0; round < rounds; round++) {
        unsigned after_us = 1 + (unsigned)random_below(&random, 80000);
        uint64_t written = run(n, BATCHES_MAX, round % 2 == 0, after_us);
        n = check_whole();
        assert_in_range(n, written, written + 1);
    }
    assert_true(n > rounds);
}

static void a_kill_at_any_moment_leaves_a_moment_of_the_history(void **state)
{
    (void)state;
    kill_again_and_again(10, 11);
}

/* Before anything was written they may be made again. */
static void a_kill_while_they_are_made_refuses_nothing(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 10; round++) {
        (void)run(0, 1, false, 1 + round * 4000);
        assert_in_range(check_whole(), 0, 1);
        assert_int_equal(tear_down(NULL), 0);
        assert_int_equal(set_up(NULL), 0);
    }
}

/* ---- files that are not what they were ---- */

struct file {
    char path[160];
    uint64_t size;
};

static bool is_kind(const char *name, const char *kind)
{
    size_t len = strlen(name), end = strlen(kind);

    return kind[0] == '.' ? len > end && strcmp(name + len - end, kind) == 0
                          : strncmp(name, kind, end) == 0;
}

/* By a name's beginning, or by its end when that is ".xyz". */
static unsigned files_of(const char *kind, struct file files[FILES_MAX])
{
    struct dirent **items;
    unsigned count = 0;

    int found = scandir(dir, &items, NULL, alphasort);
    assert_true(found > 0);
    for (int i = 0; i < found; i++) {
        struct stat facts;
        if (is_kind(items[i]->d_name, kind) && count < FILES_MAX) {
            snprintf(files[count].path, sizeof(files[count].path), "%s/%.60s", dir,
                     items[i]->d_name);
            assert_int_equal(stat(files[count].path, &facts), 0);
            files[count++].size = (uint64_t)facts.st_size;
        }
        free(items[i]);
    }
    free(items);
    return count;
}

static void keep(void)
{
    char command[260];

    snprintf(command, sizeof(command), "rm -rf '%s.kept' && cp -a '%s' '%s.kept'", dir, dir, dir);
    assert_int_equal(system(command), 0);
}

static void take_back(void)
{
    char command[260];

    snprintf(command, sizeof(command), "rm -rf '%s' && cp -a '%s.kept' '%s'", dir, dir, dir);
    assert_int_equal(system(command), 0);
}

static void flip(const struct file *file, uint64_t at)
{
    unsigned char byte = 0;
    int fd = open(file->path, O_RDWR);

    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
    byte ^= 0x10;
    assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
    close(fd);
}

/* Refused with advice, or every row is right or refused, as of batch `n`.  True: refused. */
static bool refuses(uint64_t n)
{
    struct found found = check(n);

    if (found.err == ERR_OK) {
        assert_true(found.is.batches == n || found.is.batches == UINT64_MAX);
        return found.is.refused > 0;
    }
    if (found.err != ERR_CORRUPT || strstr(found.reason.text, REASON_KEEP_DATA) == NULL)
        fail_msg("%s: %s", err_name(found.err), found.reason.text);
    if (check(n).err != ERR_CORRUPT)
        fail_msg("the second start goes on without: %s", found.reason.text);
    return true;
}

/* Sorted files, which a start makes of the log, and a log that is not empty. */
static uint64_t make_files(uint64_t batches)
{
    struct file files[FILES_MAX];
    uint64_t n = run(0, batches, false, 0);

    assert_int_equal(check_whole(), n);
    n = run(n, n + 100, false, 0);
    assert_true(files_of(".sst", files) >= 2);
    keep();
    return n;
}

static uint64_t bytes_between(uint64_t from, uint64_t to)
{
    struct history history = { 0 };
    uint64_t before = 0;

    while (history.batches < to) {
        (void)history_write(&history, NULL, NULL);
        if (history.batches == from)
            before = history.bytes;
    }
    return history.bytes - before;
}

/* As after a loss of power. */
static void a_log_that_ends_early_loses_only_its_end(void **state)
{
    struct file files[FILES_MAX];
    uint64_t n = make_files(100), before = n;

    (void)state;
    for (unsigned cut = 1; cut < 200000; cut = cut * 4 + 1) {
        take_back();
        const struct file *last = &files[files_of(".log", files) - 1];
        assert_int_equal(truncate(last->path, (off_t)(last->size - cut)), 0);
        uint64_t found = check_whole();
        assert_true(found < n && found <= before);
        assert_true(found + 1 == n || bytes_between(found + 1, n) <= cut);
        before = found;
    }
}

/* The first and the last file of the kind: at places from its first to its last byte; then it is
 * lost.  Returns how many places were refused. */
static unsigned damage(const char *kind, uint64_t n, unsigned places)
{
    struct file files[FILES_MAX];
    unsigned count = files_of(kind, files), refused = 0;

    assert_true(count > 0);
    for (unsigned i = 0; i < count; i += count > 1 ? count - 1 : 1) {
        for (unsigned place = 0; place < places; place++) {
            take_back();
            flip(&files[i], (files[i].size - 1) * place / (places - 1));
            refused += refuses(n);
        }
        take_back();
        assert_int_equal(unlink(files[i].path), 0);
        assert_true(refuses(n));
    }
    take_back();
    return refused;
}

static void a_damaged_or_lost_file_is_refused_or_its_rows_are(void **state)
{
    struct file files[FILES_MAX];
    uint64_t n = make_files(FILES_BATCHES);

    (void)state;
    assert_true(damage("MANIFEST", n, 8) > 0);
    assert_true(damage("CURRENT", n, 3) > 0);
    assert_true(damage(".sst", n, 5) > 0);
    assert_int_equal(check_whole(), n);
    take_back();
    for (unsigned left = files_of(".log", files); left > 0; left--)
        assert_int_equal(unlink(files[left - 1].path), 0);
    assert_true(refuses(n));
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_kill_at_any_moment_leaves_a_moment_of_the_history),
        TEST(a_kill_while_they_are_made_refuses_nothing),
        TEST(a_log_that_ends_early_loses_only_its_end),
        TEST(a_damaged_or_lost_file_is_refused_or_its_rows_are),
    };

    if (argc > 1) {
        assert_int_equal(set_up(NULL), 0);
        kill_again_and_again((unsigned)atoi(argv[1]), argc > 2 ? strtoull(argv[2], NULL, 10) : 1);
        return tear_down(NULL);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
