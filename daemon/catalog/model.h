/* model.h - what the catalogue knows: streams, shards, nodes, in memory.
 *
 * The catalogue is a Raft group like a shard; its log holds changes
 * (proto/catalog.proto), and applying them in order gives this model, the same
 * on every node.  Readers look at it directly; nobody but apply.c changes it.
 * Pointers into it are valid until the next change: keep ids, not pointers.
 *
 * Loop thread only.
 */
#ifndef CATALOG_MODEL_H
#define CATALOG_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"
#include "base/slice.h"
#include "base/u128.h"
#include "catalog/limit.h"

#define CATALOG_GROUP UINT64_C(1)        /* the catalogue's own group id; shards start at 2 */
#define MODEL_NAME_MAX 128u              /* characters of a stream, node or AZ name */
#define MODEL_ADDRESS_MAX 256u
#define MODEL_LEFT_MAX 4u /* one that drains, and disks that are lost before it moved */
#define MODEL_SECRET_BYTES 32u
#define SHARD_PARENTS_MAX 2u

enum stream_status { STREAM_CREATING = 1, STREAM_ACTIVE, STREAM_UPDATING, STREAM_DELETING };
enum shard_state {
    SHARD_OPEN,    /* holds its hash keys, alone */
    SHARD_OPENING, /* takes them over from its parents once those have ended */
    SHARD_CLOSED   /* readable until retention ends */
};
enum stream_mode { STREAM_PROVISIONED = 1, STREAM_ON_DEMAND };

struct model_node {
    uint64_t id;
    char name[MODEL_NAME_MAX + 1];
    char az[MODEL_NAME_MAX + 1];
    char client_address[MODEL_ADDRESS_MAX];
    char peer_address[MODEL_ADDRESS_MAX];
    char operations_address[MODEL_ADDRESS_MAX];
    bool replaced; /* its disk was lost, and the node came back under another id */
    bool draining; /* an operator wants its replicas elsewhere: it gets no new ones */
    uint32_t knows; /* up to this cluster version; 0 while that is below VERSION_NODE_KNOWS */
};

/* The catalogue's own group, since the entry that ended the epoch before (replica/seal.h). */
struct model_epoch {
    uint32_t epoch;       /* 0: as it was founded, which the model does not know */
    uint64_t index, term; /* of that entry */
    uint64_t members[GROUP_MEMBERS_MAX];
    uint32_t member_count;
};

/* A forced succession (docs/flows/rescue.md): the epoch begins behind this entry of the
 * survivor. */
struct model_rescue {
    uint32_t epoch;
    uint32_t held; /* of the survivor's copy then; 0: not said */
    uint64_t survivor, index, term;
};

struct model_rescued {
    struct model_rescue rescues[RESCUES_MAX]; /* the oldest first */
    uint32_t count;                           /* 1 or more */
    uint64_t aside[NODE_ROWS_MAX]; /* their copies are of another history: they get no new one */
    uint32_t aside_count;
    uint32_t replicas; /* it had before the last one: it grows up to so many */
};

/* Epoch and members are what is wanted: the group is there once its leader has ended the epoch
 * before. */
struct model_shard {
    uint64_t group;
    uint32_t number;
    uint32_t epoch;
    struct u128 hash_first, hash_last; /* inclusive */
    uint64_t created_s;
    uint64_t members[GROUP_MEMBERS_MAX]; /* the first one is preferred as leader */
    uint32_t member_count;
    enum shard_state state;
    uint32_t parents[SHARD_PARENTS_MAX]; /* numbers, by hash keys; they may be gone by now */
    uint32_t parent_count;
    uint64_t opened_ms;            /* when its parents closed; 0: with the stream */
    uint64_t closed_ms, end;       /* SHARD_CLOSED: `end` is the place behind the last record */
    uint32_t whole_in; /* see model_shard_whole() */
    uint32_t rests_in; /* see model_shard_rests() */
    struct model_rescued *rescued; /* NULL: it never was */
    /* Who had a place and lost it, the newest of them, as far as this process has seen it: when
     * there are none it has seen no change.  No part of the image. */
    uint32_t left_count;
    uint64_t left[MODEL_LEFT_MAX];
};

/* A rescue of the catalogue itself: it went on from the copy of one node, behind that one's last
 * entry.  Indices, terms, epochs and ids jump, so that none is given again (catalog/resume.h). */
struct model_resume {
    uint64_t token; /* two rescues that were made apart have different ones */
    uint64_t survivor, index, term;
    uint32_t epoch;                  /* the first one behind it */
    uint64_t group_first, group_end; /* ids that the lost members may have given to groups */
};

struct model_tag {
    char *key, *value;
};

/* The shard level metrics that can be on, a bit of model_settings.monitoring each. */
enum stream_metric {
    METRIC_IN_BYTES,
    METRIC_IN_RECORDS,
    METRIC_OUT_BYTES,
    METRIC_OUT_RECORDS,
    METRIC_PUTS_REFUSED,
    METRIC_READS_REFUSED,
    METRIC_ITERATOR_AGE,
    METRIC_COUNT
};

/* When something was done of late, the oldest first: it may be done so often in 24 hours. */
struct model_times {
    uint64_t ms[ENCRYPTIONS_MAX];
    uint32_t count;
};

/* The account's commitment to a least throughput, as its settings have it. */
struct model_commitment {
    uint64_t revision;   /* one more with each change */
    uint64_t started_ms; /* 0: never */
    uint64_t ended_ms;   /* it ends or ended then; 0: nobody asked for that */
};

/* What can be set of a stream and few streams have. */
struct model_settings {
    uint64_t revision; /* one more with each change */
    uint32_t monitoring;
    char *key_id; /* NULL: not encrypted */
    uint32_t warm_mibps;
    bool spreads; /* records go to any shard, whatever their keys are */
    char *policy; /* NULL: none */
    struct model_times switched, encrypted, decrypted; /* its mode; it */
    struct model_times resharded; /* by UpdateShardCount */
    uint32_t limits[LIMIT_STREAM_COUNT]; /* 0: the cluster's */
};

/* A registered reader with a bandwidth of its own (docs/flows/fan-out.md). */
struct model_consumer {
    uint64_t id; /* never given again */
    char name[MODEL_NAME_MAX + 1];
    uint64_t created_ms; /* its second is in the ARN: no two of a name have one in common */
    uint64_t token;
    uint64_t revision; /* one more each time that something of these is set: */
    struct model_tag *tags;
    uint32_t tag_count;
    char *policy; /* NULL: none */
};

struct model_stream {
    uint64_t id;
    char name[MODEL_NAME_MAX + 1];
    enum stream_status status;
    enum stream_mode mode;
    uint64_t created_ms;
    uint32_t retention_hours;
    uint32_t record_kib_max;
    struct model_shard *shards; /* ascending by number */
    uint32_t shard_count;
    uint32_t next_number;
    uint32_t *open;  /* places in `shards` of those that are open, by hash keys (keymap.h) */
    uint32_t open_count;
    uint32_t target; /* open shards that it is on its way to; 0: as many as it has */
    uint64_t token; /* of the request that created it; 0 = none */
    struct model_tag *tags;
    uint32_t tag_count;
    struct model_settings *settings; /* NULL: nothing was ever set; see model_settings() */
    struct model_consumer *consumers; /* by name; at most STREAM_CONSUMERS_MAX */
    uint32_t consumer_count, consumer_room;
    uint64_t consumer_floor_s; /* those to come are created behind it */
};

/* How many of them were in the 24 hours before. */
uint32_t model_times_since(const struct model_times *times, uint64_t now_ms);

/* How many of a stream's limits are up to the last that is its own. */
uint32_t model_limits_count(const struct model_settings *settings);

/* One more; those that are older go. */
void model_times_note(struct model_times *times, uint64_t now_ms);

struct model; /* members behind functions: lists are sorted, lookups are binary searches */

bool model_founded(const struct model *model);
uint64_t model_index(const struct model *model); /* last applied change */
uint64_t model_cluster(const struct model *model);
const unsigned char *model_secret(const struct model *model); /* MODEL_SECRET_BYTES; never logged */
uint32_t model_replication(const struct model *model);
uint32_t model_version(const struct model *model); /* the cluster's (version.h); 0: not founded */
const char *model_region(const struct model *model);
const char *model_account(const struct model *model);
const struct model_commitment *model_commitment(const struct model *model);
/* Since when leaders and replicas are not to be balanced, by the clock of whoever asked for it; 0:
 * they are. */
uint64_t model_balancing_paused_ms(const struct model *model);
uint64_t model_next_group(const struct model *model); /* ids below were given out */

const struct model_epoch *model_catalog(const struct model *model);
bool model_catalog_has(const struct model *model, uint64_t node); /* false as long as it is 0 */

uint32_t model_resume_count(const struct model *model); /* rescues of the catalogue */
const struct model_resume *model_resume_at(const struct model *model, uint32_t at);
uint64_t model_token(const struct model *model); /* of the last one; 0: there was none */
uint32_t model_voters(const struct model *model); /* members of its group before it; 0: likewise */
/* A rescue raises the index to the next multiple: one history has the quotient in common. */
#define MODEL_RESCUE_INDEX (UINT64_C(1) << 32)
/* Whether a group of this id may have been made by members of the catalogue that are lost: nobody
 * knows of what stream it is, nor that it was deleted. */
bool model_group_lost(const struct model *model, uint64_t group);

/* Of a stream: those of a new one when it has none of its own. */
const struct model_settings *model_settings(const struct model_stream *stream);

const struct model_stream *model_stream_by_name(const struct model *model, struct slice name);
const struct model_stream *model_stream_by_id(const struct model *model, uint64_t id);
/* Sorted by name; `at` < model_stream_count(). */
uint32_t model_stream_count(const struct model *model);
const struct model_stream *model_stream_at(const struct model *model, uint32_t at);
/* The first place in that order whose name is > `name`. */
uint32_t model_stream_after(const struct model *model, struct slice name);

/* NULL: the stream has none of that name, of that id. */
const struct model_consumer *model_consumer_by_name(const struct model_stream *stream,
                                                    struct slice name);
const struct model_consumer *model_consumer_by_id(const struct model_stream *stream, uint64_t id);

/* The shards of all streams in ascending order of groups; start with after = 0; NULL at the end. */
const struct model_shard *model_shard_next(const struct model *model, uint64_t after,
                                           const struct model_stream **stream);
/* NULL when no stream has this group. */
const struct model_shard *model_shard_by_group(const struct model *model, uint64_t group,
                                               const struct model_stream **stream);
const struct model_shard *model_shard_by_number(const struct model_stream *stream,
                                                uint32_t number);
/* The open shard whose range holds the key; every key has one at any moment. */
const struct model_shard *model_shard_by_hash(const struct model_stream *stream, struct u128 key);
bool model_shard_has(const struct model_shard *shard, uint64_t node); /* among its members */
/* Whether all members of the row's epoch have said that they have all of it, durably: what other
 * nodes have of it is of no use any more.  Another epoch ends it. */
bool model_shard_whole(const struct model_shard *shard);
/* Whether its group rests: it is closed, and all members of the row's epoch have said that they
 * have it up to its END, durably.  They run no Raft, and any of them answers readers.  Another
 * epoch, and so any change of its members, wakes them. */
bool model_shard_rests(const struct model_shard *shard);
/* From then on nobody can read anything of a shard that is closed. */
uint64_t model_shard_gone_ms(const struct model_stream *stream, const struct model_shard *shard);
/* Whether the shard's copy on this node is of a history that a rescue has ended. */
bool model_shard_aside(const struct model_shard *shard, uint64_t node);
/* Rescues raise the epoch by this: epochs of one history have the quotient in common. */
#define MODEL_RESCUE_EPOCHS (UINT32_C(1) << 20)
uint32_t model_rescued_count(const struct model *model); /* shards that ever were */
/* Where a shard's epoch goes by a rescue of the shard. */
uint32_t model_rescue_epoch(const struct model *model, uint32_t epoch);
bool model_same_history(uint32_t epoch, uint32_t other);
/* How many of the first `count` rescues lie before a copy of the epoch `held`: the last one of them
 * is the one that began its history.  Those behind it were never begun by that copy, and have no
 * part in its numbers.  0 for `held`: all. */
uint32_t model_rescues_before(const struct model_rescued *rescued, uint32_t count, uint32_t held);
uint32_t model_shard_total(const struct model *model); /* over all streams */

/* Those of them that take records: what AWS counts. */
uint32_t model_open_total(const struct model *model);

/* A replaced node stays as long as a shard or the catalogue's own group names it.  The model does
 * not know who founded the latter: so its row goes when the catalogue's leader says so
 * (ForgetNode).  Who
 * counts the nodes of a cluster passes it over; who wants a name for an id does not. */
const struct model_node *model_node_by_id(const struct model *model, uint64_t id);
uint32_t model_node_count(const struct model *model);
uint32_t model_node_unreplaced(const struct model *model); /* of them: at most NODES_MAX */
const struct model_node *model_node_at(const struct model *model, uint32_t at); /* by name, id */

#endif
