/* What this node's log has behind its model, and what is said of it. */
#include "given.h"

#include "catalog/catalog_private.h"
#include "catalog/change_settings.h"

#define ENTRIES 40u
#define AT_ONCE 2u /* so many does a read give */

static struct {
    struct log_state state;
    uint64_t in_memory; /* the oldest entry that is */
    struct log_read_entry entries[ENTRIES];
    enum err read_err;
    struct log_read *reading;
    unsigned reads, ended;
    const struct model_stream *stream;
} given;

static struct catalog catalog;

/* ---- what is around it ---- */

const struct log_state *log_state(const struct log *log, uint64_t group)
{
    assert_int_equal(group, CATALOG_GROUP);
    return given.state.member_count == 0 ? NULL : &given.state;
}

enum err log_head(const struct log *log, uint64_t group, uint64_t index, struct entry_head *ret)
{
    assert_int_equal(group, CATALOG_GROUP);
    if (index < given.in_memory || index > given.state.last)
        return ERR_NOT_FOUND;
    *ret = given.entries[index].head;
    return ERR_OK;
}

void log_read(struct log *log, struct log_read *req, log_read_cb cb)
{
    assert_null(given.reading);
    assert_int_equal(req->group, CATALOG_GROUP);
    assert_true(req->first <= req->last && req->last <= given.state.last);
    req->cb = cb;
    given.reading = req;
    given.reads++;
}

void log_read_fini(struct log_read *req)
{
    assert_ptr_equal(req, &catalog.behind.read);
}

bool seal_decode(struct seal *seal, struct slice payload)
{
    fail();
    return false;
}

void catalog_idle(struct catalog *idle)
{
    assert_true(idle->busy > 0);
    idle->busy--;
    given.ended++;
}

/* ---- the tests ---- */

/* Takes the payload. */
static void append_of(uint8_t type, uint64_t term, struct buf *payload)
{
    uint64_t index = ++given.state.last;

    assert_true(index < ENTRIES);
    given.state.last_term = term;
    given.entries[index] = (struct log_read_entry){
        .head = { .index = index, .term = term, .type = type }, .payload = payload
    };
}

static void barrier(uint64_t term)
{
    append_of(ENTRY_BARRIER, term, NULL);
}

static void change(struct buf *payload)
{
    assert_non_null(payload);
    append_of(ENTRY_CHANGE, given.state.last_term, payload);
}

static struct buf *kept_for(uint64_t stream, uint32_t hours)
{
    struct change_settings wanted = change_settings_of(given.stream);

    wanted.stream = stream;
    wanted.retention_hours = hours;
    wanted.settings.warm_mibps = 7;
    return change_set_stream(stamp, &wanted);
}

static void raise_version(struct model *model)
{
    static const uint64_t all[] = { 1, 2, 3 };
    static const uint32_t new_ones[] = { VERSION_KNOWN, VERSION_KNOWN, VERSION_KNOWN };
    struct change_raise raise = {
        .version = VERSION_SETTINGS, .nodes = all, .knows = new_ones, .node_count = 3
    };

    assert_int_equal(apply(model, change_raise_version(stamp, &raise)), ERR_OK);
}

/* The model has all of the log, whose entries are still in memory. */
static int set_up(void **state)
{
    memset(&given, 0, sizeof(given));
    catalog = (struct catalog){ .model = given_cluster() };
    raise_version(catalog.model);
    given.stream = given_active(catalog.model, "river", 1);
    given.state = (struct log_state){ .member_count = 3,
                                      .first = 2,
                                      .last = catalog.model->index,
                                      .last_term = catalog.model->term,
                                      .applied = catalog.model->index,
                                      .applied_term = catalog.model->term };
    for (uint64_t i = 0; i <= given.state.last; i++)
        given.entries[i].head = (struct entry_head){ .term = catalog.model->term };
    return 0;
}

static int tear_down(void **state)
{
    assert_null(given.reading);
    assert_int_equal(catalog.busy, 0);
    for (unsigned i = 0; i < ENTRIES; i++)
        buf_unref(given.entries[i].payload);
    model_free(catalog.model);
    return 0;
}

static void answer(void)
{
    struct log_read *req = given.reading;
    uint64_t left = req->last - req->first + 1;

    assert_non_null(req);
    assert_int_equal(catalog.busy, 1);
    given.reading = NULL;
    req->entries = &given.entries[req->first];
    req->count = given.read_err != ERR_OK ? 0 : left < AT_ONCE ? (uint32_t)left : AT_ONCE;
    req->cb(req, given.read_err);
}

static bool keeps(void)
{
    catalog_look_behind(&catalog);
    while (given.reading != NULL)
        answer();
    return behind_keeps_retention(&catalog);
}

static void nothing_behind_it_changes_nothing(void **state)
{
    assert_true(tail_extends(&catalog, catalog.model));
    assert_true(keeps());
    assert_int_equal(given.reads, 0);
}

static void barriers_of_leaders_that_came_to_nothing_change_nothing(void **state)
{
    barrier(3);
    assert_false(behind_keeps_retention(&catalog)); /* it was not read yet */
    assert_true(keeps());
    barrier(5);
    assert_false(behind_keeps_retention(&catalog));
    barrier(7);
    assert_true(keeps());
}

static void it_is_read_once(void **state)
{
    barrier(3);
    barrier(5);
    barrier(7);
    assert_true(keeps());
    assert_int_equal(given.reads, 2);
    assert_true(keeps());
    assert_int_equal(given.reads, 2);
    catalog.model->index++; /* one of them was agreed on */
    catalog.model->term = 3;
    given.state.applied = catalog.model->index;
    given.state.applied_term = 3;
    assert_true(keeps());
    assert_int_equal(given.reads, 2);
    given.state.last_term = 9; /* another leader took them away, and has its own */
    assert_false(behind_keeps_retention(&catalog));
}

static void so_do_changes_of_other_things(void **state)
{
    change(create_change("brook", 2, 5));
    change(change_delete_stream(stamp, given.stream->id));
    change(kept_for(given.stream->id, 24));
    assert_true(keeps());
}

static void a_longer_retention_is_a_change(void **state)
{
    barrier(3);
    change(kept_for(given.stream->id, 48));
    barrier(5);
    assert_false(keeps());
    assert_int_equal(given.reads, 1);
    assert_false(keeps()); /* and that is known now */
    assert_int_equal(given.reads, 1);
}

/* The model has it from another member. */
static void once_the_model_has_it_what_follows_counts(void **state)
{
    struct change_settings wanted = change_settings_of(given.stream);

    wanted.retention_hours = 48;
    change(kept_for(given.stream->id, 48));
    barrier(2);
    assert_false(keeps());
    assert_int_equal(apply(catalog.model, change_set_stream(stamp, &wanted)), ERR_OK);
    assert_true(keeps());
}

/* The next one may be no more than what there was. */
static void so_is_a_shorter_one(void **state)
{
    change(kept_for(given.stream->id, 12));
    change(kept_for(given.stream->id, 24));
    assert_false(keeps());
}

static void so_is_that_of_a_stream_that_the_model_does_not_know_yet(void **state)
{
    change(kept_for(catalog.model->next_stream, 24));
    assert_false(keeps());
}

static void of_a_stream_that_is_gone_it_is_none(void **state)
{
    uint64_t gone = given.stream->id;
    struct buf *set = kept_for(gone, 48);

    assert_int_equal(apply(catalog.model, change_delete_stream(stamp, gone)), ERR_OK);
    assert_int_equal(apply(catalog.model, change_forget_stream(stamp, gone)), ERR_OK);
    assert_null(model_stream_by_id(catalog.model, gone));
    given.state.last = given.state.applied = catalog.model->index;
    change(set);
    assert_true(keeps());
}

static void what_is_not_understood_may_be_one(void **state)
{
    struct buf *bytes = buf_new(1);

    bytes->data[0] = 0xff;
    change(bytes);
    assert_false(keeps());
}

static void nor_is_what_has_a_field_that_this_build_does_not_know(void **state)
{
    static const unsigned char field[] = { 0xf8, 0xff, 0x03, 1 }; /* number 8191 */
    AUTO_UNREF struct buf *known = kept_for(given.stream->id, given.stream->retention_hours);
    struct buf *bytes = buf_new(known->len + sizeof(field));

    memcpy(bytes->data, known->data, known->len);
    memcpy(bytes->data + known->len, field, sizeof(field));
    change(bytes);
    assert_false(keeps());
}

static void nor_is_a_kind_of_change_that_it_does_not_know(void **state)
{
    change(buf_new(0));
    assert_false(keeps());
}

/* Another leader cut it, and wrote as much again: what came before was read of the one before. */
static void what_changes_while_it_is_read_is_read_again(void **state)
{
    barrier(3);
    barrier(3);
    barrier(3);
    catalog_look_behind(&catalog);
    answer();
    assert_non_null(given.reading);
    given.state.last_term = 9;
    answer();
    assert_null(given.reading);
    given.state.last_term = 3;
    assert_false(behind_keeps_retention(&catalog));
    assert_true(keeps());
}

/* Two epochs may use one index and term. */
static void what_was_read_of_an_epoch_says_nothing_of_the_next(void **state)
{
    barrier(3);
    assert_true(keeps());
    given.state.epoch++;
    assert_false(behind_keeps_retention(&catalog));
    assert_true(keeps());
}

static void nor_is_it_known_what_follows_on_the_end_of_an_epoch(void **state)
{
    append_of(ENTRY_SEAL, 2, buf_new(1));
    assert_false(keeps());
}

static void what_cannot_be_read_is_read_again(void **state)
{
    barrier(3);
    given.read_err = ERR_IO;
    assert_false(keeps());
    given.read_err = ERR_OK;
    assert_true(keeps());
}

static void who_closes_reads_on_no_more(void **state)
{
    barrier(3);
    barrier(5);
    barrier(7);
    catalog_look_behind(&catalog);
    catalog_look_behind(&catalog); /* one at a time */
    catalog.closing = true;
    answer();
    assert_null(given.reading);
    assert_int_equal(given.ended, 1);
    assert_false(keeps());
    assert_int_equal(given.reads, 1);
}

/* It is filed, and the log forgot where it is. */
static void the_last_applied_entry_need_not_be_in_memory(void **state)
{
    change(kept_for(given.stream->id, 48));
    given.in_memory = given.state.last;
    assert_true(tail_extends(&catalog, catalog.model));
    given.state.applied--; /* of the one before the model's last nothing else is known */
    assert_false(tail_extends(&catalog, catalog.model));
}

/* As while a node starts, whose image is older than what its log knows to be applied. */
static void where_the_model_ends_in_a_log_that_has_more_it_must_be_known(void **state)
{
    barrier(3);
    barrier(3);
    given.state.applied = given.in_memory = given.state.last;
    assert_false(tail_extends(&catalog, catalog.model));
    assert_false(tail_differs(&catalog, catalog.model));
    assert_false(keeps());
    assert_int_equal(given.reads, 0);
}

/* What was agreed on came from another member; here is what that took the place of. */
static void what_goes_another_way_than_the_model_is_not_behind_it(void **state)
{
    change(kept_for(given.stream->id, 48));
    change(kept_for(given.stream->id, 48));
    catalog.model->index++;
    catalog.model->term = 3;
    assert_false(tail_extends(&catalog, catalog.model));
    assert_true(tail_differs(&catalog, catalog.model));
    assert_true(keeps());
    assert_int_equal(given.reads, 0);
}

/* Likewise, and there was no room for it. */
static void nor_is_what_the_model_is_ahead_of(void **state)
{
    catalog.model->index += 3;
    assert_false(tail_extends(&catalog, catalog.model));
    assert_false(tail_differs(&catalog, catalog.model));
    assert_true(keeps());
}

static void without_a_log_there_is_none(void **state)
{
    given.state.member_count = 0;
    assert_false(tail_extends(&catalog, catalog.model));
    assert_false(keeps());
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(nothing_behind_it_changes_nothing),
        TEST(barriers_of_leaders_that_came_to_nothing_change_nothing),
        TEST(it_is_read_once),
        TEST(so_do_changes_of_other_things),
        TEST(a_longer_retention_is_a_change),
        TEST(once_the_model_has_it_what_follows_counts),
        TEST(so_is_a_shorter_one),
        TEST(so_is_that_of_a_stream_that_the_model_does_not_know_yet),
        TEST(of_a_stream_that_is_gone_it_is_none),
        TEST(what_is_not_understood_may_be_one),
        TEST(nor_is_what_has_a_field_that_this_build_does_not_know),
        TEST(nor_is_a_kind_of_change_that_it_does_not_know),
        TEST(what_changes_while_it_is_read_is_read_again),
        TEST(what_was_read_of_an_epoch_says_nothing_of_the_next),
        TEST(nor_is_it_known_what_follows_on_the_end_of_an_epoch),
        TEST(what_cannot_be_read_is_read_again),
        TEST(who_closes_reads_on_no_more),
        TEST(the_last_applied_entry_need_not_be_in_memory),
        TEST(where_the_model_ends_in_a_log_that_has_more_it_must_be_known),
        TEST(what_goes_another_way_than_the_model_is_not_behind_it),
        TEST(nor_is_what_the_model_is_ahead_of),
        TEST(without_a_log_there_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
