#include <stdlib.h>

#include "base/ensure.h"
#include "base/mutant.h"
#include "log/empty.h"
#include "log/scan.h"
#include "table/keys.h"

/* What a start finds.
 *
 *  1. the table: how far segments are filed, which of them exist, each group's state as of there
 *  2. the files: their first blocks say which use they are in
 *  3. the segments behind the last filed one, in order, without a gap: scan.c replays them
 *  4. hints: what was applied and trimmed since
 *  5. zeros behind the tail, so that nothing that a torn write left can ever be taken for a frame
 *
 * A segment number up to log_row.filed is filed (has a row) or free; above it, it is open.  A first
 * block that is damaged is a torn one, of a segment that was never used - unless a frame behind it
 * belongs to an open segment. */

#define ADVICE REASON_KEEP_DATA

#define FILES_FIRST_MIN 2u /* one to write to and the reserve */

struct found {
    struct segment_head head;
    uint64_t file;
    bool used;
};

struct finds {
    struct log *log;
    struct reason *reason;
    struct log_row row;
    bool row_exists;
    struct found *files; /* by number, those that are used */
    size_t file_count, file_room;
    struct hint *hints;
    size_t hint_count, hint_room;
    enum err err;
};

static enum err load_log_row(struct finds *finds);
static enum err load_files(struct finds *finds);
/* Numbers of what is written aside go on behind all that files and rows name, and the newest such
 * segment is written on where its row ends. */
static void resume_aside(struct finds *finds)
{
    struct log *log = finds->log;

    for (size_t i = 0; i < finds->file_count && finds->files[i].used; i++) {
        uint64_t number = finds->files[i].head.number;
        if (segment_is_aside(number) && (number & ~SEGMENT_ASIDE) > log->aside_last)
            log->aside_last = number & ~SEGMENT_ASIDE;
    }
    const struct segment *last =
        log->segment_count == 0 ? NULL : log->segments[log->segment_count - 1];
    if (last != NULL && segment_is_aside(last->number)) {
        if ((last->number & ~SEGMENT_ASIDE) > log->aside_last)
            log->aside_last = last->number & ~SEGMENT_ASIDE;
        log->emptying->aside = log->segments[log->segment_count - 1];
    }
}

static enum err load_segments(struct finds *finds);
static enum err load_states(struct finds *finds);
static enum err scan_open(struct finds *finds);
static enum err begin(struct finds *finds);
static enum err foresee(struct finds *finds);
static enum err apply_hints(struct finds *finds);
static enum err check_doubts(struct finds *finds);
static enum err keep_unapplied(struct finds *finds);
static enum err settle_disk(struct finds *finds);

enum err recover(struct log *log, struct reason *reason)
{
    static enum err (*const steps[])(struct finds *) = {
        load_log_row, load_files,  load_segments, load_states,    foresee,
        scan_open,    apply_hints, check_doubts,  keep_unapplied, settle_disk,
    };
    struct finds finds = { .log = log, .reason = reason };
    enum err err = ERR_OK;

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && err == ERR_OK; i++)
        err = steps[i](&finds);
    free(finds.files);
    free(finds.hints);
    log->hints = NULL;
    log->hint_count = 0;
    if (err == ERR_CORRUPT)
        log_advise(reason);
    return err;
}

static enum err load_log_row(struct finds *finds)
{
    AUTO_UNREF struct buf *value = NULL;

    enum err err = table_get(finds->log->world.table, TABLE_NODE, slice_text(KEY_NODE_LOG), &value,
                             finds->reason);
    if (err == ERR_NOT_FOUND)
        return ERR_OK;
    if (err != ERR_OK)
        return err;
    err = log_row_read(buf_slice(value), &finds->row);
    if (err == ERR_VERSION)
        reason_set(finds->reason, "the tables were written by a newer Braid; start that version");
    else if (err != ERR_OK)
        reason_set(finds->reason, "the log's row in the tables is damaged; " ADVICE);
    else if (finds->row.node != finds->log->options.node) {
        reason_set(finds->reason,
                   "the tables belong to node %016llx, this is node %016llx; point it to its own "
                   "data directory",
                   (unsigned long long)finds->row.node,
                   (unsigned long long)finds->log->options.node);
        err = ERR_FOREIGN;
    }
    finds->row_exists = err == ERR_OK;
    return err;
}

static void note_file(void *ctx, const char *name, uint64_t size)
{
    struct finds *finds = ctx;
    uint64_t id;

    if (!segment_file_id(name, &id))
        return;
    if (finds->file_count == finds->file_room) {
        finds->file_room = finds->file_room == 0 ? 16 : finds->file_room * 2;
        finds->files = log_memory_grow(finds->files, finds->file_room, sizeof(*finds->files));
    }
    finds->files[finds->file_count++] = (struct found){ .file = id };
    if (size % DISK_ALIGN != 0 || size < 2 * SEGMENT_HEAD_BYTES || size > UINT32_MAX) {
        reason_set(finds->reason, "%s has %llu bytes, which no segment has; " ADVICE, name,
                   (unsigned long long)size);
        finds->err = ERR_CORRUPT;
    }
}

/* Opens a file and reads its first block. */
static enum err look_into(struct finds *finds, struct found *found)
{
    struct log *log = finds->log;
    char name[DISK_NAME_MAX];
    struct disk_file *file;

    segment_file_name(found->file, name);
    enum err err = disk_open(log->world.disk, name, &file, finds->reason);
    if (err != ERR_OK)
        return err;
    supply_add_file(log, file, found->file);
    err = disk_read_now(file, 0, log->head.block, SEGMENT_HEAD_BYTES, finds->reason);
    if (err != ERR_OK)
        return err;

    err = segment_head_read(log->head.block, &found->head);
    if (err == ERR_NOT_FOUND)
        return ERR_OK; /* never used */
    if (err == ERR_VERSION) {
        reason_set(finds->reason, "%s was written by a newer Braid; start that version", name);
        return err;
    }
    if (err != ERR_OK)
        return scan_for_open_frames(log, file, name, finds->row.filed, finds->reason);
    if (found->head.node != log->options.node) {
        reason_set(finds->reason,
                   "%s belongs to node %016llx, this is node %016llx; point it to its own data "
                   "directory",
                   name, (unsigned long long)found->head.node,
                   (unsigned long long)log->options.node);
        return ERR_FOREIGN;
    }
    if (found->head.bytes > disk_size(file) && !MUTANT(cut_file_trusted)) {
        reason_set(finds->reason,
                   "%s has %llu bytes, but segment %llu was begun in it with %llu: its end is "
                   "lost; put the whole file back, or " ADVICE,
                   name, (unsigned long long)disk_size(file),
                   (unsigned long long)found->head.number, (unsigned long long)found->head.bytes);
        return ERR_CORRUPT;
    }
    if (found->head.file != found->file) {
        reason_set(finds->reason, "%s holds what another file should hold; put it back, or " ADVICE,
                   name);
        return ERR_CORRUPT;
    }
    found->used = true;
    return ERR_OK;
}

static int by_number(const void *a, const void *b)
{
    const struct found *left = a, *right = b;

    if (left->used != right->used)
        return left->used ? -1 : 1;
    return left->head.number < right->head.number ? -1 : left->head.number > right->head.number;
}

static enum err load_files(struct finds *finds)
{
    enum err err = disk_list(finds->log->world.disk, note_file, finds, finds->reason);

    if (err == ERR_OK)
        err = finds->err;
    for (size_t i = 0; i < finds->file_count && err == ERR_OK; i++)
        err = look_into(finds, &finds->files[i]);
    if (err == ERR_OK && finds->file_count > 0)
        qsort(finds->files, finds->file_count, sizeof(*finds->files), by_number);
    return err;
}

static struct found *found_by_number(struct finds *finds, uint64_t number)
{
    for (size_t i = 0; i < finds->file_count && finds->files[i].used; i++) {
        if (finds->files[i].head.number == number)
            return &finds->files[i];
    }
    return NULL;
}

static bool load_segment(void *ctx, struct slice key, struct slice value)
{
    struct finds *finds = ctx;
    struct segment_row row = { 0 };
    uint64_t number = 0;

    finds->err = ERR_CORRUPT;
    if (key_segment_read(key, &number))
        finds->err = segment_row_read(value, &row);
    if (finds->err != ERR_OK) {
        reason_set(finds->reason, "a segment's row in the tables is damaged; " ADVICE);
        return false;
    }

    struct segment_file *file = supply_take(finds->log, row.file);
    if (file == NULL) {
        reason_set(finds->reason,
                   "segment %llu is missing: the tables say that it is in file "
                   "segment-%016llx; put the file back, or " ADVICE,
                   (unsigned long long)number, (unsigned long long)row.file);
        finds->err = ERR_CORRUPT;
    } else if (row.end > file->bytes && !MUTANT(cut_file_trusted)) {
        reason_set(finds->reason,
                   "file segment-%016llx has %llu bytes, but segment %llu in it ends at %llu: its "
                   "end is lost; put the whole file back, or " ADVICE,
                   (unsigned long long)row.file, (unsigned long long)file->bytes,
                   (unsigned long long)number, (unsigned long long)row.end);
        finds->err = ERR_CORRUPT;
        supply_give(finds->log, file); /* freed with the others */
    } else {
        struct segment *segment = segment_add(finds->log, number, row.life, file);
        segment->phase = SEGMENT_FILED;
        segment->opened = true;
        segment->end = segment->durable_end = row.end;
        if (row.extent_count > 0)
            segment->witness = row.extents[0];
    }
    segment_row_fini(&row);
    return finds->err == ERR_OK;
}

/* A file that a row claims must not have been used again since: then the tables are older than the
 * files.  One whose first block is damaged is still good to read from. */
static enum err check_claims(struct finds *finds)
{
    const struct log *log = finds->log;

    for (size_t i = 0; i < finds->file_count && finds->files[i].used; i++) {
        const struct found *found = &finds->files[i];
        for (size_t j = 0; j < log->segment_count; j++) {
            const struct segment *segment = log->segments[j];
            if (segment->file->id != found->file)
                continue;
            if (segment->number == found->head.number && segment->life == found->head.life)
                continue;
            reason_set(finds->reason,
                       "file segment-%016llx holds segment %llu, the tables say %llu: they are of "
                       "different times; put the right ones back, or " ADVICE,
                       (unsigned long long)found->file, (unsigned long long)found->head.number,
                       (unsigned long long)segment->number);
            return ERR_CORRUPT;
        }
    }
    return ERR_OK;
}

static enum err load_segments(struct finds *finds)
{
    struct slice all = slice_of(NULL, 0);

    finds->log->filed = finds->row.filed;
    enum err err = table_scan(finds->log->world.table, TABLE_SEGMENT, all, all, load_segment, finds,
                              finds->reason);
    if (err == ERR_OK)
        err = finds->err;
    resume_aside(finds);
    return err == ERR_OK ? check_claims(finds) : err;
}

static enum err load_state(struct finds *finds, struct slice key, struct slice value)
{
    enum key_state kind;
    struct hard hard;
    struct hint hint;
    uint64_t id;

    if (!key_state_read(key, &id, &kind))
        return ERR_CORRUPT;
    if (kind == KEY_STATE_HINT) {
        enum err err = hint_read(id, value, &hint);
        if (err != ERR_OK)
            return err;
        if (finds->hint_count == finds->hint_room) {
            finds->hint_room = finds->hint_room == 0 ? 64 : finds->hint_room * 2;
            finds->hints = log_memory_grow(finds->hints, finds->hint_room, sizeof(*finds->hints));
        }
        finds->hints[finds->hint_count++] = hint;
        return ERR_OK;
    }

    enum err err = hard_read(id, value, &hard);
    if (err != ERR_OK)
        return err;
    struct group *group = group_make(finds->log, id);
    group->state = hard.state;
    group->made = hard.made;
    group->start_time_ms = hard.start_time_ms;
    return ERR_OK;
}

static bool load_state_row(void *ctx, struct slice key, struct slice value)
{
    struct finds *finds = ctx;

    finds->err = load_state(finds, key, value);
    if (finds->err != ERR_OK)
        reason_set(finds->reason, "the state of a group in the tables is damaged; " ADVICE);
    return finds->err == ERR_OK;
}

static enum err load_states(struct finds *finds)
{
    struct slice all = slice_of(NULL, 0);
    enum err err = table_scan(finds->log->world.table, TABLE_STATE, all, all, load_state_row, finds,
                              finds->reason);

    return err != ERR_OK ? err : finds->err;
}

/* The numbers behind the last filed one must all be there, once. */
static enum err check_order(struct finds *finds, uint64_t *last)
{
    uint64_t expected = finds->row.filed + 1;
    uint64_t known = finds->row_exists ? finds->row.opened : 0;

    for (size_t i = 0; i < finds->file_count && finds->files[i].used; i++) {
        uint64_t number = finds->files[i].head.number;
        if (number <= finds->row.filed || segment_is_aside(number))
            continue;
        if (number != expected) {
            reason_set(finds->reason,
                       number < expected ? "two files say that they are segment %llu; " ADVICE
                                         : "segment %llu is missing before the last one; put its "
                                           "file back, or " ADVICE,
                       (unsigned long long)(number < expected ? number : expected));
            return ERR_CORRUPT;
        }
        expected++;
    }
    *last = expected - 1;
    if (*last < known) {
        reason_set(finds->reason,
                   "segment %llu is missing: the tables say that it was begun; put its file back, "
                   "or " ADVICE,
                   (unsigned long long)known);
        return ERR_CORRUPT;
    }
    return ERR_OK;
}

static enum err scan_open(struct finds *finds)
{
    struct log *log = finds->log;
    uint64_t last;

    enum err err = check_order(finds, &last);
    if (err != ERR_OK)
        return err;
    if (last == finds->row.filed)
        return begin(finds);

    const struct found *first = found_by_number(finds, finds->row.filed + 1);
    uint64_t bytes = 0;
    log->frame_next = first->head.next_frame;
    log->recovery.last_turn = first->head.next_turn == 0 ? 0 : first->head.next_turn - 1;
    log->recovery.whole_turn = log->recovery.last_turn;
    for (uint64_t number = finds->row.filed + 1; number <= last && err == ERR_OK; number++) {
        const struct found *found = found_by_number(finds, number);
        const struct found *next = found_by_number(finds, number + 1);
        struct segment_file *file = supply_take(log, found->file);
        ensure(file != NULL);
        struct segment *segment = segment_add(log, number, found->head.life, file);
        segment->opened = true;
        segment->bytes = found->head.bytes;
        segment->previous_end = found->head.previous_end;
        segment->next_frame = log->frame_next;
        err = scan_segment(log, segment, next == NULL ? 0 : next->head.previous_end,
                           finds->reason);
        bytes += segment->end;
        if (err == ERR_OK && next != NULL) {
            segment_fix(log, segment);
            segment->phase = SEGMENT_COMPLETE;
        }
    }
    supply_judge_frames(log, log->frame_next - first->head.next_frame, bytes);
    log->turn = log->recovery.last_turn + 1;
    log->durable = log->recovery.last_turn;
    return err;
}

/* A directory without a log: its first segment. */
static enum err begin(struct finds *finds)
{
    struct log *log = finds->log;
    const struct log_options *options = &log->options;
    enum err err = ERR_OK;

    while (err == ERR_OK && log->files_ready_count < options->segments_ahead + 1) {
        char name[DISK_NAME_MAX];
        struct disk_file *file;
        if (log->files_ready_count > 0 && options->log_bytes_max != 0 &&
            log->figures.bytes_total + options->segment_bytes > options->log_bytes_max)
            break;
        segment_file_name(log->file_next, name);
        err = disk_create_now(log->world.disk, name, options->segment_bytes, &file, finds->reason);
        if (err == ERR_OK)
            supply_add_file(log, file, log->file_next);
    }
    if (err == ERR_NO_SPACE && log->files_ready_count >= FILES_FIRST_MIN)
        err = ERR_OK; /* small, but it can begin; supply_kick() tries again */
    if (err == ERR_NO_SPACE)
        reason_wrap(finds->reason,
                    "the disk is too small for a new log, which begins with %u segments of %llu "
                    "bytes; give it a larger one, or a smaller segment-bytes",
                    FILES_FIRST_MIN, (unsigned long long)options->segment_bytes);
    if (err != ERR_OK)
        return err;

    struct segment *first =
        segment_add(log, 1, random_id(log->world.random), supply_take(log, 0));
    struct segment_head head = {
        .node = options->node,
        .number = first->number,
        .life = first->life,
        .file = first->file->id,
        .bytes = first->bytes,
        .created_ms = clock_wall_ms(log->world.clock),
        .next_frame = 1,
        .next_turn = 1,
    };
    segment_head_write(&head, log->head.block);
    first->opened = true;
    log->turn = log->frame_next = first->next_frame = 1;
    return disk_write_now(first->file->file, 0, log->head.block, SEGMENT_HEAD_BYTES,
                          finds->reason);
}

/* Before the frames are replayed.  The tables' states are as of the oldest of these, the trims are
 * newer, and what they freed is gone. */
static enum err foresee(struct finds *finds)
{
    struct log *log = finds->log;

    log->hints = finds->hints;
    log->hint_count = finds->hint_count;
    for (size_t i = 0; i < log->group_count; i++)
        group_foresee(log, log->groups[i]);
    return ERR_OK;
}

static enum err apply_hints(struct finds *finds)
{
    return hints_apply(finds->log, finds->hints, finds->hint_count, finds->reason);
}

static enum err check_doubts(struct finds *finds)
{
    return scan_doubts(finds->log, finds->reason);
}

/* Filed entries above what is known to be applied stay in memory (index_filed()). */
static enum err keep_unapplied(struct finds *finds)
{
    struct log *log = finds->log;

    for (size_t i = 0; i < log->group_count; i++) {
        struct group *group = log->groups[i];
        uint64_t from = group->state.applied + 1;
        if (from < group->state.first)
            from = group->state.first;
        while (index_first(group) > from) {
            uint64_t last = index_first(group) - 1;
            struct index_row row;
            enum err err =
                row_find(log->world.table, group->state.group, last, &row, finds->reason);
            struct segment *segment = err == ERR_OK ? segment_find(log, row.segment) : NULL;
            if (segment == NULL) {
                reason_set(finds->reason,
                           "group %llu: the tables have no good index row for entry %llu; " ADVICE,
                           (unsigned long long)group->state.group, (unsigned long long)last);
                if (err == ERR_OK)
                    index_row_fini(&row);
                return err == ERR_OK || err == ERR_NOT_FOUND ? ERR_CORRUPT : err;
            }
            index_keep(group, segment, &row, from, last);
            index_row_fini(&row);
        }
    }
    return ERR_OK;
}

/* Everything was understood: now, and not before, the disk is changed. */
static enum err settle_disk(struct finds *finds)
{
    struct log *log = finds->log;

    enum err err = scan_clean_tail(log, segment_tail(log), finds->reason);
    if (err != ERR_OK || finds->row_exists)
        return err;

    struct log_row row = { .node = log->options.node, .filed = 0, .opened = 1 };
    struct table_batch *batch = table_batch_new();
    struct writer writer;
    if (batch == NULL)
        return ERR_NO_MEMORY;
    writer_init(&writer, DISK_ALIGN);
    log_row_write(&writer, &row);
    table_batch_put(batch, TABLE_NODE, slice_text(KEY_NODE_LOG), writer_slice(&writer));
    err = table_write(log->world.table, batch, true, finds->reason);
    writer_fini(&writer);
    table_batch_free(batch);
    return err;
}
