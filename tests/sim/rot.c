#include "rot.h"

#include <string.h>

#include "base/ensure.h"
#include "cluster.h"
#include "control/control.h"
#include "disk_sim.h"
#include "log/frame.h"
#include "log/rows.h"
#include "log/segment.h"
#include "nemesis.h"
#include "table/keys.h"
#include "wipe.h"
#include "table_sim.h"

#define FLIPS_MAX 256u
#define FILES_MAX 256u
#define SHARERS_MAX 64u /* entries that one block hits */
#define TRIES 8u /* segments that are looked into for one flip */
#define WHOLE_MOST_NS (60 * SIM_S)
#define PASSES_MOST_NS (300 * SIM_S) /* three passes of the search take no longer */

/* One bit that was flipped. */
struct flip {
    uint32_t node;
    char file[DISK_NAME_MAX];
    uint64_t number, life; /* of the segment */
    uint64_t offset;       /* of the payload in it */
    uint64_t spoiled;      /* place of a block that cannot be read; 0 = a bit was flipped */
    bool gone;             /* with the whole disk */
    struct entry_head head;
};

struct rot {
    struct flip flips[FLIPS_MAX];
    uint32_t count, edges;
    uint32_t least; /* bytes of what may be hit now */
};

/* What a look at one node's files finds. */
struct looking {
    struct sim_node *node;
    char files[FILES_MAX][DISK_NAME_MAX]; /* segments that are in use */
    uint64_t numbers[FILES_MAX];
    uint32_t count;
    uint64_t newest;
};

static void next_flip(struct world *world);

static bool head_of(struct disk *disk, const char *name, struct segment_head *head)
{
    unsigned char bytes[SEGMENT_HEAD_BYTES];

    return disk_sim_peek(disk, name, 0, bytes, sizeof bytes) &&
           segment_head_read(bytes, head) == ERR_OK;
}

static void note_file(void *ctx, const char *name, uint64_t size)
{
    struct looking *looking = ctx;
    struct segment_head head;

    if (!head_of(looking->node->disk, name, &head))
        return;
    if (segment_is_aside(head.number))
        return; /* without frames, nobody but the tables knows what is in it */
    if (head.number > looking->newest)
        looking->newest = head.number;
    if (looking->count == FILES_MAX)
        return;
    strcpy(looking->files[looking->count], name);
    looking->numbers[looking->count++] = head.number;
}

struct place_found {
    uint64_t index, segment; /* 0: no row has it */
};

static bool take_span(void *ctx, struct slice key, struct slice value)
{
    struct place_found *found = ctx;
    struct index_span span;

    if (index_span_read(key, value, &span) == ERR_OK && span.last >= found->index)
        found->segment = span.segment;
    return false;
}

/* Whether the tables say that the entry lies in another segment: its own was emptied. */
static bool is_moved(struct sim_node *node, const struct flip *flip)
{
    struct place_found found = { .index = flip->head.index };
    struct key from = key_index(flip->head.group, 0);
    struct key to = key_index(flip->head.group, flip->head.index + 1);

    return table_sim_last(node->table, TABLE_INDEX, key_slice(&from), key_slice(&to), take_span,
                          &found) &&
           found.segment != 0 && found.segment != flip->number;
}

static bool is_hit(const struct rot *rot, const struct entry_head *head)
{
    for (uint32_t i = 0; i < rot->count; i++)
        if (!rot->flips[i].gone && rot->flips[i].head.group == head->group &&
            rot->flips[i].head.index == head->index)
            return true;
    return false;
}

static bool members_go(const struct cluster_options *options)
{
    return (options->faults & FAULT_WIPE) != 0 || options->drain;
}

/* Applied there, not trimmed, and whole everywhere; where members' copies are lost, also there. */
static bool may_hit(const struct sim_node *node, const struct rot *rot,
                    const struct entry_head *head)
{
    const struct log_state *state = log_state(control_log(node->control), head->group);

    return head->length >= rot->least && state != NULL && head->index >= state->first &&
           head->index <= state->applied && !is_hit(rot, head) &&
           (!members_go(&cluster_of(node->world)->options) ||
            wipe_all_have(node->world, head->group, head->index));
}

/* Walks over the entries of a segment and chooses one of those that may be hit, each as likely as
 * the others. */
static bool choose(struct world *world, const struct rot *rot, struct sim_node *node,
                   const char *name, struct flip *flip)
{
    struct segment_head segment;
    struct frame_head frame;
    struct frame_item item;
    uint64_t size = 0, seen = 0;
    const unsigned char *bytes = disk_sim_bytes(node->disk, name, &size);

    if (!head_of(node->disk, name, &segment))
        return false;
    for (uint64_t at = SEGMENT_HEAD_BYTES; at < size;) {
        struct slice rest = slice_of(bytes + at, size - at);
        if (frame_check(rest, &frame) != ERR_OK || frame.life != segment.life)
            break;
        struct reader items = items_of(rest, &frame);
        uint64_t offset = at + frame.head_bytes;
        while (item_next(&items, &item)) {
            if (item.type != ITEM_ENTRY)
                continue;
            if (may_hit(node, rot, &item.entry) && world_below(world, ++seen) == 0)
                *flip = (struct flip){
                    .node = node->at, .number = segment.number, .life = segment.life,
                    .offset = offset, .head = item.entry
                };
            offset += item.entry.length;
        }
        at += frame_bytes(frame.head_bytes, frame.payload_bytes);
    }
    strcpy(flip->file, name);
    return seen > 0;
}

/* Whether this is the last place where the log has the entry: an earlier one was cut off. */
static bool is_last_place(const struct looking *looking, const struct flip *flip)
{
    struct frame_head frame;
    struct frame_item item;
    bool behind = false; /* the flip's place */

    for (uint32_t i = 0; i < looking->count; i++) {
        struct segment_head segment;
        uint64_t size = 0;
        if (looking->numbers[i] < flip->number ||
            !head_of(looking->node->disk, looking->files[i], &segment))
            continue;
        const unsigned char *bytes = disk_sim_bytes(looking->node->disk, looking->files[i], &size);
        behind = looking->numbers[i] > flip->number;
        for (uint64_t at = SEGMENT_HEAD_BYTES; at < size;) {
            struct slice rest = slice_of(bytes + at, size - at);
            if (frame_check(rest, &frame) != ERR_OK || frame.life != segment.life)
                break;
            struct reader items = items_of(rest, &frame);
            uint64_t offset = at + frame.head_bytes;
            while (item_next(&items, &item)) {
                if (item.type != ITEM_ENTRY)
                    continue;
                if (item.entry.group == flip->head.group && item.entry.index == flip->head.index &&
                    (behind || offset > flip->offset))
                    return false;
                offset += item.entry.length;
            }
            at += frame_bytes(frame.head_bytes, frame.payload_bytes);
        }
    }
    return true;
}

static bool take_none(void *ctx, struct slice key, struct slice value)
{
    return false;
}

static bool is_filed(struct sim_node *node, uint64_t number)
{
    struct key key = key_segment(number), next = key_segment(number + 1);

    return table_sim_last(node->table, TABLE_SEGMENT, key_slice(&key), key_slice(&next), take_none,
                          NULL);
}

/* What hangs on one block of a segment. */
struct sharers {
    struct looking *looking;
    const struct flip *chosen;
    uint64_t at; /* of the block */
    struct flip flips[SHARERS_MAX];
    uint32_t count;
    bool all; /* were noted */
};

/* Only noted: whoever looks into another file loses the bytes of this one. */
static void note_sharer(struct sharers *sharers, const struct entry_head *head, uint64_t offset)
{
    const struct log_state *state =
        log_state(control_log(sharers->looking->node->control), head->group);
    struct flip flip = *sharers->chosen;

    flip.head = *head;
    flip.offset = offset;
    flip.spoiled = sharers->at;
    if (head->length == 0 || offset >= sharers->at + DISK_ALIGN ||
        offset + head->length <= sharers->at || (state != NULL && head->index < state->first))
        return; /* not there, or dead for good */
    if (sharers->count == SHARERS_MAX)
        sharers->all = false;
    else
        sharers->flips[sharers->count++] = flip;
}

static bool all_may_be_hit(struct world *world, const struct sharers *sharers)
{
    struct sim_node *node = sharers->looking->node;
    bool all = sharers->all && sharers->count > 0;

    for (uint32_t i = 0; i < sharers->count && all; i++) {
        const struct flip *flip = &sharers->flips[i];
        all = may_hit(node, cluster_of(world)->rot, &flip->head) &&
              is_last_place(sharers->looking, flip) && !is_moved(node, flip);
    }
    return all;
}

/* Every entry of the segment that lies in the block. */
static void find_sharers(struct sharers *sharers)
{
    const struct flip *chosen = sharers->chosen;
    struct frame_head frame;
    struct frame_item item;
    uint64_t size = 0;
    const unsigned char *bytes =
        disk_sim_bytes(sharers->looking->node->disk, chosen->file, &size);

    for (uint64_t at = SEGMENT_HEAD_BYTES; at < size;) {
        struct slice rest = slice_of(bytes + at, size - at);
        if (frame_check(rest, &frame) != ERR_OK || frame.life != chosen->life)
            break;
        struct reader items = items_of(rest, &frame);
        uint64_t offset = at + frame.head_bytes;
        while (item_next(&items, &item)) {
            if (item.type != ITEM_ENTRY)
                continue;
            note_sharer(sharers, &item.entry, offset);
            offset += item.entry.length;
        }
        at += frame_bytes(frame.head_bytes, frame.payload_bytes);
    }
}

/* The first or the last block of the payload, and with it all that lies there. */
static bool spoil_edge(struct world *world, struct looking *looking, const struct flip *flip)
{
    struct rot *rot = cluster_of(world)->rot;
    struct sharers *sharers = sim_malloc(sizeof *sharers);
    uint64_t end = flip->offset + flip->head.length - 1;
    uint64_t place = world_chance(world, 1, 2) ? flip->offset : end;

    *sharers = (struct sharers){
        .looking = looking, .chosen = flip, .at = place / DISK_ALIGN * DISK_ALIGN, .all = true
    };
    find_sharers(sharers);
    bool spoiled = all_may_be_hit(world, sharers) &&
                   rot->count + sharers->count <= FLIPS_MAX &&
                   disk_sim_spoil(looking->node->disk, flip->file, sharers->at);
    for (uint32_t i = 0; spoiled && i < sharers->count; i++) {
        rot->flips[rot->count++] = sharers->flips[i];
        world_say(world, looking->node, "a shared block goes bad: group %llu entry %llu in %s",
                  (unsigned long long)sharers->flips[i].head.group,
                  (unsigned long long)sharers->flips[i].head.index, flip->file);
    }
    rot->edges += spoiled;
    sim_free(sharers);
    return spoiled;
}

/* One bit of the payload, or a block in its middle. */
static void hit(struct world *world, struct sim_node *node, struct flip *flip, bool block)
{
    struct rot *rot = cluster_of(world)->rot;
    uint64_t first = flip->offset / DISK_ALIGN + 1;
    uint64_t end = (flip->offset + flip->head.length - 1) / DISK_ALIGN;
    uint64_t at = block ? (first + world_below(world, end - first)) * DISK_ALIGN : 0;

    if (block && disk_sim_spoil(node->disk, flip->file, at))
        flip->spoiled = at;
    else
        ensure(disk_sim_rot(node->disk, flip->file,
                            flip->offset + world_below(world, flip->head.length)));
    rot->flips[rot->count++] = *flip;
    world_say(world, node, "%s: group %llu entry %llu in %s",
              flip->spoiled != 0 ? "a block goes bad" : "a bit flips",
              (unsigned long long)flip->head.group, (unsigned long long)flip->head.index,
              flip->file);
}

static void flip_one(struct world *world)
{
    struct rot *rot = cluster_of(world)->rot;
    struct sim_node *node = &world->nodes[world_below(world, world->node_count)];
    struct looking *looking = sim_malloc(sizeof *looking);
    struct flip flip = { .node = 0 };
    struct reason reason;
    bool block =
        (cluster_of(world)->options.faults & FAULT_READ_ERROR) != 0 && world_chance(world, 2, 3);

    bool edge = block && world_chance(world, 1, 2);

    rot->least = block && !edge ? 3 * DISK_ALIGN : 1;
    *looking = (struct looking){ .node = node };
    if (!node->up || node->control == NULL || node->stopping || rot->count == FLIPS_MAX ||
        disk_list(node->disk, note_file, looking, &reason) != ERR_OK)
        looking->count = 0;
    for (uint32_t i = 0; looking->count > 0 && i < TRIES; i++) {
        uint64_t at = world_below(world, looking->count);
        if (looking->numbers[at] == looking->newest ||
            !choose(world, rot, node, looking->files[at], &flip) ||
            !is_last_place(looking, &flip) || is_moved(node, &flip))
            continue;
        if (!edge)
            hit(world, node, &flip, block);
        else if (!is_filed(node, flip.number) || !spoil_edge(world, looking, &flip))
            continue;
        break;
    }
    sim_free(looking);
}

static void flipped(struct world *world, struct sim_node *node, void *ctx, uint64_t arg)
{
    if (cluster_of(world)->healing)
        return;
    flip_one(world);
    next_flip(world);
}

static void next_flip(struct world *world)
{
    world_after(world,
                (struct world_after){ .delay_ns = 200 * SIM_MS + world_below(world, 2 * SIM_S),
                                      .kind = KIND_NEMESIS,
                                      .fn = flipped });
}

void rot_start(struct world *world)
{
    cluster_of(world)->rot = sim_malloc(sizeof(struct rot));
    next_flip(world);
}

void rot_forget(struct world *world, const struct sim_node *node)
{
    struct rot *rot = cluster_of(world)->rot;

    for (uint32_t i = 0; rot != NULL && i < rot->count; i++)
        rot->flips[i].gone |= rot->flips[i].node == node->at;
}

bool rot_left_over(struct world *world, const struct sim_node *node)
{
    const struct rot *rot = cluster_of(world)->rot;
    struct segment_head segment;
    bool any = false;

    for (uint32_t i = 0; rot != NULL && i < rot->count; i++) {
        const struct flip *flip = &rot->flips[i];
        if (flip->node != node->at || flip->gone || flip->spoiled == 0 ||
            !disk_sim_is_spoiled(node->disk, flip->file, flip->spoiled) ||
            !head_of(node->disk, flip->file, &segment) || segment.life == flip->life)
            continue;
        disk_sim_cure(node->disk, flip->file, flip->spoiled);
        any = true;
    }
    return any;
}

/* Whether the node's log has the entry at another place by now: the group began anew there, and got
 * it again; or its segment was emptied, and it was whole then. */
static bool is_elsewhere(struct sim_node *node, const struct flip *flip)
{
    struct looking *looking = sim_malloc(sizeof *looking);
    struct reason reason;

    *looking = (struct looking){ .node = node };
    bool elsewhere = is_moved(node, flip);
    elsewhere = elsewhere ||
                (disk_list(node->disk, note_file, looking, &reason) == ERR_OK &&
                 !is_last_place(looking, flip));
    sim_free(looking);
    return elsewhere;
}

/* Whether its bytes are what they were before. */
static bool is_intact(struct sim_node *node, const struct flip *flip)
{
    unsigned char *bytes = sim_malloc(flip->head.length);
    bool intact = disk_sim_peek(node->disk, flip->file, flip->offset, bytes, flip->head.length) &&
                  entry_matches(&flip->head, slice_of(bytes, flip->head.length));

    sim_free(bytes);
    return intact;
}

static bool is_whole(struct world *world, struct sim_node *node, const struct flip *flip)
{
    struct segment_head segment;

    if (!head_of(node->disk, flip->file, &segment) || segment.life != flip->life) {
        if (!is_elsewhere(node, flip))
            world_violation(world, "rot",
                            "node %u: %s was used again while group %llu had entry %llu",
                            node->at + 1, flip->file, (unsigned long long)flip->head.group,
                            (unsigned long long)flip->head.index);
        return true;
    }
    bool whole = flip->spoiled != 0
                     ? !disk_sim_is_spoiled(node->disk, flip->file, flip->spoiled)
                     : is_intact(node, flip);
    return whole || is_elsewhere(node, flip);
}

/* Whether the entry still lives on its node, at the place that was hit, and is damaged there.  What
 * a node has of groups that it left nobody asks for, and nobody mends. */
static bool is_damaged(struct world *world, const struct flip *flip)
{
    struct sim_node *node = &world->nodes[flip->node];
    const struct log_state *state = NULL;

    if (flip->gone)
        return false;
    if (!node->up || node->control == NULL)
        return true; /* it is about to start */
    state = log_state(control_log(node->control), flip->head.group);
    if (state == NULL || flip->head.index < state->first || flip->head.index > state->last ||
        wipe_has_left(world, flip->head.group, node->id))
        return false;
    return !is_whole(world, node, flip);
}

bool rot_any(struct world *world)
{
    const struct rot *rot = cluster_of(world)->rot;

    for (uint32_t i = 0; rot != NULL && i < rot->count; i++)
        if (is_damaged(world, &rot->flips[i]))
            return true;
    return false;
}

static uint64_t passes_of(const struct sim_node *node)
{
    return node->control == NULL ? 0 : control_scrub(node->control).passes;
}

/* The pass that was under way may have gone by the entry, the next one meets it, and by the end of
 * the third it must be mended.  How long a pass takes depends on what the log has. */
static bool is_late(const struct sim_node *node, uint64_t waited_ns, uint64_t passes_before)
{
    return waited_ns > WHOLE_MOST_NS && (waited_ns > PASSES_MOST_NS ||
                                         passes_of(node) >= passes_before + 3);
}

uint64_t rot_check(struct world *world)
{
    const struct rot *rot = cluster_of(world)->rot;
    uint64_t began_ns = world->now_ns, passes[SIM_NODES_MAX];

    for (uint32_t i = 0; i < world->node_count; i++)
        passes[i] = passes_of(&world->nodes[i]);
    for (uint32_t i = 0; i < rot->count;) {
        const struct flip *flip = &rot->flips[i];
        if (!is_damaged(world, flip)) {
            i++;
            continue;
        }
        if (is_late(&world->nodes[flip->node], world->now_ns - began_ns, passes[flip->node]))
            world_violation(world, "rot",
                            "node %u: group %llu entry %llu, flipped in %s, is damaged still",
                            flip->node + 1, (unsigned long long)flip->head.group,
                            (unsigned long long)flip->head.index, flip->file);
        world_run(world, world->now_ns + 100 * SIM_MS);
    }
    return rot->count;
}
