#include "log/scan.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/ensure.h"
#include "base/mutant.h"
#include "log/log_private.h"

#define WINDOW_BYTES (512u * 1024u)
#define ZERO_BYTES (1024u * 1024u)
#define ADVICE REASON_KEEP_DATA

/* A window over a file: frames are small or large, reads should be neither. */
struct scan {
    struct log *log;
    struct segment *segment; /* NULL when only looking around */
    struct disk_file *file;
    char name[DISK_NAME_MAX];
    uint64_t file_bytes;
    unsigned char *window;
    size_t window_room, window_len;
    uint64_t window_at;
    uint64_t careful_to; /* below, a block cannot be read: only what is needed is asked for */
    struct reason *reason;
    /* The newest valid frame waits here: only when the next one is valid too, or its payloads are,
     * was it written to its end. */
    struct frame_head held;
    unsigned char *held_bytes;
    bool holds;
};

static void scan_init(struct scan *scan, struct log *log, struct disk_file *file,
                      struct reason *reason)
{
    *scan = (struct scan){
        .log = log, .file = file, .file_bytes = disk_size(file), .reason = reason
    };
}

static void scan_fini(struct scan *scan)
{
    disk_memory_free(scan->window);
    free(scan->held_bytes);
}

static enum err window_read(struct scan *scan, uint64_t offset, size_t len)
{
    if (len > scan->window_room) {
        disk_memory_free(scan->window);
        scan->window = disk_memory(len);
        scan->window_room = len;
        ensure(scan->window != NULL);
    }
    scan->window_len = 0;
    enum err err = disk_read_now(scan->file, offset, scan->window, len, scan->reason);
    if (err != ERR_OK)
        return err;
    scan->window_at = offset;
    scan->window_len = len;
    return ERR_OK;
}

/* At least `len` bytes from `offset` on, or what the file has.  `offset` is aligned.  A block that
 * cannot be read hinders nobody who does not need it: as a rule it is payload, which reads and the
 * scrubber find, and a peer has. */
static enum err window(struct scan *scan, uint64_t offset, size_t len, struct slice *ret)
{
    uint64_t rest = scan->file_bytes - offset;

    if (len > rest)
        len = (size_t)rest;
    if (offset < scan->window_at || offset + len > scan->window_at + scan->window_len) {
        size_t least = (len + DISK_ALIGN - 1) / DISK_ALIGN * DISK_ALIGN;
        size_t want = least < WINDOW_BYTES && offset >= scan->careful_to ? WINDOW_BYTES : least;
        want = want > rest ? (size_t)rest : want;
        enum err err = window_read(scan, offset, want);
        if (err == ERR_IO && want > least) {
            scan->careful_to = offset + want;
            err = window_read(scan, offset, least);
        }
        if (err != ERR_OK)
            return err;
    }
    size_t at = (size_t)(offset - scan->window_at);
    *ret = slice_of(scan->window + at, scan->window_len - at);
    return ERR_OK;
}

/* The frame at `offset` if there is one that belongs there; ERR_NOT_FOUND if not.  `life` 0: of any
 * life of this node. */
static enum err frame_at(struct scan *scan, uint64_t offset, uint64_t life, struct frame_head *head,
                         struct slice *bytes)
{
    enum err err = window(scan, offset, FRAME_HEAD_BYTES, bytes);

    if (err != ERR_OK)
        return err;
    if (!frame_peek(*bytes, head) || head->node != scan->log->options.node ||
        head->offset != offset || (life != 0 && head->life != life))
        return ERR_NOT_FOUND;
    err = window(scan, offset, head->head_bytes, bytes);
    if (err != ERR_OK)
        return err;
    err = frame_check(*bytes, head);
    if (err == ERR_VERSION) {
        reason_set(scan->reason, "%s holds a frame of a newer Braid; start that version",
                   scan->name);
        return err;
    }
    return err == ERR_OK ? ERR_OK : ERR_NOT_FOUND;
}

static enum err damaged(struct scan *scan, uint64_t offset, const char *what)
{
    reason_set(scan->reason, "segment %llu, file %s, offset %llu: %s; " ADVICE,
               (unsigned long long)(scan->segment == NULL ? 0 : scan->segment->number), scan->name,
               (unsigned long long)offset, what);
    return ERR_CORRUPT;
}

/* The entry should have a row and has none.  It may have been taken back by what comes later, so
 * that its segment is free: a START, TRUNCATE or FORGET in an open segment frees those before it,
 * and a start sees what came before that once more.  Else rows are lost (recover.c). */
static void doubt(struct group *group, uint64_t index)
{
    if (group->doubt == 0 || index < group->doubt)
        group->doubt = index;
}

static void doubt_no_more(struct group *group, uint64_t from)
{
    if (group->doubt >= from)
        group->doubt = 0;
}

static enum err replay_truncate(struct scan *scan, struct group *group, uint64_t from)
{
    struct log *log = scan->log;
    struct index_row row;

    if (from <= group->state.start_index || from <= group->state.applied)
        return ERR_CORRUPT;
    doubt_no_more(group, from);
    if (group_truncate(log, group, from))
        return ERR_OK;
    /* The entry before it is filed: the table is as of before this segment, so it is right. */
    enum err err =
        row_find(log->world.table, group->state.group, from - 1, &row, scan->reason);
    if (err == ERR_NOT_FOUND) {
        /* Trimmed since, and its segment is free: what was appended from here on, or the hint, says
         * what the last entry is (recover.c). */
        group_cut_to(log, group, from, 0, 0);
        if (from - 1 >= group->gone_below)
            doubt(group, from - 1);
        return ERR_OK;
    }
    if (err != ERR_OK)
        return err;
    const struct place *place = &row.places[from - 1 - row.first];
    group_cut_to(log, group, from, place->term, place->time_ms);
    index_row_fini(&row);
    return ERR_OK;
}

/* The entry that the epoch starts behind may be filed: the table is as of before this segment. */
static enum err replay_start(struct scan *scan, const struct log_state *start, uint64_t turn)
{
    struct log *log = scan->log;
    struct group *group = group_find(log, start->group);
    uint64_t index = start->start_index, term = 0, time_ms = 0;
    bool known = group != NULL && group_name_at(group, index, &term, &time_ms);
    struct index_row row;

    if (group != NULL)
        doubt_no_more(group, index + 1);
    if (group != NULL && !known && index >= group->state.first && index <= group->state.last &&
        !MUTANT(start_not_looked_up)) {
        enum err err = row_find(log->world.table, start->group, index, &row, scan->reason);
        if (err == ERR_NOT_FOUND && index < group->gone_below) {
            group_start(log, start, turn, 0, 0); /* trimmed since: begins anew behind it */
            return ERR_OK;
        }
        if (err == ERR_NOT_FOUND) { /* had it let go of the entry, a hint would say so */
            group_start(log, start, turn, start->start_term, start->last_time_ms);
            doubt(group, index);
            return ERR_OK;
        }
        if (err != ERR_OK)
            return err;
        const struct place *place = &row.places[index - row.first];
        term = place->term;
        time_ms = place->time_ms;
        index_row_fini(&row);
    }
    group_start(log, start, turn, term, time_ms);
    if (group == NULL)
        group_foresee(log, group_find(log, start->group));
    return ERR_OK;
}

static enum err replay_item(struct scan *scan, const struct frame_item *item, uint64_t turn,
                            uint64_t offset)
{
    struct log *log = scan->log;
    struct group *group = group_find(log, item->state.group);

    if (item->type == ITEM_START)
        return replay_start(scan, &item->state, turn);
    if (group == NULL)
        return ERR_CORRUPT;
    switch (item->type) {
    case ITEM_ENTRY:
        if (item->entry.index != group->state.last + 1)
            return ERR_CORRUPT;
        group_entry(log, group, &item->entry, (uint32_t)offset);
        log->recovery.entries++;
        return ERR_OK;
    case ITEM_TRUNCATE:
        return replay_truncate(scan, group, item->from);
    case ITEM_HARD:
        if (MUTANT(replay_keeps_old_vote) && item->state.vote != 0)
            return ERR_OK;
        group_hard(log, group, &item->state);
        return ERR_OK;
    case ITEM_FORGET:
        group_forget(log, group);
        return ERR_OK;
    case ITEM_START:
        break;
    }
    return ERR_CORRUPT;
}

/* Replays the frame that was held back. */
static enum err replay_held(struct scan *scan)
{
    const struct frame_head *head = &scan->held;
    struct frame_item item;
    enum err err = ERR_OK;

    if (!scan->holds)
        return ERR_OK;
    scan->holds = false;
    struct reader items = items_of(slice_of(scan->held_bytes, head->head_bytes), head);
    uint64_t offset = head->offset + head->head_bytes;
    while (err == ERR_OK && item_next(&items, &item)) {
        err = replay_item(scan, &item, head->turn, offset);
        if (item.type == ITEM_ENTRY)
            offset += item.entry.length;
    }
    if (err == ERR_CORRUPT)
        return damaged(scan, head->offset, "the frame does not follow from those before it");
    scan->log->recovery.frames++;
    scan->log->recovery.last_turn = head->turn;
    if (head->ends_turn)
        scan->log->recovery.whole_turn = head->turn;
    return err;
}

static void hold(struct scan *scan, const struct frame_head *head, struct slice bytes)
{
    scan->held = *head;
    scan->held_bytes = log_memory_grow(scan->held_bytes, head->head_bytes, 1);
    memcpy(scan->held_bytes, bytes.data, head->head_bytes);
    scan->holds = true;
}

/* Replays frame after frame; `*end` is where they stop. */
static enum err scan_frames(struct scan *scan, uint64_t limit, uint64_t *end)
{
    struct log *log = scan->log;
    uint64_t offset = SEGMENT_HEAD_BYTES;
    enum err err = ERR_OK;

    while (offset < limit) {
        struct frame_head head;
        struct slice bytes;
        err = frame_at(scan, offset, scan->segment->life, &head, &bytes);
        if (err != ERR_OK)
            break;
        uint64_t size = frame_bytes(head.head_bytes, head.payload_bytes);
        if (head.segment != scan->segment->number || head.number != log->frame_next ||
            head.turn < log->recovery.last_turn || size > limit - offset)
            return damaged(scan, offset, "the frame is not the one that belongs here");
        err = replay_held(scan);
        if (err != ERR_OK)
            return err;
        hold(scan, &head, bytes);
        log->frame_next++;
        offset += size;
    }
    *end = offset;
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

/* Whether all payloads of the frame that was held back arrived. */
static enum err check_held_payloads(struct scan *scan, bool *sound)
{
    const struct frame_head *head = &scan->held;
    struct reader items = items_of(slice_of(scan->held_bytes, head->head_bytes), head);
    struct frame_item item;
    struct slice bytes;

    size_t len = (size_t)head->head_bytes + head->payload_bytes;
    enum err err = window(scan, head->offset, len, &bytes);
    if (err != ERR_OK)
        return err;
    size_t at = head->head_bytes;
    *sound = true;
    while (*sound && item_next(&items, &item)) {
        if (item.type != ITEM_ENTRY)
            continue;
        *sound = entry_matches(&item.entry, slice_of(bytes.data + at, item.entry.length));
        at += item.entry.length;
    }
    return ERR_OK;
}

/* Looks for a frame behind the place where frames stopped.  Frames have no gaps, so the first block
 * tells, and the others are looked at in case that it does not: of them, one that cannot be read is
 * passed over, because it may be what is left of an earlier use. */
static enum err find_frame(struct scan *scan, uint64_t from, uint64_t life, uint64_t above,
                           uint64_t *found)
{
    for (uint64_t offset = from; offset + DISK_ALIGN <= scan->file_bytes; offset += DISK_ALIGN) {
        struct frame_head head;
        struct slice bytes;
        enum err err = frame_at(scan, offset, life, &head, &bytes);
        if (err == ERR_OK && head.segment > above) {
            *found = offset;
            return ERR_OK;
        }
        if (err != ERR_OK && err != ERR_NOT_FOUND && (err != ERR_IO || offset == from))
            return err;
    }
    return ERR_NOT_FOUND;
}

/* Decides what lies at the end of the last segment. */
static enum err scan_tail(struct scan *scan, uint64_t *end)
{
    struct segment *segment = scan->segment;
    struct frame_head head;
    struct slice bytes;
    uint64_t found = 0;
    bool sound = true;

    /* The window may hold a header of which only the checksum is wrong. */
    if (*end < segment->bytes) {
        enum err err = window(scan, *end, FRAME_HEAD_BYTES, &bytes);
        if (err != ERR_OK)
            return err;
        if (frame_peek(bytes, &head) && head.life == segment->life)
            scan->log->recovery.torn_frames++;
    }
    enum err err = find_frame(scan, *end, segment->life, 0, &found);
    if (err == ERR_OK) {
        char what[128];
        snprintf(what, sizeof(what),
                 "no valid frame, but one of the same use follows at offset %llu: damage, not a "
                 "torn write",
                 (unsigned long long)found);
        return damaged(scan, *end, what);
    }
    if (err != ERR_NOT_FOUND)
        return err;
    if (!scan->holds)
        return ERR_OK;
    err = check_held_payloads(scan, &sound);
    if (err != ERR_OK)
        return err;
    if ((sound && !MUTANT(last_frame_dropped)) || MUTANT(torn_frame_trusted))
        return replay_held(scan);
    scan->holds = false;
    scan->log->recovery.torn_frames++;
    scan->log->frame_next = scan->held.number;
    *end = scan->held.offset;
    return ERR_OK;
}

enum err scan_segment(struct log *log, struct segment *segment, uint64_t end, struct reason *reason)
{
    struct scan scan;
    uint64_t stopped = 0;

    scan_init(&scan, log, segment->file->file, reason);
    scan.segment = segment;
    segment_file_name(segment->file->id, scan.name);

    enum err err = ERR_OK;
    if (end > segment->bytes)
        err = damaged(&scan, end, "the next segment says that it ends here, behind its end");
    if (err == ERR_OK)
        err = scan_frames(&scan, end == 0 ? segment->bytes : end, &stopped);
    if (err == ERR_OK && end == 0)
        err = scan_tail(&scan, &stopped);
    else if (err == ERR_OK && stopped != end)
        err = damaged(&scan, stopped, "no valid frame, but the next segment says there is one");
    else if (err == ERR_OK)
        err = replay_held(&scan);
    segment->end = segment->durable_end = stopped;
    scan_fini(&scan);
    return err;
}

enum err scan_for_open_frames(struct log *log, struct disk_file *file, const char *name,
                              uint64_t filed, struct reason *reason)
{
    struct scan scan;
    uint64_t found = 0;

    scan_init(&scan, log, file, reason);
    snprintf(scan.name, sizeof(scan.name), "%s", name);
    enum err err = find_frame(&scan, SEGMENT_HEAD_BYTES, 0, filed, &found);
    scan_fini(&scan);
    if (err == ERR_NOT_FOUND)
        return ERR_OK; /* torn when it was about to be used */
    if (err != ERR_OK)
        return err;
    reason_set(reason, "file %s: its first block is damaged, and a frame at offset %llu is needed; "
                       ADVICE, name, (unsigned long long)found);
    return ERR_CORRUPT;
}

enum err scan_clean_tail(struct log *log, struct segment *segment, struct reason *reason)
{
    uint64_t end = segment->end + frame_bytes(FRAME_BYTES_MAX, ENTRY_PAYLOAD_MAX);
    enum err err = ERR_OK;

    if (end > segment->bytes)
        end = segment->bytes;
    unsigned char *zeros = disk_memory(ZERO_BYTES);
    if (zeros == NULL)
        return ERR_NO_MEMORY;
    memset(zeros, 0, ZERO_BYTES);
    for (uint64_t at = segment->end; at < end && err == ERR_OK;) {
        size_t len = end - at < ZERO_BYTES ? (size_t)(end - at) : ZERO_BYTES;
        err = disk_write_now(segment->file->file, at, zeros, len, reason);
        at += len;
    }
    disk_memory_free(zeros);
    return err;
}

enum err scan_doubts(struct log *log, struct reason *reason)
{
    for (size_t i = 0; i < log->group_count; i++) {
        struct group *group = log->groups[i];
        uint64_t index = group->doubt;
        group->doubt = 0;
        if (index < group->state.first || index > group->state.last)
            continue;
        reason_set(reason,
                   "group %llu: the tables have no index row for entry %llu, and a frame goes on "
                   "from it; " ADVICE,
                   (unsigned long long)group->state.group, (unsigned long long)index);
        return ERR_CORRUPT;
    }
    return ERR_OK;
}
