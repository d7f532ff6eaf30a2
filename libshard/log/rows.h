/* rows.h - the log's rows in the table: an engine, structs in and bytes out.
 *
 *     TABLE_NODE "log"                  struct log_row      how far the table is the truth
 *     TABLE_SEGMENT number              struct segment_row  a filed segment
 *     TABLE_INDEX group, first          struct index_row    a run of its entries
 *     TABLE_STATE group, KEY_STATE_HARD struct hard         as of the last filed segment: exact
 *     TABLE_STATE group, KEY_STATE_HINT struct hint         applied and trimmed: may lag
 *
 * An index row carries the heads of its entries and the places of their
 * payloads: reading heads and searching by time need nothing but the table
 * (docs/adr/0002-index-rows-carry-places.md).  The bytes are in
 * docs/formats/log.md.
 */
#ifndef LOG_ROWS_H
#define LOG_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "log/log.h"

/* What is known of one entry besides its group and index, and where its payload lies. */
struct place {
    uint64_t term, time_ms;
    uint32_t epoch, length, crc;
    uint32_t offset; /* of the payload in the segment; 0 while that is not decided */
    uint16_t records;
    uint8_t type, flags;
};

#define ROW_BYTES_MAX (1u << 30) /* of a row that is being written */

struct log_row {
    uint64_t node;
    uint64_t filed;  /* segments up to this number are filed, or free again */
    uint64_t opened; /* segments up to this number exist */
};

/* Part of a segment that one index row describes. */
struct extent {
    uint64_t group, first, last;
    uint64_t bytes; /* of payloads */
};

struct segment_row {
    uint64_t life, file, end;
    uint64_t entries;
    struct extent *extents; /* heap */
    uint32_t extent_count;
};

struct index_row {
    uint64_t group, first; /* from the key */
    uint64_t segment;      /* number */
    uint32_t count;
    struct place *places; /* heap */
};

struct hard {
    struct log_state state;
    uint64_t made, start_time_ms;
    uint64_t let_go; /* not in the row: turn of a START; then a hint with this state goes too */
};

struct hint {
    uint64_t group;
    uint64_t made; /* of the group: a hint of an earlier incarnation says nothing */
    uint32_t epoch;
    uint64_t first, applied, applied_term, applied_time_ms;
    uint32_t image_bytes;
    unsigned char image[IMAGE_BYTES_MAX];
    uint64_t started; /* not in the row: turn of the group's newest START when it was taken */
};

void log_row_write(struct writer *writer, const struct log_row *row);
void segment_row_write(struct writer *writer, const struct segment_row *row);
/* `count` entries from `places` on. */
void index_row_write(struct writer *writer, uint64_t segment, const struct place *places,
                     uint32_t count);
void hard_write(struct writer *writer, const struct hard *hard);
void hint_write(struct writer *writer, const struct hint *hint);

/* Each: ERR_CORRUPT when the bytes are no such row, ERR_VERSION when a newer Braid wrote it (the
 * log's row only: the others follow its format), ERR_NO_MEMORY.  Outputs on success only. */
MUST_CHECK enum err log_row_read(struct slice bytes, struct log_row *row);
MUST_CHECK enum err segment_row_read(struct slice bytes, struct segment_row *row);
MUST_CHECK enum err index_row_read(struct slice key, struct slice bytes, struct index_row *row);
MUST_CHECK enum err hard_read(uint64_t group, struct slice bytes, struct hard *hard);
MUST_CHECK enum err hint_read(uint64_t group, struct slice bytes, struct hint *hint);

/* By group, then by first entry: for qsort(). */
int extent_compare(const void *a, const void *b);
/* Its runs from `added` on, no two of which overlap, are newer than those before them, which lose
 * the entries that those have: an entry that was taken back and filled again is listed once. */
void segment_row_renew(struct segment_row *row, uint32_t added);
void segment_row_fini(struct segment_row *row);
void index_row_fini(struct index_row *row);

/* Numbers and times at the front of an index row, without decoding the rest. */
struct index_span {
    uint64_t group, first, last, segment, first_time_ms, last_time_ms;
};
MUST_CHECK enum err index_span_read(struct slice key, struct slice bytes, struct index_span *span);

#endif
