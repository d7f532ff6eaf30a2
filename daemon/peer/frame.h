/* frame.h - the wire between nodes: an engine, bytes in, frames out.
 *
 * A frame, all numbers big-endian:
 *
 *      0  u32  length of the body
 *      4  u8   enum frame_type
 *      5  u8   kind: enum net_kind, for MESSAGE and CALL
 *      6  u16  enum err, for ANSWER
 *      8  u64  number of the call, for CALL and ANSWER
 *     16  u32  crc32c of the body
 *     20  u32  crc32c of the 20 bytes above
 *     24       body
 *
 * The header has a checksum of its own, so that no wrong length is believed.
 * A body arrives in one struct buf: handlers keep parts of it without copying.
 */
#ifndef PEER_FRAME_H
#define PEER_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include "env/net.h"

#define FRAME_HEADER_BYTES 24u

enum frame_type { FRAME_GREETING = 1, FRAME_MESSAGE, FRAME_CALL, FRAME_ANSWER, FRAME_PING };

struct frame_header {
    enum frame_type type;
    enum net_kind kind;
    enum err err;
    uint64_t number;
    uint32_t body_len;
    uint32_t body_crc;
};

/* Writes FRAME_HEADER_BYTES. */
void frame_header_encode(const struct frame_header *header, unsigned char *bytes);

/* ERR_CORRUPT: checksum, or a value that no sender writes. */
MUST_CHECK enum err frame_header_decode(const unsigned char *bytes, struct frame_header *header);

/* The crc32c of `parts` one behind the other. */
uint32_t frame_crc(struct buf *const parts[], uint32_t part_count);

/* What frame_reader_next() found. */
struct frame {
    struct frame_header header;
    struct buf *body; /* yours to unref; NULL when it is empty */
};

/* Collects a frame from pieces.  Embedded. */
struct frame_reader {
    uint32_t body_bytes_max; /* may be raised between frames */
    unsigned char head[FRAME_HEADER_BYTES];
    uint32_t have; /* bytes of the head, then of the body */
    bool in_body;
    struct frame_header header;
    struct buf *body;
};

void frame_reader_init(struct frame_reader *reader, uint32_t body_bytes_max);
void frame_reader_fini(struct frame_reader *reader);

/* Takes bytes off the front of `bytes` until a frame is whole: ERR_OK and `*whole` true with
 * `frame` set, or `*whole` false when all bytes are taken.  ERR_CORRUPT: a checksum or a value;
 * ERR_TOO_BIG: a body over the maximum; ERR_NO_MEMORY.  After an error the stream is of no use. */
MUST_CHECK enum err frame_reader_next(struct frame_reader *reader, struct slice *bytes,
                                      struct frame *frame, bool *whole);

/* Where bytes of a large body may be read to without a copy; length 0 when there is none. */
struct frame_space {
    unsigned char *data;
    size_t len;
};
struct frame_space frame_reader_space(struct frame_reader *reader);

/* `len` bytes have been put at frame_reader_space().  The frame, if it is whole now, comes from
 * frame_reader_next() with no bytes. */
void frame_reader_filled(struct frame_reader *reader, size_t len);

/* ---- greeting: the body of FRAME_GREETING ---- */

/* What a node says of itself, first thing on a connection, in both directions. */
struct greeting {
    uint8_t lane; /* enum net_lane: what the dialled connection is for */
    uint64_t node;
    uint64_t boot;
    struct slice address; /* at most NET_ADDRESS_MAX bytes */
    struct slice hello;   /* at most NET_HELLO_MAX bytes */
};

#define GREETING_FIXED_BYTES 28u
#define GREETING_BYTES_MAX (GREETING_FIXED_BYTES + NET_ADDRESS_MAX + NET_HELLO_MAX)

/* One reference, the caller's.  NULL when there is no memory. */
struct buf *greeting_encode(const struct greeting *greeting);

/* The slices lie in `bytes`.  ERR_CORRUPT: not a greeting.  ERR_VERSION: of a protocol that this
 * node does not speak. */
MUST_CHECK enum err greeting_decode(struct slice bytes, struct greeting *greeting);

#endif
