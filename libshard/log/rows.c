#include "log/rows.h"

#include <stdlib.h>

#include "base/ensure.h"
#include "base/limits.h"
#include "log/frame.h"
#include "log/segment.h"
#include "table/keys.h"

/* Differences of neighbours are small and may be negative: small numbers become short varints. */
static uint64_t zigzag(uint64_t value, uint64_t before)
{
    uint64_t difference = value - before;

    return (difference << 1) ^ (0 - (difference >> 63));
}

static uint64_t unzigzag(uint64_t coded, uint64_t before)
{
    return before + ((coded >> 1) ^ (0 - (coded & 1)));
}

void log_row_write(struct writer *writer, const struct log_row *row)
{
    writer_u16(writer, LOG_FORMAT);
    writer_u64(writer, row->node);
    writer_u64(writer, row->filed);
    writer_u64(writer, row->opened);
}

enum err log_row_read(struct slice bytes, struct log_row *row)
{
    struct reader reader = reader_of(bytes);
    struct log_row read;

    if (reader_u16(&reader) > LOG_FORMAT)
        return ERR_VERSION;
    read.node = reader_u64(&reader);
    read.filed = reader_u64(&reader);
    read.opened = reader_u64(&reader);
    if (!reader_done(&reader) || read.opened < read.filed)
        return ERR_CORRUPT;
    *row = read;
    return ERR_OK;
}

void segment_row_write(struct writer *writer, const struct segment_row *row)
{
    writer_u64(writer, row->life);
    writer_u64(writer, row->file);
    writer_u64(writer, row->end);
    writer_varint(writer, row->entries);
    writer_varint(writer, row->extent_count);
    for (uint32_t i = 0; i < row->extent_count; i++) {
        const struct extent *extent = &row->extents[i];
        writer_u64(writer, extent->group);
        writer_varint(writer, extent->first);
        writer_varint(writer, extent->last - extent->first);
    }
    for (uint32_t i = 0; i < row->extent_count; i++)
        writer_varint(writer, row->extents[i].bytes);
}

/* Rows of an earlier time end before these: then each entry counts alike. */
static void read_bytes_of(struct reader *reader, struct segment_row *row)
{
    uint64_t used = row->end > SEGMENT_HEAD_BYTES ? row->end - SEGMENT_HEAD_BYTES : 0;
    uint64_t entries = 0;

    if (reader->bad || reader->rest.len > 0) {
        for (uint32_t i = 0; i < row->extent_count; i++)
            row->extents[i].bytes = reader_varint(reader);
        return;
    }
    for (uint32_t i = 0; i < row->extent_count; i++)
        entries += row->extents[i].last - row->extents[i].first + 1;
    for (uint32_t i = 0; i < row->extent_count && entries > 0; i++) {
        struct extent *extent = &row->extents[i];
        double share = (double)used / (double)entries * (double)(extent->last - extent->first + 1);
        extent->bytes = share < (double)used ? (uint64_t)share : used;
    }
}

enum err segment_row_read(struct slice bytes, struct segment_row *row)
{
    struct reader reader = reader_of(bytes);
    struct segment_row read = { 0 };

    read.life = reader_u64(&reader);
    read.file = reader_u64(&reader);
    read.end = reader_u64(&reader);
    read.entries = reader_varint(&reader);
    uint64_t count = reader_varint(&reader);
    if (reader.bad || count > reader.rest.len / 10) /* the least bytes of an extent */
        return ERR_CORRUPT;

    read.extents = calloc(count > 0 ? count : 1, sizeof(*read.extents));
    if (read.extents == NULL)
        return ERR_NO_MEMORY;
    for (; read.extent_count < count; read.extent_count++) {
        struct extent *extent = &read.extents[read.extent_count];
        extent->group = reader_u64(&reader);
        extent->first = reader_varint(&reader);
        extent->last = extent->first + reader_varint(&reader);
    }
    read_bytes_of(&reader, &read);
    if (!reader_done(&reader)) {
        segment_row_fini(&read);
        return ERR_CORRUPT;
    }
    *row = read;
    return ERR_OK;
}

int extent_compare(const void *a, const void *b)
{
    const struct extent *left = a, *right = b;

    if (left->group != right->group)
        return left->group < right->group ? -1 : 1;
    return left->first < right->first ? -1 : left->first > right->first;
}

static bool lies_before(const struct extent *a, const struct extent *b)
{
    return a->group != b->group ? a->group < b->group : a->last < b->first;
}

static void shorten(struct extent *extent, uint64_t last)
{
    double part = (double)(last - extent->first + 1) / (double)(extent->last - extent->first + 1);

    extent->bytes = (uint64_t)((double)extent->bytes * part);
    extent->last = last;
}

/* Rows of a group do not overlap.  So one that is listed, and begins where a newer one has entries,
 * is gone; and one that the newer begins in ends before it by now. */
void segment_row_renew(struct segment_row *row, uint32_t added)
{
    struct extent *extents = row->extents;
    uint32_t count = row->extent_count, next = added, kept = 0;

    if (added == 0 || added == count)
        return;
    qsort(extents, added, sizeof(*extents), extent_compare);
    qsort(extents + added, count - added, sizeof(*extents), extent_compare);
    for (uint32_t i = 0; i < added; i++) {
        struct extent old = extents[i];
        while (next < count && lies_before(&extents[next], &old))
            next++;
        const struct extent *newer = next < count ? &extents[next] : NULL;
        if (newer != NULL && !lies_before(&old, newer)) {
            if (newer->first <= old.first)
                continue;
            shorten(&old, newer->first - 1);
        }
        extents[kept++] = old;
    }
    memmove(extents + kept, extents + added, (count - added) * sizeof(*extents));
    row->extent_count = kept + count - added;
}

void segment_row_fini(struct segment_row *row)
{
    free(row->extents);
    *row = (struct segment_row){ 0 };
}

/* segment 8, count 4, first time 8, last time 8, then per entry differences to the one before. */
void index_row_write(struct writer *writer, uint64_t segment, const struct place *places,
                     uint32_t count)
{
    struct place before = { 0 };

    ensure(count > 0 && count <= LOG_RUN_ENTRIES_MAX);
    writer_u64(writer, segment);
    writer_u32(writer, count);
    writer_u64(writer, places[0].time_ms);
    writer_u64(writer, places[count - 1].time_ms);
    for (uint32_t i = 0; i < count; i++) {
        const struct place *place = &places[i];
        writer_varint(writer, zigzag(place->term, before.term));
        writer_varint(writer, zigzag(place->time_ms, before.time_ms));
        writer_varint(writer, zigzag(place->epoch, before.epoch));
        writer_varint(writer, zigzag(place->offset, before.offset + (uint64_t)before.length));
        writer_varint(writer, place->length);
        writer_varint(writer, place->records);
        writer_u8(writer, place->type);
        writer_u8(writer, place->flags);
        writer_u32(writer, place->crc);
        before = *place;
    }
}

enum err index_span_read(struct slice key, struct slice bytes, struct index_span *span)
{
    struct reader reader = reader_of(bytes);
    struct index_span read;

    if (!key_index_read(key, &read.group, &read.first))
        return ERR_CORRUPT;
    read.segment = reader_u64(&reader);
    uint32_t count = reader_u32(&reader);
    read.first_time_ms = reader_u64(&reader);
    read.last_time_ms = reader_u64(&reader);
    if (reader.bad || count == 0 || count > LOG_RUN_ENTRIES_MAX)
        return ERR_CORRUPT;
    read.last = read.first + count - 1;
    *span = read;
    return ERR_OK;
}

static bool read_place(struct reader *reader, const struct place *before, struct place *place)
{
    place->term = unzigzag(reader_varint(reader), before->term);
    place->time_ms = unzigzag(reader_varint(reader), before->time_ms);
    uint64_t epoch = unzigzag(reader_varint(reader), before->epoch);
    uint64_t offset =
        unzigzag(reader_varint(reader), before->offset + (uint64_t)before->length);
    uint64_t length = reader_varint(reader);
    uint64_t records = reader_varint(reader);
    place->type = reader_u8(reader);
    place->flags = reader_u8(reader);
    place->crc = reader_u32(reader);
    if (reader->bad || epoch > UINT32_MAX || offset > UINT32_MAX || length > ENTRY_PAYLOAD_MAX ||
        records > ENTRY_RECORDS_MAX)
        return false;
    place->epoch = (uint32_t)epoch;
    place->offset = (uint32_t)offset;
    place->length = (uint32_t)length;
    place->records = (uint16_t)records;
    return true;
}

enum err index_row_read(struct slice key, struct slice bytes, struct index_row *row)
{
    struct reader reader = reader_of(bytes);
    struct place before = { 0 };
    struct index_span span;

    enum err err = index_span_read(key, bytes, &span);
    if (err != ERR_OK)
        return err;
    struct index_row read = {
        .group = span.group,
        .first = span.first,
        .segment = span.segment,
        .count = (uint32_t)(span.last - span.first + 1),
    };
    read.places = calloc(read.count, sizeof(*read.places));
    if (read.places == NULL)
        return ERR_NO_MEMORY;

    reader_bytes(&reader, 28); /* what index_span_read() has read */
    for (uint32_t i = 0; i < read.count && !reader.bad; i++) {
        if (!read_place(&reader, &before, &read.places[i]))
            reader.bad = true;
        before = read.places[i];
    }
    if (!reader_done(&reader)) {
        index_row_fini(&read);
        return ERR_CORRUPT;
    }
    *row = read;
    return ERR_OK;
}

void index_row_fini(struct index_row *row)
{
    free(row->places);
    *row = (struct index_row){ 0 };
}

static void write_applied(struct writer *writer, const uint64_t numbers[3], uint32_t image_bytes,
                          const unsigned char *image)
{
    for (unsigned i = 0; i < 3; i++)
        writer_u64(writer, numbers[i]);
    writer_u8(writer, (uint8_t)image_bytes);
    writer_bytes(writer, slice_of(image, image_bytes));
}

static bool read_applied(struct reader *reader, uint64_t *numbers[3], uint32_t *image_bytes,
                         unsigned char *image)
{
    for (unsigned i = 0; i < 3; i++)
        *numbers[i] = reader_u64(reader);
    *image_bytes = reader_u8(reader);
    if (*image_bytes > IMAGE_BYTES_MAX)
        return false;
    struct slice bytes = reader_bytes(reader, *image_bytes);
    if (bytes.len > 0)
        memcpy(image, bytes.data, bytes.len);
    return !reader->bad;
}

void hard_write(struct writer *writer, const struct hard *hard)
{
    const struct log_state *state = &hard->state;

    writer_u64(writer, hard->made);
    writer_u32(writer, state->epoch);
    writer_u64(writer, state->start_index);
    writer_u64(writer, state->start_term);
    writer_u64(writer, hard->start_time_ms);
    writer_u64(writer, state->term);
    writer_u64(writer, state->vote);
    writer_u64(writer, state->first);
    writer_u64(writer, state->last);
    writer_u64(writer, state->last_term);
    writer_u64(writer, state->last_time_ms);
    writer_u8(writer, (uint8_t)state->member_count);
    for (uint32_t i = 0; i < state->member_count; i++)
        writer_u64(writer, state->members[i]);
    write_applied(
        writer,
        (const uint64_t[3]){ state->applied, state->applied_term, state->applied_time_ms },
        state->image_bytes, state->image);
}

enum err hard_read(uint64_t group, struct slice bytes, struct hard *hard)
{
    struct reader reader = reader_of(bytes);
    struct hard read = { .state.group = group };
    struct log_state *state = &read.state;

    read.made = reader_u64(&reader);
    state->epoch = reader_u32(&reader);
    state->start_index = reader_u64(&reader);
    state->start_term = reader_u64(&reader);
    read.start_time_ms = reader_u64(&reader);
    state->term = reader_u64(&reader);
    state->vote = reader_u64(&reader);
    state->first = reader_u64(&reader);
    state->last = reader_u64(&reader);
    state->last_term = reader_u64(&reader);
    state->last_time_ms = reader_u64(&reader);
    state->member_count = reader_u8(&reader);
    if (state->member_count > GROUP_MEMBERS_MAX)
        return ERR_CORRUPT;
    for (uint32_t i = 0; i < state->member_count; i++)
        state->members[i] = reader_u64(&reader);
    uint64_t *applied[3] = { &state->applied, &state->applied_term, &state->applied_time_ms };
    if (!read_applied(&reader, applied, &state->image_bytes, state->image) || !reader_done(&reader))
        return ERR_CORRUPT;
    *hard = read;
    return ERR_OK;
}

void hint_write(struct writer *writer, const struct hint *hint)
{
    writer_u64(writer, hint->made);
    writer_u32(writer, hint->epoch);
    writer_u64(writer, hint->first);
    write_applied(writer,
                  (const uint64_t[3]){ hint->applied, hint->applied_term, hint->applied_time_ms },
                  hint->image_bytes, hint->image);
}

enum err hint_read(uint64_t group, struct slice bytes, struct hint *hint)
{
    struct reader reader = reader_of(bytes);
    struct hint read = { .group = group };

    read.made = reader_u64(&reader);
    read.epoch = reader_u32(&reader);
    read.first = reader_u64(&reader);
    uint64_t *applied[3] = { &read.applied, &read.applied_term, &read.applied_time_ms };
    if (!read_applied(&reader, applied, &read.image_bytes, read.image) || !reader_done(&reader))
        return ERR_CORRUPT;
    *hint = read;
    return ERR_OK;
}
