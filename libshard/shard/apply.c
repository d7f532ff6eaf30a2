/* apply.c - what a committed entry does to a shard: counters and the tail.
 *
 * The image is what the counters were at an index.  33 bytes, big-endian:
 *
 *      0  format, 1          1
 *      1  records            8      17  time of the newest record, ms    8
 *      9  bytes              8      25  index of its entry               8
 *
 * Of a shard that has ended the format is 2, and behind that comes
 *
 *     33  index of the END     8      41  its time, ms                     8
 */
#include "base/bytes.h"
#include "base/ensure.h"
#include "shard/shard_private.h"
#include "shard/watch.h"

#define IMAGE_FORMAT 1u
#define IMAGE_BYTES 33u
#define IMAGE_FORMAT_ENDED 2u
#define IMAGE_BYTES_ENDED 49u

_Static_assert(IMAGE_BYTES_ENDED <= IMAGE_BYTES_MAX, "the image rides in fields of a fixed size");

void apply_head(struct shard_image *image, const struct entry_head *head)
{
    if (head->type == ENTRY_END && image->end_index == 0) {
        image->end_index = head->index;
        image->end_time_ms = head->time_ms;
    }
    if (head->type != ENTRY_RECORDS)
        return;
    image->records += head->records;
    image->bytes += head->length;
    image->newest_time_ms = head->time_ms;
    image->newest_index = head->index;
}

void apply_entry(void *ctx, const struct entry_head *head, struct buf *payload)
{
    struct shard *shard = ctx;

    ensure(head->index == shard->applied + 1);
    shard->applied = head->index;
    apply_head(&shard->image, head);
    tail_add(&shard->tail, head, payload);
    if (head->type == ENTRY_RECORDS || head->type == ENTRY_END)
        watch_wake(shard);
}

static uint32_t image_write(const struct shard_image *image, unsigned char bytes[IMAGE_BYTES_MAX])
{
    bool ended = image->end_index != 0;

    bytes[0] = ended ? IMAGE_FORMAT_ENDED : IMAGE_FORMAT;
    put_u64(bytes + 1, image->records);
    put_u64(bytes + 9, image->bytes);
    put_u64(bytes + 17, image->newest_time_ms);
    put_u64(bytes + 25, image->newest_index);
    if (!ended)
        return IMAGE_BYTES;
    put_u64(bytes + 33, image->end_index);
    put_u64(bytes + 41, image->end_time_ms);
    return IMAGE_BYTES_ENDED;
}

uint32_t apply_image(void *ctx, unsigned char bytes[IMAGE_BYTES_MAX])
{
    const struct shard *shard = ctx;

    return image_write(&shard->image, bytes);
}

uint32_t shard_image_at_end(const struct log *log, const struct log_state *state,
                            unsigned char bytes[IMAGE_BYTES_MAX])
{
    uint64_t at = state->applied > state->start_index ? state->applied : state->start_index;
    struct reason reason = { .text = "" };
    struct shard_image image;
    struct entry_head head;

    ensure(apply_image_read(&image, slice_of(state->image, state->image_bytes), &reason) == ERR_OK);
    while (at < state->last) { /* above `applied` they are in memory */
        ensure(log_head(log, state->group, ++at, &head) == ERR_OK);
        apply_head(&image, &head);
    }
    return image_write(&image, bytes);
}

enum err apply_image_read(struct shard_image *image, struct slice bytes, struct reason *reason)
{
    struct reader reader = reader_of(bytes);
    struct shard_image found = { 0 };

    if (bytes.len == 0) {
        *image = found;
        return ERR_OK;
    }
    uint8_t format = reader_u8(&reader);
    if (format != IMAGE_FORMAT && format != IMAGE_FORMAT_ENDED) {
        reason_set(reason, "image: format %u is not known", bytes.data[0]);
        return ERR_VERSION;
    }
    found.records = reader_u64(&reader);
    found.bytes = reader_u64(&reader);
    found.newest_time_ms = reader_u64(&reader);
    found.newest_index = reader_u64(&reader);
    if (format == IMAGE_FORMAT_ENDED) {
        found.end_index = reader_u64(&reader);
        found.end_time_ms = reader_u64(&reader);
    }
    if (!reader_done(&reader)) {
        reason_set(reason, "image: %zu bytes, which are not those of format %u", bytes.len, format);
        return ERR_CORRUPT;
    }
    *image = found;
    return ERR_OK;
}
