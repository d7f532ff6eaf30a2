#include "fixture.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* A damaged entry is written again where it was, and everything around it stays. */

#define COUNT 30u

static struct node node;

static const uint32_t lengths[COUNT] = { 90000, 100,   5000, 4096,  1,
                                         300000, 60000, 12,   90000, 8192 };

static int set_up(void **state)
{
    (void)state;
    node_init(&node);
    node_open(&node);
    node_start(&node, 1);
    node_start(&node, 2);
    for (unsigned i = 0; i < COUNT; i++) {
        /* Both in one frame: the entries' payloads share blocks. */
        node_append(&node, 1, lengths[i] == 0 ? 90000 : lengths[i]);
        node_append(&node, 2, 100 + i);
        node_wait_all(&node);
    }
    node_apply(&node, 1, model_last(&node, 1));
    node_apply(&node, 2, model_last(&node, 2));
    node_wait_filed(&node);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    node_fini(&node);
    return 0;
}

static struct buf *payload_of(uint64_t group, uint64_t index)
{
    const struct model_group *of = &node.groups[group];

    return model_payload(group, index, &of->entries[index - of->start - 1]);
}

struct mending {
    struct log_mend req;
    enum err err;
    bool done;
};

static void on_mend(struct log_mend *req, enum err err)
{
    struct mending *mending = container_of(req, struct mending, req);

    mending->err = err;
    mending->done = true;
}

static void mend_start(struct mending *mending, uint64_t group, uint64_t index,
                       struct buf *payload)
{
    *mending =
        (struct mending){ .req = { .head = model_head(&node, group, index), .payload = payload } };
    log_mend(node.log, &mending->req, on_mend);
    assert_false(mending->done);
}

static enum err mend(uint64_t group, uint64_t index, bool *wrote)
{
    AUTO_UNREF struct buf *payload = payload_of(group, index);
    struct mending mending;

    mend_start(&mending, group, index, payload);
    while (!mending.done)
        node_turn(&node);
    *wrote = mending.req.wrote;
    return mending.err;
}

static enum err read_one(uint64_t group, uint64_t index)
{
    struct log_read req = { .group = group, .first = index, .last = index, .bytes_max = MIB };
    enum err err = node_read(&node, &req);

    log_read_fini(&req);
    return err;
}

/* All of a file. */
static unsigned char *content(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");

    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    fclose(file);
    unsigned char *bytes = malloc(*size);
    assert_non_null(bytes);
    file_read(path, 0, bytes, *size);
    return bytes;
}

/* Damages `count` bytes of the payload from its byte `from` on; `path` is its file. */
static void spoil(uint64_t group, uint64_t index, uint64_t from, uint64_t count, char path[160])
{
    AUTO_UNREF struct buf *payload = payload_of(group, index);

    for (uint64_t number = 1; node_segment_path(&node, number, path); number++) {
        size_t size;
        unsigned char *bytes = content(path, &size);
        const unsigned char *at = memmem(bytes, size, payload->data, payload->len);
        uint64_t offset = at == NULL ? UINT64_MAX : (uint64_t)(at - bytes);
        free(bytes);
        if (offset == UINT64_MAX)
            continue;
        for (uint64_t i = 0; i < count; i++)
            payload->data[from + i] ^= 0x55;
        if (count > 0)
            file_write(path, offset + from, payload->data + from, count);
        return;
    }
    fail_msg("entry %llu is nowhere", (unsigned long long)index);
}

static void check_mended(uint64_t group, uint64_t index, uint64_t from, uint64_t count)
{
    char path[160], found[160];
    size_t size, size_after;
    bool wrote = false;

    spoil(group, index, from, 0, found);
    unsigned char *before = content(found, &size);
    spoil(group, index, from, count, path);
    assert_int_equal(read_one(group, index), ERR_CORRUPT);
    assert_int_equal(log_figures(node.log).damaged_entries, 1);
    assert_int_equal(mend(group, index, &wrote), ERR_OK);
    assert_true(wrote);
    assert_int_equal(read_one(group, index), ERR_OK);
    assert_int_equal(log_figures(node.log).damaged_entries, 0);
    unsigned char *after = content(found, &size_after);
    assert_int_equal(size, size_after);
    assert_memory_equal(before, after, size); /* every byte is what it was */
    free(before);
    free(after);
}

static void a_damaged_entry_is_whole_again_and_nothing_else_changed(void **state)
{
    (void)state;
    check_mended(1, 2, 0, 1);
    check_mended(1, 2, 89999, 1);
    check_mended(1, 2, 45000, 6000);
    check_mended(1, 3, 50, 2);      /* within one block, behind heads */
    check_mended(1, 7, 0, 300000);  /* all of it, in several writes */
    check_mended(2, 9, 0, 5);
    assert_int_equal(log_figures(node.log).mended_entries, 6);
    node_check(&node);
    node_reopen(&node);
    node_check(&node);
}

static void an_entry_of_the_open_segment_can_be_mended_while_others_are_appended(void **state)
{
    AUTO_UNREF struct buf *payload = NULL;
    struct mending mending;
    char path[160];
    uint64_t index;

    (void)state;
    node_append(&node, 1, 50000);
    node_wait_all(&node);
    index = model_last(&node, 1); /* not applied either */
    spoil(1, index, 100, 3, path);
    assert_int_equal(read_one(1, index), ERR_CORRUPT);
    payload = payload_of(1, index);
    mend_start(&mending, 1, index, payload);
    while (!mending.done) {
        node_append(&node, 2, 3000);
        node_turn(&node);
    }
    assert_int_equal(mending.err, ERR_OK);
    node_wait_all(&node);
    node_check(&node);
    node_reopen(&node);
    node_check(&node);
}

static void what_is_sound_is_not_written(void **state)
{
    bool wrote = true;

    (void)state;
    assert_int_equal(mend(1, 2, &wrote), ERR_OK);
    assert_false(wrote);
    assert_int_equal(log_figures(node.log).mended_entries, 0);
}

static void wrong_bytes_and_entries_that_are_gone_are_refused(void **state)
{
    AUTO_UNREF struct buf *other = payload_of(1, 10);
    AUTO_UNREF struct buf *payload = payload_of(1, 4);
    struct mending mending, second;
    char path[160];
    bool wrote;

    (void)state;
    spoil(1, 4, 7, 1, path);
    assert_int_equal(read_one(1, 4), ERR_CORRUPT);
    mend_start(&mending, 1, 4, other);
    while (!mending.done)
        node_turn(&node);
    assert_int_equal(mending.err, ERR_INVALID);

    mend_start(&mending, 1, 4, payload); /* one at a time */
    mend_start(&second, 1, 4, payload);
    while (!mending.done || !second.done)
        node_turn(&node);
    assert_int_equal(mending.err, ERR_OK);
    assert_int_equal(second.err, ERR_BUSY);

    spoil(1, 4, 7, 1, path);
    assert_int_equal(read_one(1, 4), ERR_CORRUPT);
    node_trim(&node, 1, 5);
    assert_int_equal(mend(1, 4, &wrote), ERR_NOT_FOUND);
    assert_int_equal(log_figures(node.log).damaged_entries, 0);
}

static void another_entry_at_the_same_index_is_not_touched(void **state)
{
    AUTO_UNREF struct buf *payload = NULL;
    struct mending mending = { .done = false };
    uint64_t index;

    (void)state;
    node_append(&node, 1, 7000);
    node_wait_all(&node);
    index = model_last(&node, 1);
    payload = payload_of(1, index);
    mending.req = (struct log_mend){ .head = model_head(&node, 1, index), .payload = payload };
    node_hard(&node, 1, 9, 0);
    node_truncate(&node, 1, index);
    node_append(&node, 1, 7000);
    node_wait_all(&node);
    log_mend(node.log, &mending.req, on_mend);
    while (!mending.done)
        node_turn(&node);
    assert_int_equal(mending.err, ERR_NOT_FOUND);
    node_check(&node);
}

/* Opens the log, begins to mend entry 7 and says so; killed at any moment. */
static void child(int out)
{
    AUTO_UNREF struct buf *payload = payload_of(1, 7);
    struct mending mending;

    node_open(&node);
    mend_start(&mending, 1, 7, payload);
    if (write(out, "m", 1) != 1)
        _exit(1);
    while (!mending.done)
        node_turn(&node);
    _exit(0);
}

static void kill_while_mending(unsigned after_us)
{
    int ends[2];
    char byte;

    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        child(ends[1]);
    close(ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    usleep(after_us);
    kill(pid, SIGKILL);
    close(ends[0]);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* Each byte is what it was before the damage or what it was before the repair. */
static void check_between(const char *path, const unsigned char *before, size_t size)
{
    size_t found_size;
    unsigned char *found = content(path, &found_size);
    unsigned others = 0;

    assert_int_equal(size, found_size);
    for (size_t i = 0; i < size; i++)
        others += found[i] != before[i] && found[i] != (before[i] ^ 0x55);
    assert_int_equal(others, 0);
    free(found);
}

static void a_kill_at_any_moment_leaves_an_entry_that_can_be_mended(void **state)
{
    char path[160];
    size_t size;
    bool wrote;

    (void)state;
    spoil(1, 7, 0, 0, path);
    unsigned char *before = content(path, &size);
    for (unsigned round = 0; round < 8; round++) {
        spoil(1, 7, 0, 300000, path);
        node_close(&node);
        kill_while_mending(round * 400);
        check_between(path, before, size);
        node_open(&node);
        assert_int_equal(mend(1, 7, &wrote), ERR_OK);
        node_check(&node);
    }
    free(before);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_damaged_entry_is_whole_again_and_nothing_else_changed),
        TEST(an_entry_of_the_open_segment_can_be_mended_while_others_are_appended),
        TEST(what_is_sound_is_not_written),
        TEST(wrong_bytes_and_entries_that_are_gone_are_refused),
        TEST(another_entry_at_the_same_index_is_not_touched),
        TEST(a_kill_at_any_moment_leaves_an_entry_that_can_be_mended),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
