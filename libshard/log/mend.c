#include <stdlib.h>

#include "base/ensure.h"
#include "base/mutant.h"
#include "log/move.h"

/* Writes the payload of a damaged entry again, in its place.
 *
 *  1. locate()          the entry's place, from memory or the table; it must have this very head
 *  2. read_cover()      the blocks that the payload lies in, twice: what a disk reads differently
 *                       each time must not be written back
 *     read_edges()      when the disk cannot read them: the first and the last block alone, twice
 *                       too; what lies in between is payload, all of it
 *  3. patch()           the good bytes go in; the blocks that change are written, no others
 *  4. write_piece()     not more than LOG_MEND_WRITE_BYTES at once: frames get in between
 *  5. read_cover()      once more, to see that it is whole now
 *  6. elsewhere()       when the place is of no use: the entry is written aside (move.c), and the
 *                       others that lie in a block like that are, each when it is found
 *
 * In its place, not at the log's end: every byte that is written is what it was when the segment
 * was left, so no row changes, no index says anything new, and a crash between two writes leaves
 * the entry damaged or whole and everything else as it was.  A disk puts another block in a bad
 * one's place when it is written to.  Nobody else writes there: frames that are durable do not
 * change, and the segment is pinned, so its file is not used again meanwhile. */

#define EDGE_READS 4u /* first and last, twice */

enum mend_phase { MEND_READ, MEND_READ_AGAIN, MEND_WRITE, MEND_LOOK };

struct mend_job {
    struct log *log;
    struct log_mend *req;
    struct lookup lookup;
    struct defer end;
    struct disk_io io;
    enum mend_phase phase;
    struct segment *segment; /* pinned; NULL before it is known */
    uint64_t offset;         /* of the payload */
    uint64_t cover_at;       /* the blocks around it */
    size_t cover_len;
    unsigned char *cover, *again;
    uint32_t edges;  /* blocks read by read_edges(), of EDGE_READS */
    size_t from, to; /* of the cover: left to write */
    bool filed;      /* an index row has it: the place and the row's first entry */
    struct place place;
    uint64_t row_first;
    struct move move;
    enum err err;
};

static void locate(struct mend_job *job);
static void mend_on_lookup(struct lookup *lookup, enum err err);
static void read_cover(struct mend_job *job, enum mend_phase phase);
static void mend_on_read(struct disk_io *io, enum err err);
static void read_edges(struct mend_job *job);
static void mend_on_edge(struct disk_io *io, enum err err);
static void patch(struct mend_job *job);
static void patch_between(struct mend_job *job);
static void write_piece(struct mend_job *job);
static void mend_on_written(struct disk_io *io, enum err err);
static void elsewhere(struct mend_job *job);
static void mend_on_moved(struct move *move, enum err err);
static void mend_soon(struct mend_job *job, enum err err);
static void mend_on_end(struct defer *defer);

void log_mend(struct log *log, struct log_mend *req, log_mend_cb cb)
{
    struct mend_job *job = log_memory(1, sizeof(*job));

    *job = (struct mend_job){ .log = log, .req = req };
    req->reason = (struct reason){ 0 };
    req->wrote = req->aside = false;
    req->cb = cb;
    buf_ref(req->payload);
    log->active++;
    log->mends++;
    if (log->mends > LOG_MENDS_MAX)
        mend_soon(job, ERR_BUSY);
    else if (!entry_matches(&req->head, buf_slice(req->payload)))
        mend_soon(job, ERR_INVALID);
    else
        locate(job);
}

static bool same_head(const struct entry_head *a, const struct entry_head *b)
{
    unsigned char left[ENTRY_HEAD_BYTES], right[ENTRY_HEAD_BYTES];

    entry_head_encode(a, left);
    entry_head_encode(b, right);
    return memcmp(left, right, sizeof(left)) == 0;
}

/* The place is known.  Pinned in the same turn in which the group still had the entry. */
static void take_place(struct mend_job *job, struct segment *segment, const struct place *place)
{
    struct entry_head head = place_head(place, job->req->head.group, job->req->head.index);

    if (segment == NULL || !same_head(&head, &job->req->head) ||
        !place_is_durable(place, segment)) {
        mend_soon(job, ERR_NOT_FOUND);
        return;
    }
    job->segment = segment;
    job->place = *place;
    segment->pins++;
    job->offset = place->offset;
    job->cover_at = job->offset / DISK_ALIGN * DISK_ALIGN;
    job->cover_len = (size_t)((job->offset + head.length - job->cover_at + DISK_ALIGN - 1) /
                              DISK_ALIGN * DISK_ALIGN);
    job->cover = disk_memory(job->cover_len);
    job->again = disk_memory(job->cover_len);
    if (job->cover == NULL || job->again == NULL)
        mend_soon(job, ERR_NO_MEMORY);
    else
        read_cover(job, MEND_READ);
}

static void locate(struct mend_job *job)
{
    struct log *log = job->log;
    const struct entry_head *head = &job->req->head;
    const struct group *group = group_find(log, head->group);
    struct run *run = NULL;

    if (log->failed || group == NULL || head->index < group->state.first ||
        head->index > group->state.last) {
        mend_soon(job, log->failed ? ERR_IO : ERR_NOT_FOUND);
        return;
    }
    const struct place *place = index_find(group, head->index, &run);
    if (place != NULL) {
        take_place(job, run->segment, place);
        return;
    }
    const struct index_row *row = cache_find(log, head->group, head->index);
    if (row != NULL) {
        job->filed = true;
        job->row_first = row->first;
        take_place(job, segment_find(log, row->segment), &row->places[head->index - row->first]);
        return;
    }
    job->lookup.group = head->group;
    job->lookup.index = head->index;
    lookup_start(log, &job->lookup, mend_on_lookup);
}

static void mend_on_lookup(struct lookup *lookup, enum err err)
{
    struct mend_job *job = container_of(lookup, struct mend_job, lookup);

    if (err == ERR_OK)
        cache_put(job->log, lookup);
    else if (err != ERR_NOT_FOUND || lookup->cuts == job->log->cuts) {
        job->req->reason = lookup->reason;
        mend_soon(job, err);
        return;
    }
    locate(job);
}

static void read_cover(struct mend_job *job, enum mend_phase phase)
{
    job->phase = phase;
    disk_read(job->segment->file->file, &job->io, job->cover_at,
              phase == MEND_READ_AGAIN ? job->again : job->cover, job->cover_len, mend_on_read);
}

static struct slice payload_in(const struct mend_job *job, const unsigned char *cover)
{
    return slice_of(cover + (job->offset - job->cover_at), job->req->head.length);
}

static void mend_on_read(struct disk_io *io, enum err err)
{
    struct mend_job *job = container_of(io, struct mend_job, io);
    const struct entry_head *head = &job->req->head;

    if (err == ERR_IO && job->phase == MEND_READ) {
        read_edges(job);
    } else if (err == ERR_IO) {
        elsewhere(job);
    } else if (err != ERR_OK) {
        job->req->reason = io->reason;
        mend_soon(job, err);
    } else if (job->phase == MEND_READ) {
        read_cover(job, MEND_READ_AGAIN);
    } else if (job->phase == MEND_READ_AGAIN) {
        patch(job);
    } else if (entry_matches(head, payload_in(job, job->cover))) {
        job->log->figures.mended_entries++;
        job->req->wrote = true;
        mend_soon(job, ERR_OK);
    } else {
        elsewhere(job);
    }
}

static size_t edge_at(const struct mend_job *job)
{
    return job->edges % 2 == 0 ? 0 : job->cover_len - DISK_ALIGN;
}

static void read_edges(struct mend_job *job)
{
    unsigned char *into = job->edges < EDGE_READS / 2 ? job->cover : job->again;
    size_t at = edge_at(job);

    disk_read(job->segment->file->file, &job->io, job->cover_at + at, into + at, DISK_ALIGN,
              mend_on_edge);
}

static void mend_on_edge(struct disk_io *io, enum err err)
{
    struct mend_job *job = container_of(io, struct mend_job, io);

    if (err == ERR_IO) { /* other entries' bytes may lie in it: it must not be made up */
        elsewhere(job);
    } else if (err != ERR_OK) {
        job->req->reason = io->reason;
        mend_soon(job, err);
    } else if (++job->edges < EDGE_READS) {
        read_edges(job);
    } else {
        patch_between(job);
    }
}

static void patch_between(struct mend_job *job)
{
    size_t last = job->cover_len - DISK_ALIGN;

    if (memcmp(job->cover, job->again, DISK_ALIGN) != 0 ||
        memcmp(job->cover + last, job->again + last, DISK_ALIGN) != 0) {
        elsewhere(job); /* the disk reads it differently each time */
        return;
    }
    memcpy(job->again + (job->offset - job->cover_at), job->req->payload->data,
           job->req->head.length);
    job->from = 0;
    job->to = job->cover_len;
    job->phase = MEND_WRITE;
    write_piece(job);
}

static void patch(struct mend_job *job)
{
    const struct entry_head *head = &job->req->head;
    unsigned char *good = job->again;

    if (memcmp(job->cover, job->again, job->cover_len) != 0) {
        elsewhere(job); /* the disk reads it differently each time */
        return;
    }
    if (entry_matches(head, payload_in(job, job->cover))) {
        mend_soon(job, ERR_OK); /* it was the reading that went wrong */
        return;
    }
    if (MUTANT(mend_unwritten)) {
        mend_soon(job, ERR_OK);
        return;
    }
    memcpy(good + (job->offset - job->cover_at), job->req->payload->data, head->length);
    job->from = 0;
    while (memcmp(good + job->from, job->cover + job->from, DISK_ALIGN) == 0)
        job->from += DISK_ALIGN; /* one of them is another: the payload was */
    job->to = job->cover_len;
    while (memcmp(good + job->to - DISK_ALIGN, job->cover + job->to - DISK_ALIGN, DISK_ALIGN) == 0)
        job->to -= DISK_ALIGN;
    job->phase = MEND_WRITE;
    write_piece(job);
}

static void write_piece(struct mend_job *job)
{
    size_t len = job->to - job->from;

    if (len > LOG_MEND_WRITE_BYTES)
        len = LOG_MEND_WRITE_BYTES;
    disk_write(job->segment->file->file, &job->io, job->cover_at + job->from,
               job->again + job->from, len, mend_on_written);
}

static void mend_on_written(struct disk_io *io, enum err err)
{
    struct mend_job *job = container_of(io, struct mend_job, io);

    if (err != ERR_OK) { /* as any write */
        job->req->reason = io->reason;
        log_fail(job->log, &io->reason);
        mend_soon(job, err);
        return;
    }
    job->from += io->len;
    if (job->from < job->to)
        write_piece(job);
    else
        read_cover(job, MEND_LOOK);
}

/* ---- not in its place ---- */

static void elsewhere(struct mend_job *job)
{
    struct log *log = job->log;
    const struct entry_head *head = &job->req->head;
    const struct group *group = group_find(log, head->group);
    char name[DISK_NAME_MAX];

    disk_memory_free(job->cover);
    disk_memory_free(job->again);
    job->cover = job->again = NULL;
    segment_file_name(job->segment->file->id, name);
    reason_set(&job->req->reason, "file %s, offset %llu: a block of it is bad", name,
               (unsigned long long)job->offset);
    if (!job->filed || job->segment->phase != SEGMENT_FILED || group == NULL ||
        index_find(group, head->index, NULL) != NULL) {
        reason_wrap(&job->req->reason, "to be written elsewhere once its segment is filed");
        mend_soon(job, ERR_BUSY);
        return;
    }
    job->move = (struct move){ .segment = job->segment,
                               .head = *head,
                               .place = job->place,
                               .row_first = job->row_first,
                               .payload = buf_slice(job->req->payload) };
    move_start(log, &job->move, mend_on_moved);
}

static void mend_on_moved(struct move *move, enum err err)
{
    struct mend_job *job = container_of(move, struct mend_job, move);

    if (err == ERR_OK) {
        job->log->figures.mended_entries++;
        job->log->figures.moved_entries++;
        job->req->wrote = job->req->aside = true;
    } else if (err != ERR_NOT_FOUND) {
        reason_wrap(&job->req->reason, "%s", move->reason.text);
    }
    mend_soon(job, err);
}

static void mend_soon(struct mend_job *job, enum err err)
{
    job->err = err;
    defer_run(job->log->world.clock, &job->end, mend_on_end);
}

static void mend_on_end(struct defer *defer)
{
    struct mend_job *job = container_of(defer, struct mend_job, end);
    struct log *log = job->log;
    struct log_mend *req = job->req;
    enum err err = job->err;

    if (err == ERR_OK || err == ERR_NOT_FOUND)
        damage_gone(log, req->head.group, req->head.index);
    if (job->segment != NULL)
        segment_unpin(log, job->segment);
    disk_memory_free(job->cover);
    disk_memory_free(job->again);
    buf_unref(req->payload);
    free(job);
    log->mends--;
    log->active--;
    req->cb(req, err);
    log_close_kick(log);
}
