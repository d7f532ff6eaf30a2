/* given.h - models for the catalogue's tests: a founded cluster of three nodes in three AZs. */
#ifndef TEST_CATALOG_GIVEN_H
#define TEST_CATALOG_GIVEN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "catalog/apply.h"
#include "catalog/change.h"
#include "catalog/version.h"

#define NOW_MS UINT64_C(1700000000000)

static const struct change_stamp stamp = { .proposed_ms = NOW_MS, .proposer = 1 };

/* Applies a change, which this takes, as the next entry of term 2. */
static inline enum err apply(struct model *model, struct buf *change)
{
    struct reason reason = { .text = "" };
    enum err err = ERR_OK;

    assert_non_null(change);
    err = apply_change(model, model->index + 1, 2, buf_slice(change), &reason);
    assert_true((err == ERR_OK) == (reason.text[0] == 0));
    buf_unref(change);
    return err;
}

/* As the leader does it: placed first. */
static inline enum err apply_placed(struct model *model, struct buf *change)
{
    struct reason reason = { .text = "" };
    struct buf *placed = NULL;
    enum err err = change_place(buf_slice(change), model, NULL, NULL, &placed, &reason);

    buf_unref(change);
    return err == ERR_OK ? apply(model, placed) : err;
}

static inline struct buf *found_change(uint64_t cluster)
{
    struct change_found found = { .cluster = cluster,
                                  .secret = "0123456789abcdef0123456789abcde",
                                  .replication = 3,
                                  .version = VERSION_FIRST,
                                  .region = "eu-central-1",
                                  .account = "000000000000" };

    return change_found(stamp, &found);
}

static inline struct model_node node_row(uint64_t id, const char *az)
{
    struct model_node node = { .id = id };

    snprintf(node.name, sizeof(node.name), "node-%d", (int)id);
    snprintf(node.az, sizeof(node.az), "%s", az);
    snprintf(node.peer_address, sizeof(node.peer_address), "127.0.0.1:%d", 4568 + (int)id);
    return node;
}

static inline enum err add_node(struct model *model, uint64_t id, const char *az)
{
    struct model_node node = node_row(id, az);

    return apply(model, change_set_node(stamp, &node));
}

/* The node that lost its disk comes back: another id, the same name. */
static inline enum err come_back(struct model *model, uint64_t lost, uint64_t id)
{
    struct model_node node = node_row(lost, "a");

    node.id = id;
    return apply(model, change_set_node(stamp, &node));
}

static inline struct model *given_cluster(void)
{
    struct model *model = model_new();

    assert_int_equal(apply(model, found_change(77)), ERR_OK);
    assert_int_equal(add_node(model, 1, "a"), ERR_OK);
    assert_int_equal(add_node(model, 2, "b"), ERR_OK);
    assert_int_equal(add_node(model, 3, "c"), ERR_OK);
    return model;
}

static inline struct buf *create_change(const char *name, uint32_t shards, uint64_t token)
{
    struct change_stream wanted = { .name = slice_text(name),
                                    .mode = STREAM_PROVISIONED,
                                    .shard_count = shards,
                                    .retention_hours = 24,
                                    .record_kib_max = 1024 };
    struct change_stamp stamped = stamp;

    stamped.token = token;
    return change_create_stream(stamped, &wanted);
}

static inline const struct model_stream *given_stream(struct model *model, const char *name,
                                                      uint32_t shards)
{
    assert_int_equal(apply_placed(model, create_change(name, shards, 0)), ERR_OK);
    return model_stream_by_name(model, slice_text(name));
}

static inline const struct model_stream *given_active(struct model *model, const char *name,
                                                      uint32_t shards)
{
    const struct model_stream *stream = given_stream(model, name, shards);

    assert_int_equal(apply(model, change_activate_stream(stamp, stream->id)), ERR_OK);
    return stream;
}

#endif
