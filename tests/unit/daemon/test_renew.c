/* A node that has forgotten, on a disk that takes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cmocka.h>

#include "../control/fake_table.h"
#include "control/identity.h"
#include "identity_copy.h"
#include "renew.h"
#include "table/rocks.h"

struct fixture {
    char path[64];
    struct data_dir dir;
    struct table table;
    struct config config;
    struct note note;
    struct renew_world world;
    struct reason reason;
};

static struct table fresh;
static uint64_t free_blocks;
static char said[2048];
static enum err open_fails; /* what new tables answer */

enum err table_open(struct table **ret, const char *path, struct reason *reason)
{
    fresh = (struct table){ .count = 0 };
    *ret = &fresh;
    if (open_fails != ERR_OK)
        reason_set(reason, "the disk is full");
    return open_fails == ERR_OK && mkdir(path, 0750) != 0 ? ERR_IO : open_fails;
}

void table_close(struct table *table)
{
}

int statvfs(const char *path, struct statvfs *ret)
{
    *ret = (struct statvfs){ .f_bavail = free_blocks, .f_frsize = 512 };
    return 0;
}

static void on_note(void *ctx, const char *line, size_t len)
{
    (void)snprintf(said + strlen(said), sizeof(said) - strlen(said), "%.*s\n", (int)len, line);
}

uint64_t clock_wall_ms(struct clock *clock)
{
    return UINT64_C(1700000000000);
}

static int set_up(void **state)
{
    const struct identity_cluster cluster = { .id = 77, .members = { 4, 6, 7 }, .member_count = 3 };
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct table_batch *batch = table_batch_new();

    (void)snprintf(fixture->path, sizeof(fixture->path), "/tmp/braid-renew-XXXXXX");
    assert_non_null(mkdtemp(fixture->path));
    assert_int_equal(data_dir_open(&fixture->dir, fixture->path, "n1", &fixture->reason), ERR_OK);
    assert_int_equal(mkdir(fixture->dir.table, 0750), 0);
    identity_node_put(batch, 4);
    identity_cluster_put(batch, &cluster);
    assert_int_equal(table_write(&fixture->table, batch, true, &fixture->reason), ERR_OK);
    table_batch_free(batch);
    fixture->config.peer_advertise = "a:1";
    fixture->config.seed_list[fixture->config.seed_count++] = "b:1";
    note_init(&fixture->note, NOTE_OFF, NULL, NULL);
    fixture->world = (struct renew_world){ .dir = &fixture->dir, .table = &fixture->table,
                                           .config = &fixture->config, .note = &fixture->note };
    open_fails = ERR_OK;
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    char command[128];

    data_dir_close(&fixture->dir);
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", fixture->path);
    assert_int_equal(system(command), 0);
    free(fixture);
    return 0;
}

static void restart(struct fixture *fixture)
{
    data_dir_close(&fixture->dir);
    assert_int_equal(data_dir_open(&fixture->dir, fixture->path, "n1", &fixture->reason), ERR_OK);
}

static void what_could_not_be_noted_is_known_at_every_later_start(void **state)
{
    struct fixture *fixture = *state;
    char path[128];

    open_fails = ERR_NO_SPACE;
    assert_int_equal(renew_running(&fixture->world, false, &fixture->reason), ERR_NO_SPACE);
    for (int start = 0; start < 2; start++) {
        restart(fixture);
        assert_true(fixture->dir.marked);
        assert_int_equal(renew_marked(&fixture->reason), ERR_CORRUPT);
        assert_int_equal(renew(&fixture->world, &fixture->reason), ERR_NO_SPACE);
    }
    open_fails = ERR_OK; /* there is room again */
    assert_int_equal(renew(&fixture->world, &fixture->reason), ERR_OK);
    restart(fixture);
    assert_false(fixture->dir.marked);
    (void)snprintf(path, sizeof(path), "%s/forgotten-1/table", fixture->path);
    assert_int_equal(access(path, F_OK), 0);
}

static void what_was_noted_or_is_renewed_needs_no_mark(void **state)
{
    struct fixture *fixture = *state;

    open_fails = ERR_NO_SPACE;
    assert_int_equal(renew_running(&fixture->world, true, &fixture->reason), ERR_NO_SPACE);
    restart(fixture);
    assert_false(fixture->dir.marked);
    open_fails = ERR_OK;
    assert_int_equal(renew_running(&fixture->world, false, &fixture->reason), ERR_OK);
    restart(fixture);
    assert_false(fixture->dir.marked);
}

/* It comes back by itself: nobody is told to start it with a new directory meanwhile. */
static void what_was_lost_is_said_without_advice_that_does_not_hold(void **state)
{
    struct fixture *fixture = *state;

    note_init(&fixture->note, NOTE_INFO, NULL, NULL);
    note_to(&fixture->note, on_note, NULL);
    said[0] = 0;
    reason_set(&fixture->reason, "the log ended too early; " REASON_KEEP_DATA);
    assert_int_equal(renew_running(&fixture->world, false, &fixture->reason), ERR_OK);
    assert_non_null(strstr(said, "event=node.renewed lost=\"the log ended too early\""));
    assert_null(strstr(said, "new data directory"));
    assert_non_null(strstr(fixture->reason.text, "comes back by itself"));
}

/* RocksDB opens nothing when one of its files is lost. */
static void who_it_was_is_known_without_its_tables(void **state)
{
    struct fixture *fixture = *state;
    struct renewal_former former;
    char path[128];

    assert_int_equal(identity_copy_write(&fixture->dir, &fixture->table, &fixture->reason), ERR_OK);
    fixture->world.table = NULL;
    assert_int_equal(renew(&fixture->world, &fixture->reason), ERR_OK);
    assert_int_equal(renewal_former(&fresh, &former, &fixture->reason), ERR_OK);
    assert_int_equal(former.count, 1);
    assert_int_equal(former.ids[0], 4);
    restart(fixture);
    (void)snprintf(path, sizeof(path), "%s/forgotten-1/table", fixture->path);
    assert_int_equal(access(path, F_OK), 0);
}

static void without_tables_and_copy_it_is_for_a_person(void **state)
{
    struct fixture *fixture = *state;
    char path[128];

    fixture->world.table = NULL;
    note_init(&fixture->note, NOTE_INFO, NULL, NULL);
    note_to(&fixture->note, on_note, NULL);
    said[0] = 0;
    assert_int_equal(renew(&fixture->world, &fixture->reason), ERR_CORRUPT);
    assert_non_null(strstr(said, "there is no file 'identity', which would say who this node is"));

    (void)snprintf(path, sizeof(path), "%s/identity", fixture->path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs("damaged", file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(renew(&fixture->world, &fixture->reason), ERR_CORRUPT);
    assert_non_null(strstr(said, "its file 'identity' is damaged"));
}

/* No supervisor may try that again. */
static void who_cannot_even_be_marked_is_for_a_person(void **state)
{
    struct fixture *fixture = *state;

    open_fails = ERR_IO;
    assert_int_equal(rmdir(fixture->dir.table), 0);
    assert_int_equal(renew_running(&fixture->world, false, &fixture->reason), ERR_CORRUPT);
    assert_non_null(strstr(fixture->reason.text, "nothing in it can say so"));
}

/* The old data is on the disk that the node is filled into. */
static void too_little_room_beside_what_is_kept_is_said(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(renew(&fixture->world, &fixture->reason), ERR_OK);
    restart(fixture);
    note_init(&fixture->note, NOTE_WARN, NULL, NULL);
    note_to(&fixture->note, on_note, NULL);
    free_blocks = 1000000;
    assert_true(renew_kept(&fixture->dir, &fixture->note).bytes > 512);
    assert_non_null(strstr(said, "event=data.kept "));
    assert_null(strstr(said, "event=data.kept_no_room"));
    free_blocks = 1;
    (void)renew_kept(&fixture->dir, &fixture->note);
    assert_non_null(strstr(said, "event=data.kept_no_room"));
}

/* Never removed by itself: the node waits for a person instead, and goes on when some are gone. */
static void with_so_many_kept_there_is_no_further_id(void **state)
{
    struct fixture *fixture = *state;
    char path[128];

    for (uint32_t n = 1; n <= FORGOTTEN_KEPT_MAX; n++) {
        (void)snprintf(path, sizeof(path), "%s/forgotten-%u", fixture->path, n);
        assert_int_equal(mkdir(path, 0700), 0);
    }
    assert_int_equal(renew_running(&fixture->world, true, &fixture->reason), ERR_CORRUPT);
    assert_non_null(strstr(fixture->reason.text, "4 directories forgotten-N"));
    restart(fixture);
    assert_int_equal(data_dir_kept(&fixture->dir).count, FORGOTTEN_KEPT_MAX);
    assert_int_equal(renew(&fixture->world, &fixture->reason), ERR_CORRUPT);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(renew(&fixture->world, &fixture->reason), ERR_OK);
}

#define WITH_DIR(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIR(what_could_not_be_noted_is_known_at_every_later_start),
        WITH_DIR(what_was_noted_or_is_renewed_needs_no_mark),
        WITH_DIR(what_was_lost_is_said_without_advice_that_does_not_hold),
        WITH_DIR(too_little_room_beside_what_is_kept_is_said),
        WITH_DIR(with_so_many_kept_there_is_no_further_id),
        WITH_DIR(who_it_was_is_known_without_its_tables),
        WITH_DIR(without_tables_and_copy_it_is_for_a_person),
        WITH_DIR(who_cannot_even_be_marked_is_for_a_person),
    };

    return cmocka_run_group_tests_name("renew", tests, NULL, NULL);
}
