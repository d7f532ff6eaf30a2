#include "given.h"

#include "base/limits.h"
#include "catalog/model_image.h"

static struct buf *raise_change(uint32_t version, const uint64_t nodes[], const uint32_t knows[],
                                uint32_t count)
{
    struct change_raise raise = {
        .version = version, .nodes = nodes, .knows = knows, .node_count = count
    };

    return change_raise_version(stamp, &raise);
}

static const uint64_t all[] = { 1, 2, 3 };
static const uint32_t new_ones[] = { 2, 2, 2 };

static struct model *given_raised(void)
{
    struct model *model = given_cluster();

    assert_int_equal(apply(model, raise_change(2, all, new_ones, 3)), ERR_OK);
    return model;
}

/* As the leader judges it. */
static enum err offer(const struct model *model, struct buf *change, struct reason *reason)
{
    struct buf *placed = NULL;
    enum err err = change_place(buf_slice(change), model, NULL, NULL, &placed, reason);

    buf_unref(change);
    buf_unref(placed);
    return err;
}

static void what_needs_a_later_version_is_not_proposed(void **state)
{
    struct model *model = given_cluster();
    struct model_node node = node_row(3, "c");
    struct reason reason = { .text = "" };

    assert_int_equal(offer(model, change_set_node(stamp, &node), &reason), ERR_OK);
    node.knows = 2;
    assert_int_equal(offer(model, change_set_node(stamp, &node), &reason), ERR_VERSION);
    assert_non_null(strstr(reason.text, "needs cluster version 2, and the cluster is at 1"));
    model_free(model);

    model = given_raised();
    assert_int_equal(offer(model, change_set_node(stamp, &node), &reason), ERR_OK);
    model_free(model);
}

static void whose_place_it_takes_a_node_says_from_its_version_on(void **state)
{
    struct model *model = given_raised();
    struct model_node node = node_row(4, "a");
    struct reason reason = { .text = "" };

    node.knows = VERSION_KNOWN;
    assert_int_equal(offer(model, change_replace_node(stamp, &node, 0), &reason), ERR_VERSION);
    model->cluster_version = VERSION_REPLACES;
    assert_int_equal(offer(model, change_replace_node(stamp, &node, 0), &reason), ERR_OK);
    model_free(model);
}

static void what_a_node_knows_is_not_in_its_row_before_its_version(void **state)
{
    struct model *model = given_cluster();
    struct model_node node = node_row(3, "c");

    node.knows = 2;
    assert_int_equal(apply(model, change_set_node(stamp, &node)), ERR_OK);
    assert_int_equal(model_node_by_id(model, 3)->knows, 0);
    model_free(model);
}

static void raising_says_in_each_row_what_the_node_knows(void **state)
{
    struct model *model = given_raised();
    struct model *copy = NULL;
    struct reason reason = { .text = "" };
    struct buf *image = model_image_pack(model);

    assert_int_equal(model_version(model), 2);
    assert_int_equal(model_image_unpack(buf_slice(image), &copy, &reason), ERR_OK);
    assert_int_equal(model_version(copy), 2);
    for (uint64_t id = 1; id <= 3; id++)
        assert_int_equal(model_node_by_id(copy, id)->knows, 2);
    buf_unref(image);
    model_free(copy);
    model_free(model);
}

static void raising_passes_over_nobody(void **state)
{
    struct model *model = given_cluster();
    const uint32_t old_one[] = { 2, 1, 2 };

    assert_int_equal(apply(model, raise_change(2, all, new_ones, 2)), ERR_BUSY);
    assert_int_equal(apply(model, raise_change(2, all, old_one, 3)), ERR_BUSY);
    assert_int_equal(model_version(model), 1);
    assert_int_equal(model_node_by_id(model, 1)->knows, 0);

    /* It must not come into the log either: an older node could not apply it. */
    struct reason reason = { .text = "" };
    assert_int_equal(offer(model, raise_change(2, all, old_one, 3), &reason), ERR_BUSY);
    assert_non_null(strstr(reason.text, "node-2 knows cluster versions up to 1, not 2"));

    assert_int_equal(come_back(model, 2, 20), ERR_OK);
    assert_int_equal(apply(model, raise_change(2, all, new_ones, 3)), ERR_BUSY);
    const uint64_t with_new[] = { 1, 3, 20 };
    assert_int_equal(apply(model, raise_change(2, with_new, new_ones, 3)), ERR_OK);
    assert_true(model_node_by_id(model, 2)->replaced); /* it need not know anything */
    model_free(model);
}

static void raising_twice_is_as_good_as_once(void **state)
{
    struct model *model = given_raised();

    assert_int_equal(apply(model, raise_change(2, all, new_ones, 0)), ERR_OK);
    assert_int_equal(apply(model, raise_change(1, all, new_ones, 3)), ERR_OK);
    assert_int_equal(model_version(model), 2);
    model_free(model);
}

static void who_knows_less_is_not_let_in(void **state)
{
    struct model *model = given_raised();
    struct model_node node = node_row(4, "a");

    assert_int_equal(apply(model, change_set_node(stamp, &node)), ERR_VERSION);
    assert_null(model_node_by_id(model, 4));
    node.knows = 2;
    assert_int_equal(apply(model, change_set_node(stamp, &node)), ERR_OK);
    assert_int_equal(add_node(model, 3, "z"), ERR_VERSION); /* it went back to the older build */
    assert_string_equal(model_node_by_id(model, 3)->az, "c");
    model_free(model);
}

static void an_older_build_ends_at_what_it_does_not_know(void **state)
{
    struct model *model = given_cluster();
    struct reason reason = { .text = "" };
    uint64_t index = model->index;

    model->knows = 1;
    assert_false(version_is_beyond(model, &reason));
    assert_int_equal(apply(model, raise_change(2, all, new_ones, 3)), ERR_VERSION);
    assert_int_equal(model->index, index); /* it has not what the others have there */
    assert_true(version_is_beyond(model, &reason));
    assert_non_null(strstr(reason.text, "start a newer braidd"));
    model_free(model);
}

static void this_build_ends_at_a_change_of_the_next_one(void **state)
{
    struct model *model = given_cluster();
    struct reason reason = { .text = "" };
    const unsigned char next[] = { 0x08, 0x01, 0xca, 0x3e, 0x00 }; /* field 1001, empty */
    uint64_t index = model->index;

    assert_int_equal(apply_change(model, index + 1, 2, slice_of(next, sizeof(next)), &reason),
                     ERR_VERSION);
    assert_int_equal(model->index, index);
    assert_true(version_is_beyond(model, &reason));
    assert_int_equal(offer(model, buf_copy(slice_of(next, sizeof(next))), &reason), ERR_VERSION);
    model_free(model);
}

/* In a message in the change, in one of a list, and in one of those. */
static void what_it_does_not_know_is_seen_anywhere(void **state)
{
    static const unsigned char in_node[] = { 0x5a, 0x05, 0x0a, 0x03, 0xc8, 0x3e, 0x01 };
    static const unsigned char in_list[] = { 0x82, 0x01, 0x09, 0x0a, 0x02, 0x10, 0x01,
                                             0x0a, 0x03, 0xc8, 0x3e, 0x01 };
    static const unsigned char in_shard[] = { 0x62, 0x07, 0x0a, 0x05, 0x3a,
                                              0x03, 0xc8, 0x3e, 0x01 };
    const struct slice changes[] = { slice_of(in_node, sizeof in_node),
                                     slice_of(in_list, sizeof in_list),
                                     slice_of(in_shard, sizeof in_shard) };

    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct model *model = given_cluster();
        struct reason reason = { .text = "" };
        uint64_t index = model->index;
        assert_int_equal(offer(model, buf_copy(changes[i]), &reason), ERR_VERSION);
        assert_int_equal(apply_change(model, index + 1, 2, changes[i], &reason), ERR_VERSION);
        assert_int_equal(model->index, index);
        model_free(model);
    }
}

static void a_model_of_a_later_version_is_beyond(void **state)
{
    struct model *model = given_raised();
    struct reason reason = { .text = "" };

    assert_false(version_is_beyond(model, &reason));
    model->knows = 1;
    assert_true(version_is_beyond(model, &reason));
    assert_non_null(strstr(reason.text, "the cluster is at version 2, and this braidd knows "
                                        "versions up to 1"));
    model_free(model);
}

/* Every bit turned over: refused, or a raise to something. */
static void damaged_raises_are_refused_or_harmless(void **state)
{
    struct buf *bytes = raise_change(2, all, new_ones, 3);

    for (size_t at = 0; at < bytes->len; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            struct model *model = given_cluster();
            struct reason reason = { .text = "" };
            struct buf *damaged = buf_copy(buf_slice(bytes));
            damaged->data[at] ^= (unsigned char)(1u << bit);
            enum err err = apply_change(model, model->index + 1, 2, buf_slice(damaged), &reason);
            assert_true((err == ERR_OK) == (reason.text[0] == 0));
            assert_int_equal(model_node_count(model), 3);
            buf_unref(damaged);
            model_free(model);
        }
    }
    buf_unref(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_needs_a_later_version_is_not_proposed),
        cmocka_unit_test(whose_place_it_takes_a_node_says_from_its_version_on),
        cmocka_unit_test(what_a_node_knows_is_not_in_its_row_before_its_version),
        cmocka_unit_test(raising_says_in_each_row_what_the_node_knows),
        cmocka_unit_test(raising_passes_over_nobody),
        cmocka_unit_test(raising_twice_is_as_good_as_once),
        cmocka_unit_test(who_knows_less_is_not_let_in),
        cmocka_unit_test(an_older_build_ends_at_what_it_does_not_know),
        cmocka_unit_test(this_build_ends_at_a_change_of_the_next_one),
        cmocka_unit_test(what_it_does_not_know_is_seen_anywhere),
        cmocka_unit_test(a_model_of_a_later_version_is_beyond),
        cmocka_unit_test(damaged_raises_are_refused_or_harmless),
    };

    return cmocka_run_group_tests_name("version", tests, NULL, NULL);
}
