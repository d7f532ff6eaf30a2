/* segment.h - the first block of a segment: an engine, bytes in and bytes out.
 *
 * A segment is one use of a preallocated file "segment-<id>".  The file keeps
 * its name for ever; what changes with each use is the number in its first
 * block, which counts the uses of all files, and the life, which is random.
 * So the order of the segments is the order of their numbers, whatever files
 * they lie in, and recycling a file is one write of one block.
 *
 * The block is written when the head moves here: after the last frame of the
 * segment before, whose end it names, and before the first frame of its own.
 * That is how recovery knows where a segment that is not the last must end.
 *
 * A segment that was written aside (aside.c) has a number of its own row, above
 * all others: it is in no order with them, holds no frames, and only the table
 * knows what is in it.
 */
#ifndef LOG_SEGMENT_H
#define LOG_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "env/disk.h"

#define SEGMENT_HEAD_BYTES DISK_ALIGN /* frames begin behind it */

#define SEGMENT_ASIDE (UINT64_C(1) << 63) /* in the number of one that was written aside */

static inline bool segment_is_aside(uint64_t number)
{
    return (number & SEGMENT_ASIDE) != 0;
}

struct segment_head {
    uint64_t node;
    uint64_t number;       /* 1, 2, 3 ... over all files of this log; aside: a row with the bit */
    uint64_t life;         /* random; in every frame of this use */
    uint64_t file;         /* id in the file's name */
    uint64_t bytes;        /* frames end at or below */
    uint64_t created_ms;   /* wall clock, for people */
    uint64_t previous_end; /* where the frames of segment number - 1 end; 0 for number 1 */
    uint64_t next_frame;   /* number of the first frame here */
    uint64_t next_turn;    /* which belongs to this turn */
};

void segment_head_write(const struct segment_head *head, unsigned char bytes[SEGMENT_HEAD_BYTES]);

/* ERR_NOT_FOUND: all zeros, never used.  ERR_CORRUPT: torn or damaged.  ERR_VERSION: written by a
 * newer Braid. */
MUST_CHECK enum err segment_head_read(const unsigned char bytes[SEGMENT_HEAD_BYTES],
                                      struct segment_head *head);

void segment_file_name(uint64_t file, char name[DISK_NAME_MAX]);

/* False when the name is not that of a segment. */
bool segment_file_id(const char *name, uint64_t *file);

#endif
