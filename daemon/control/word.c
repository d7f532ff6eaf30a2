#include "control/word.h"

#include <string.h>

#include "catalog/version.h"
#include "peer.pb-c.h"

static struct buf *pack(const ProtobufCMessage *message);
static bool text_read(char *ret, size_t room, const char *text);
static struct identity_cluster cluster_read(uint64_t id, size_t count, const uint64_t members[]);
static uint64_t *list_of(const uint64_t list[]);

static struct buf *pack(const ProtobufCMessage *message)
{
    struct buf *buf = buf_new(protobuf_c_message_get_packed_size(message));

    if (buf != NULL)
        protobuf_c_message_pack(message, buf->data);
    return buf;
}

/* ---- hello ---- */

struct buf *word_hello_pack(const struct word_hello *hello)
{
    struct word_hello copy = *hello;
    Braid__Peer__Hello row;

    braid__peer__hello__init(&row);
    row.cluster = copy.cluster.id;
    row.name = copy.name;
    row.az = copy.az;
    row.client_address = copy.client_address;
    row.peer_address = copy.peer_address;
    row.operations_address = copy.operations_address;
    row.catalog_epoch = copy.cluster.id != 0;
    row.catalog_members = copy.cluster.members;
    row.n_catalog_members = copy.cluster.member_count;
    row.seed = copy.seed;
    return pack(&row.base);
}

enum err word_hello_read(struct slice bytes, struct word_hello *ret)
{
    Braid__Peer__Hello *row = braid__peer__hello__unpack(NULL, bytes.len, bytes.data);
    struct word_hello hello;

    if (row == NULL)
        return ERR_INVALID;
    hello.cluster = cluster_read(row->cluster, row->n_catalog_members, row->catalog_members);
    hello.seed = row->seed;
    bool fits = text_read(hello.name, sizeof(hello.name), row->name) &&
                text_read(hello.az, sizeof(hello.az), row->az) &&
                text_read(hello.client_address, sizeof(hello.client_address),
                          row->client_address) &&
                text_read(hello.peer_address, sizeof(hello.peer_address), row->peer_address) &&
                text_read(hello.operations_address, sizeof(hello.operations_address),
                          row->operations_address);
    braid__peer__hello__free_unpacked(row, NULL);
    if (!fits)
        return ERR_INVALID;
    *ret = hello;
    return ERR_OK;
}

static bool text_read(char *ret, size_t room, const char *text)
{
    size_t len = strlen(text);

    if (len >= room)
        return false;
    memcpy(ret, text, len + 1);
    return true;
}

static struct identity_cluster cluster_read(uint64_t id, size_t count, const uint64_t members[])
{
    struct identity_cluster cluster = { .id = id, .member_count = (uint32_t)count };

    if (count <= GROUP_MEMBERS_MAX) {
        for (size_t i = 0; i < count; i++)
            cluster.members[i] = members[i];
        if (identity_cluster_valid(&cluster))
            return cluster;
    }
    return (struct identity_cluster){ .id = 0 };
}

/* ---- foundation ---- */

struct buf *word_foundation_pack(const struct word_foundation *foundation)
{
    struct word_foundation copy = *foundation;
    Braid__Peer__Foundation row;

    braid__peer__foundation__init(&row);
    row.cluster = copy.cluster.id;
    row.catalog_members = copy.cluster.members;
    row.n_catalog_members = copy.cluster.member_count;
    row.peer_address = copy.peer_address;
    return pack(&row.base);
}

enum err word_foundation_read(struct slice bytes, struct word_foundation *ret)
{
    Braid__Peer__Foundation *row = braid__peer__foundation__unpack(NULL, bytes.len, bytes.data);
    struct word_foundation foundation;

    if (row == NULL)
        return ERR_INVALID;
    foundation.cluster = cluster_read(row->cluster, row->n_catalog_members, row->catalog_members);
    bool fits = text_read(foundation.peer_address, sizeof(foundation.peer_address),
                          row->peer_address);
    braid__peer__foundation__free_unpacked(row, NULL);
    if (!fits || foundation.cluster.id == 0)
        return ERR_INVALID;
    *ret = foundation;
    return ERR_OK;
}

/* ---- leading ---- */

/* protobuf-c has no const in its structs and never writes to what it packs. */
static uint64_t *list_of(const uint64_t list[])
{
    union {
        const uint64_t *in;
        uint64_t *out;
    } same = { .in = list };

    return same.out;
}

struct buf *word_leading_pack(const struct liveness_word *word,
                              const struct identity_cluster *cluster)
{
    struct identity_cluster copy = *cluster;
    Braid__Peer__Leading row;

    braid__peer__leading__init(&row);
    row.wall_ms = word->wall_ms;
    row.boot = word->boot;
    row.groups = list_of(word->groups);
    row.terms = list_of(word->terms);
    row.n_groups = row.n_terms = word->group_count;
    row.whole = list_of(word->whole);
    row.n_whole = word->whole != NULL ? word->group_count : 0;
    row.catalog_index = word->catalog_index;
    row.catalog_saved = word->catalog_saved;
    row.stopping = word->stopping;
    row.leaving = word->leaving;
    row.open = list_of(word->open);
    row.n_open = word->open_count;
    row.moving = list_of(word->moving);
    row.n_moving = word->moving_count;
    row.ended = list_of(word->ended);
    row.n_ended = word->ended_count;
    row.hot = list_of(word->hot);
    row.n_hot = word->hot_count;
    row.quiet = list_of(word->quiet);
    row.n_quiet = word->quiet_count;
    row.full = word->full;
    row.ails = word->ails;
    row.write_us = word->write_us;
    row.knows = word->knows;
    row.catalog_token = word->catalog_token;
    row.cluster = copy.id;
    row.catalog_members = copy.members;
    row.n_catalog_members = copy.member_count;
    return pack(&row.base);
}

enum err word_leading_read(struct slice bytes, struct word_leading *ret)
{
    Braid__Peer__Leading *row = braid__peer__leading__unpack(NULL, bytes.len, bytes.data);

    if (row == NULL)
        return ERR_INVALID;
    if (row->n_groups != row->n_terms || (row->n_whole != 0 && row->n_whole != row->n_groups)) {
        braid__peer__leading__free_unpacked(row, NULL);
        return ERR_INVALID;
    }
    *ret = (struct word_leading){
        .word = { .wall_ms = row->wall_ms,
                  .boot = row->boot,
                  .catalog_index = row->catalog_index,
                  .catalog_saved = row->catalog_saved,
                  .stopping = row->stopping,
                  .leaving = row->leaving,
                  .groups = row->groups,
                  .terms = row->terms,
                  .whole = row->n_whole != 0 ? row->whole : NULL,
                  .group_count = row->n_groups,
                  .open = row->open,
                  .open_count = row->n_open,
                  .moving = row->moving,
                  .moving_count = row->n_moving,
                  .ended = row->ended,
                  .ended_count = row->n_ended,
                  .hot = row->hot,
                  .hot_count = row->n_hot,
                  .quiet = row->quiet,
                  .quiet_count = row->n_quiet,
                  .full = row->full,
                  .ails = row->ails,
                  .write_us = row->write_us,
                  .knows = row->knows == 0 ? VERSION_FIRST : row->knows,
                  .catalog_token = row->catalog_token },
        .cluster = cluster_read(row->cluster, row->n_catalog_members, row->catalog_members),
        .message = row,
    };
    return ERR_OK;
}

void word_leading_fini(struct word_leading *leading)
{
    braid__peer__leading__free_unpacked(leading->message, NULL);
    *leading = (struct word_leading){ .message = NULL };
}
