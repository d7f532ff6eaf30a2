/* frame.h - frames and their items on disk: an engine, bytes in and bytes out.
 *
 * A frame is what one synchronous write makes durable:
 *
 *     header 80 | item headers | payloads | zeros up to a multiple of DISK_ALIGN
 *
 * Its checksum covers the header and the item headers, not the payloads: those
 * have the entry's own (log/entry.h), so that each byte is summed once, a scan
 * reads headers only, and one rotten payload bit does not condemn a frame.
 *
 * The header names node, life, segment and offset, so that a frame found
 * anywhere else is none.  The life is a random number per use of a segment:
 * neither what a recycled file held before nor a payload can imitate it.
 *
 * Numbers are big-endian; the offsets are in docs/formats/log.md.
 */
#ifndef LOG_FRAME_H
#define LOG_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "log/entry.h"
#include "log/log.h"

#define LOG_FORMAT 1u
#define FRAME_HEAD_BYTES 80u

struct frame_head {
    uint64_t node, life, segment;
    uint64_t offset;        /* of this frame in its segment */
    uint64_t number;        /* frames of this node, without gaps */
    uint64_t turn;          /* one after the other; of older builds, several frames may be one */
    uint32_t head_bytes;    /* header and item headers */
    uint32_t payload_bytes; /* behind them */
    uint32_t items;
    bool ends_turn;
};

/* Bytes of a frame on disk. */
uint64_t frame_bytes(uint64_t head_bytes, uint64_t payload_bytes);

/* Writes the header in front of the item headers, which are in their place already. */
void frame_head_write(const struct frame_head *head, unsigned char *bytes);

/* What the first FRAME_HEAD_BYTES claim: enough to know how many bytes frame_check() needs.  False
 * when no frame can begin so. */
bool frame_peek(struct slice bytes, struct frame_head *head);

/* Checks header and items; `bytes` holds at least the head_bytes that frame_peek() said.
 * ERR_CORRUPT: no frame.  ERR_VERSION: a frame of a newer Braid. */
MUST_CHECK enum err frame_check(struct slice bytes, struct frame_head *head);

/* Fixed numbers: they are the format. */
enum item_type {
    ITEM_ENTRY = 1,
    ITEM_TRUNCATE = 2,
    ITEM_HARD = 3,
    ITEM_START = 4,
    ITEM_FORGET = 5
};

struct frame_item {
    enum item_type type;
    struct entry_head entry; /* ENTRY */
    struct log_state state; /* all: group; HARD: epoch, term, vote; START: what log_start() reads */
    uint64_t from;          /* TRUNCATE */
};

/* Bytes of an ENTRY's item header; the largest that any other item can have. */
#define ITEM_ENTRY_BYTES (4u + ENTRY_HEAD_BYTES)
#define ITEM_BYTES_MAX (4u + 60u + 8u * GROUP_MEMBERS_MAX + IMAGE_BYTES_MAX)

void item_write(struct writer *writer, const struct frame_item *item);

/* The items of a checked frame, one after the other; false at the end, or when `bad` is set. */
bool item_next(struct reader *reader, struct frame_item *item);
struct reader items_of(struct slice frame, const struct frame_head *head);

#endif
