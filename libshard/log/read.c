#include <stdlib.h>
#include <string.h>

#include "base/ensure.h"
#include "base/mutant.h"
#include "log/log_private.h"

/* Reads entries by index.
 *
 *  1. collect()      heads and places: from memory, from cached rows, else a lookup, then again
 *  2. plan()         payloads that lie close together become one extent
 *  3. read_more()    up to LOG_READS_MAX extents under way
 *  4. extent_on_done() cuts the payloads out and checks them; when the disk cannot read an extent
 *     of several entries, each of them is read by itself, because the block that is bad may be one
 *     that lies between them
 *  5. walk()         a shared read takes those of filed segments out of blocks (shelf.c) instead
 *  6. finish         at the end of a turn
 *
 * An entry that is still on its way to the disk is given from memory.  A segment that is read from
 * is pinned: it is not used again before the read is over. */

#define EXTENTS_FIRST 4u

struct spot {
    struct segment *segment; /* NULL: nothing to read for this entry */
    uint32_t offset;
    bool shared;  /* taken out of blocks */
    bool damaged; /* found so by this read */
};

struct extent_read {
    struct disk_io io;
    struct read_job *job;
    unsigned char *bytes;
    uint64_t offset; /* of the payloads' cover in the segment */
    uint32_t first, count; /* entries */
    size_t len;
};

struct read_job {
    struct log *log;
    struct log_read *req;
    struct lookup lookup;
    struct defer end;
    struct spot *spots; /* beside req->entries */
    uint32_t room;
    size_t bytes;
    uint64_t records; /* that count */
    uint64_t next;    /* index to collect */
    struct extent_read *extents;
    uint32_t extent_count, extent_room, extent_next, under_way;
    size_t under_way_bytes;
    uint32_t sound; /* entries before the first damaged one */
    enum err unsound; /* what that one is */
    bool careful;   /* an extent could not be read: one entry each */
    bool again;     /* which is to be planned when nothing is under way */
    bool alone;     /* blocks were of no use: it reads by itself */
    uint32_t walked, walked_bytes; /* entries that are over, bytes of the next one */
    struct block_wait wait;
    enum err err;
};

static void collect(struct read_job *job);
static bool collect_one(struct read_job *job, bool *done);
static void read_on_lookup(struct lookup *lookup, enum err err);
static void plan(struct read_job *job);
static void read_more(struct read_job *job);
static void extent_on_done(struct disk_io *io, enum err err);
static void walk(struct read_job *job);
static void walk_on_block(struct block_wait *wait, bool ready);
static void end_soon(struct read_job *job, enum err err);
static void read_on_end(struct defer *defer);

void log_read(struct log *log, struct log_read *req, log_read_cb cb)
{
    struct read_job *job = log_memory(1, sizeof(*job));

    req->entries = NULL;
    req->count = 0;
    req->disk_bytes = 0;
    req->reason = (struct reason){ 0 };
    req->cb = cb;
    req->job = job;
    *job = (struct read_job){
        .log = log,
        .req = req,
        .next = req->first,
        .sound = UINT32_MAX,
        .wait = { .cb = walk_on_block, .background = req->background },
    };
    log->active++;
    log->figures.reads++;
    collect(job);
}

void log_read_fini(struct log_read *req)
{
    for (uint32_t i = 0; i < req->count; i++)
        buf_unref(req->entries[i].payload);
    free(req->entries);
    req->entries = NULL;
    req->count = 0;
}

static void collect(struct read_job *job)
{
    bool done = false;

    while (!done) {
        if (!collect_one(job, &done))
            return; /* read_on_lookup() goes on */
    }
    if (job->err != ERR_OK && job->req->count == 0)
        end_soon(job, job->err);
    else
        plan(job);
}

/* False when the entry does not fit any more. */
static bool add(struct read_job *job, struct segment *segment, const struct place *place)
{
    struct log_read *req = job->req;
    size_t length = req->heads_only ? 0 : place->length;

    if (req->count == LOG_READ_ENTRIES_MAX)
        return false;
    if (req->count > 0 && job->bytes + length > req->bytes_max)
        return false;
    if (req->records_max > 0 && job->records >= req->records_max)
        return false;
    if (req->count == job->room) {
        job->room = job->room == 0 ? 8 : job->room * 2;
        req->entries = log_memory_grow(req->entries, job->room, sizeof(*req->entries));
        job->spots = log_memory_grow(job->spots, job->room, sizeof(*job->spots));
    }
    struct log_read_entry *entry = &req->entries[req->count];
    struct spot *spot = &job->spots[req->count];
    *entry = (struct log_read_entry){ .head = place_head(place, req->group, job->next) };
    *spot = (struct spot){ 0 };
    if (length > 0 && place_is_durable(place, segment)) {
        *spot = (struct spot){ segment, place->offset };
        segment->pins++;
    } else if (length > 0) {
        entry->payload = buf_ref(head_payload(job->log, req->group, job->next, place->crc));
        ensure(entry->payload != NULL);
    }
    req->count++;
    job->bytes += length;
    job->records += place->time_ms >= req->since_ms ? place->records : 0;
    job->next++;
    return true;
}

/* Adds what one source has.  False when it has to be looked up first. */
static bool collect_one(struct read_job *job, bool *done)
{
    struct log *log = job->log;
    const struct log_read *req = job->req;
    const struct group *group = group_find(log, req->group);
    struct run *run = NULL;

    *done = true;
    if (group == NULL || job->next > group->state.last)
        job->err = ERR_NOT_FOUND;
    else if (job->next < group->state.first)
        job->err = ERR_TRIMMED;
    if (job->err != ERR_OK || job->next > req->last)
        return true;

    const struct place *place = index_find(group, job->next, &run);
    if (place != NULL) {
        *done = !add(job, run->segment, place);
        return true;
    }
    const struct index_row *row = cache_find(log, req->group, job->next);
    if (row == NULL) {
        job->lookup.group = req->group;
        job->lookup.index = job->next;
        job->lookup.ahead = req->shared;
        lookup_start(log, &job->lookup, read_on_lookup);
        return false;
    }
    struct segment *segment = segment_find(log, row->segment);
    if (segment == NULL || segment->phase != SEGMENT_FILED) {
        job->err = ERR_TRIMMED;
        return true;
    }
    uint64_t end = index_first(group) - 1;
    end = end < req->last ? end : req->last;
    for (*done = false; !*done && job->next <= end && job->next - row->first < row->count;)
        *done = !add(job, segment, &row->places[job->next - row->first]);
    return true;
}

static void read_on_lookup(struct lookup *lookup, enum err err)
{
    struct read_job *job = container_of(lookup, struct read_job, lookup);
    struct log *log = job->log;

    if (err == ERR_OK) {
        cache_put(log, lookup);
    } else if (err == ERR_NOT_FOUND && lookup->cuts == log->cuts) {
        const struct group *group = group_find(log, job->req->group);
        bool trimmed = group == NULL || job->next < group->state.first;
        job->err = trimmed ? ERR_TRIMMED : ERR_CORRUPT;
        reason_set(&job->req->reason,
                   "group %llu: the tables have no index row for entry %llu",
                   (unsigned long long)job->req->group, (unsigned long long)job->next);
    } else if (err != ERR_NOT_FOUND) {
        job->err = err;
        job->req->reason = lookup->reason;
    }
    if (job->err == ERR_CORRUPT) {
        struct entry_head head = { .group = job->req->group, .index = job->next };
        damage_found(log, &head, NULL, 0, &job->req->reason);
    }
    if (job->err != ERR_OK && job->req->count == 0)
        end_soon(job, job->err);
    else if (job->err != ERR_OK)
        plan(job);
    else
        collect(job);
}

/* Whether entry `i` can join the extent that ends with entry `last`. */
static bool joins(const struct read_job *job, uint32_t first, uint32_t last, uint32_t i)
{
    const struct spot *spots = job->spots;
    uint64_t last_end = (uint64_t)spots[last].offset + job->req->entries[last].head.length;
    uint64_t end = (uint64_t)spots[i].offset + job->req->entries[i].head.length;

    return !job->careful && spots[i].segment == spots[first].segment &&
           spots[i].offset >= last_end &&
           spots[i].offset - last_end <= log_read_gap(job->log) &&
           end - spots[first].offset <= LOG_READ_EXTENT_MAX - DISK_ALIGN;
}

static bool is_shared(const struct read_job *job, uint32_t i)
{
    return job->req->shared && !job->alone && job->spots[i].segment->phase == SEGMENT_FILED;
}

/* Whether an extent is to give entry `i`. */
static bool is_wanted(struct read_job *job, uint32_t i)
{
    struct spot *spot = &job->spots[i];

    if (spot->segment == NULL || job->req->entries[i].payload != NULL || spot->damaged)
        return false;
    spot->shared = is_shared(job, i);
    return !spot->shared;
}

/* Most reads have a few extents of many entries: room for one per entry would be a hundred times of
 * what they need. */
static struct extent_read *add_extent(struct read_job *job, uint32_t first)
{
    if (job->extent_count == job->extent_room) {
        job->extent_room = job->extent_room == 0 ? EXTENTS_FIRST : job->extent_room * 2;
        job->extents = log_memory_grow(job->extents, job->extent_room, sizeof(*job->extents));
    }
    struct extent_read *extent = &job->extents[job->extent_count++];
    *extent = (struct extent_read){ .job = job, .first = first };
    extent->offset = job->spots[first].offset / DISK_ALIGN * DISK_ALIGN;
    return extent;
}

/* Nothing is under way: the extents may move. */
static void plan(struct read_job *job)
{
    const struct log_read *req = job->req;
    struct extent_read *extent = NULL;
    uint32_t last = 0;

    job->err = ERR_OK;
    job->extent_count = job->extent_next = 0;
    for (uint32_t i = 0; i < req->count; i++) {
        if (!is_wanted(job, i))
            continue;
        if (extent == NULL || !joins(job, extent->first, last, i))
            extent = add_extent(job, i);
        last = i;
        extent->count = i - extent->first + 1;
        uint64_t end = (uint64_t)job->spots[i].offset + req->entries[i].head.length;
        extent->len = (end - extent->offset + DISK_ALIGN - 1) / DISK_ALIGN * DISK_ALIGN;
    }
    read_more(job);
}

/* One may always be read. */
static bool may_read_next(const struct read_job *job)
{
    const struct log_read *req = job->req;

    if (job->err != ERR_OK || job->extent_next >= job->extent_count)
        return false;
    if (job->under_way == 0)
        return true;
    return job->under_way < (req->background ? 1 : LOG_READS_MAX) &&
           (req->at_once_bytes == 0 ||
            job->under_way_bytes + job->extents[job->extent_next].len <= req->at_once_bytes);
}

static void read_more(struct read_job *job)
{
    while (may_read_next(job)) {
        struct extent_read *extent = &job->extents[job->extent_next++];
        extent->bytes = disk_memory(extent->len);
        if (extent->bytes == NULL) {
            job->err = ERR_NO_MEMORY;
            break;
        }
        job->under_way++;
        job->under_way_bytes += extent->len;
        job->log->figures.read_bytes += extent->len;
        job->req->disk_bytes += extent->len;
        disk_read(job->spots[extent->first].segment->file->file, &extent->io, extent->offset,
                  extent->bytes, extent->len, extent_on_done);
    }
    if (job->under_way > 0)
        return;
    if (job->err != ERR_OK) {
        end_soon(job, job->err);
    } else if (job->again) {
        job->again = false;
        job->careful = true;
        plan(job);
    } else {
        walk(job);
    }
}

/* One entry is damaged: those before it are given. */
static void spoil(struct read_job *job, uint32_t i, enum err err, const char *what)
{
    const struct entry_head *head = &job->req->entries[i].head;
    struct spot *spot = &job->spots[i];
    char name[DISK_NAME_MAX];
    struct reason why;

    segment_file_name(spot->segment->file->id, name);
    reason_set(&why, "group %llu: entry %llu: %s, in segment %llu, file %s, offset %lu",
               (unsigned long long)head->group, (unsigned long long)head->index, what,
               (unsigned long long)spot->segment->number, name, (unsigned long)spot->offset);
    damage_found(job->log, head, spot->segment, spot->offset, &why);
    spot->damaged = true;
    if (i >= job->sound)
        return;
    job->sound = i;
    job->unsound = err;
    job->req->reason = why;
}

/* Cuts one payload out of what was read, and checks it. */
static void take_payload(struct read_job *job, const struct extent_read *extent, uint32_t i)
{
    struct log_read_entry *entry = &job->req->entries[i];
    struct slice bytes =
        slice_of(extent->bytes + (job->spots[i].offset - extent->offset), entry->head.length);

    if (!entry_matches(&entry->head, bytes) && !MUTANT(read_unchecked)) {
        spoil(job, i, ERR_CORRUPT, "checksum");
        return;
    }
    if (job->log->damaged_count > 0)
        damage_gone(job->log, entry->head.group, entry->head.index);
    entry->payload = buf_copy(bytes);
    if (entry->payload == NULL)
        job->err = ERR_NO_MEMORY;
}

static void extent_on_done(struct disk_io *io, enum err err)
{
    struct extent_read *extent = container_of(io, struct extent_read, io);
    struct read_job *job = extent->job;

    job->under_way--;
    job->under_way_bytes -= extent->len;
    if (err == ERR_IO && extent->count > 1) {
        job->again = true;
    } else if (err == ERR_IO) {
        spoil(job, extent->first, err, "the disk cannot read it");
    } else if (err != ERR_OK) {
        job->err = err;
        job->req->reason = io->reason;
    }
    for (uint32_t i = 0; err == ERR_OK && i < extent->count && job->err == ERR_OK; i++) {
        const struct spot *spot = &job->spots[extent->first + i];
        if (spot->segment != NULL && !spot->shared &&
            job->req->entries[extent->first + i].payload == NULL)
            take_payload(job, extent, extent->first + i);
    }
    disk_memory_free(extent->bytes);
    extent->bytes = NULL;
    read_more(job);
}

/* ---- shared reads ---- */

/* What is wrong with a block is not said of an entry: that is read anew, by itself. */
static void go_alone(struct read_job *job)
{
    struct log_read_entry *entry = &job->req->entries[job->walked];

    buf_unref(entry->payload);
    entry->payload = NULL;
    job->alone = true;
    plan(job);
}

enum gathered {
    GATHER_DONE,
    GATHER_WAITS,  /* for a block */
    GATHER_LOST,   /* no block can be had */
    GATHER_FAILED  /* no memory */
};

/* The next bytes of the entry, from this block: a part of it when that is all, else a copy. */
static bool take_bytes(struct read_job *job, struct log_read_entry *entry, struct buf *block,
                       uint64_t place)
{
    uint32_t length = entry->head.length;
    size_t len = LOG_BLOCK_BYTES - (size_t)place;

    if (len > length - job->walked_bytes)
        len = length - job->walked_bytes;
    struct slice bytes = slice_of(block->data + place, len);
    bool lent = len == length && shelf_lends(job->log);
    if (lent)
        entry->payload = buf_part(block, bytes);
    else if (entry->payload == NULL)
        entry->payload = buf_new(length);
    if (entry->payload == NULL)
        return false;
    if (!lent)
        memcpy(entry->payload->data + job->walked_bytes, bytes.data, len);
    job->walked_bytes += (uint32_t)len;
    return true;
}

/* What blocks have of the entry. */
static enum gathered gather(struct read_job *job, const struct spot *spot,
                            struct log_read_entry *entry)
{
    while (job->walked_bytes < entry->head.length) {
        uint64_t place = (uint64_t)spot->offset + job->walked_bytes;
        uint64_t at = place / LOG_BLOCK_BYTES * LOG_BLOCK_BYTES;
        struct buf *block = shelf_find(job->log, spot->segment, at);
        if (block == NULL)
            return shelf_want(job->log, spot->segment, at, &job->wait) ? GATHER_WAITS
                                                                        : GATHER_LOST;
        if (!take_bytes(job, entry, block, place - at))
            return GATHER_FAILED;
    }
    return GATHER_DONE;
}

static void walk(struct read_job *job)
{
    struct log_read *req = job->req;

    for (; job->walked < req->count; job->walked++, job->walked_bytes = 0) {
        const struct spot *spot = &job->spots[job->walked];
        struct log_read_entry *entry = &req->entries[job->walked];
        if (!spot->shared)
            continue;
        enum gathered gathered = gather(job, spot, entry);
        if (gathered == GATHER_FAILED)
            end_soon(job, ERR_NO_MEMORY);
        else if (gathered == GATHER_LOST)
            go_alone(job);
        if (gathered != GATHER_DONE)
            return;
        if (!entry_matches(&entry->head, buf_slice(entry->payload))) {
            shelf_drop(job->log, spot->segment);
            go_alone(job);
            return;
        }
        if (job->log->damaged_count > 0)
            damage_gone(job->log, entry->head.group, entry->head.index);
    }
    end_soon(job, ERR_OK);
}

static void walk_on_block(struct block_wait *wait, bool ready)
{
    struct read_job *job = container_of(wait, struct read_job, wait);

    if (ready)
        walk(job);
    else
        go_alone(job);
}

static void end_soon(struct read_job *job, enum err err)
{
    job->err = err;
    if (err == ERR_OK && job->sound < job->req->count) {
        /* What comes before the damaged entry is good. */
        for (uint32_t i = job->sound; i < job->req->count; i++) {
            buf_unref(job->req->entries[i].payload);
            job->req->entries[i].payload = NULL;
        }
        if (job->sound == 0)
            job->err = job->unsound;
    }
    defer_run(job->log->world.clock, &job->end, read_on_end);
}

static void read_on_end(struct defer *defer)
{
    struct read_job *job = container_of(defer, struct read_job, end);
    struct log *log = job->log;
    struct log_read *req = job->req;
    enum err err = job->err;

    for (uint32_t i = 0; i < req->count; i++) {
        if (job->spots[i].segment != NULL)
            segment_unpin(log, job->spots[i].segment);
    }
    if (err != ERR_OK)
        log_read_fini(req);
    else if (job->sound < req->count)
        req->count = job->sound;
    free(job->spots);
    free(job->extents);
    free(job);
    req->job = NULL;
    log->active--;
    req->cb(req, err);
    log_close_kick(log);
}
