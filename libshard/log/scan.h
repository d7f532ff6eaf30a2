/* scan.h - reads the frames of open segments back, at a start.
 *
 * Frames follow each other without a gap, numbered without a gap.  Where they
 * stop decides what happened:
 *
 *     in a segment that is not the last     it must be where the next one's
 *                                           first block says, else corruption
 *     in the last, a valid frame of the     corruption: something was lost in
 *     same life lies further on             between
 *     in the last, nothing behind           a torn tail: that frame never was
 *                                           acknowledged, since one flies at a time
 *
 * Blocking, on the loop, at a start only.
 */
#ifndef LOG_SCAN_H
#define LOG_SCAN_H

#include <stdint.h>

#include "base/err.h"

struct log;
struct segment;
struct disk_file;

/* Replays the frames of the newest segment of `log`.  `end` is where they must end; 0 for the last
 * one, whose tail may be torn.  ERR_CORRUPT, ERR_VERSION, ERR_IO. */
MUST_CHECK enum err scan_segment(struct log *log, struct segment *segment, uint64_t end,
                                 struct reason *reason);

/* Whether a file whose first block is damaged holds frames of a segment that is not filed:
 * ERR_CORRUPT then. */
MUST_CHECK enum err scan_for_open_frames(struct log *log, struct disk_file *file, const char *name,
                                         uint64_t filed, struct reason *reason);

/* Writes zeros over the extent of the largest frame behind the tail. */
MUST_CHECK enum err scan_clean_tail(struct log *log, struct segment *segment,
                                    struct reason *reason);

/* When all is replayed and the hints are known: ERR_CORRUPT when the tables lacked the row of an
 * entry that is there still. */
MUST_CHECK enum err scan_doubts(struct log *log, struct reason *reason);

#endif
