#include "log/segment.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/digest.h"
#include "log/frame.h"

#define MAGIC 0x62726169642d7365ull /* "braid-se" */
#define FORMAT_ASIDE 2u /* of a segment that was written aside: older ones do not know it */
#define NAME_PREFIX "segment-"
#define NAME_DIGITS 16u

enum {
    MAGIC_AT = 0,
    FORMAT_AT = 8,
    CRC_AT = 12,
    NODE_AT = 16,
    NUMBER_AT = 24,
    LIFE_AT = 32,
    FILE_AT = 40,
    BYTES_AT = 48,
    CREATED_AT = 56,
    PREVIOUS_END_AT = 64,
    NEXT_FRAME_AT = 72,
    NEXT_TURN_AT = 80
};

static uint32_t checksum(const unsigned char *bytes)
{
    static const unsigned char zeros[4];
    uint32_t crc = crc32c(0, bytes, CRC_AT);

    crc = crc32c(crc, zeros, sizeof(zeros));
    return crc32c(crc, bytes + NODE_AT, SEGMENT_HEAD_BYTES - NODE_AT);
}

static bool all_zeros(const unsigned char *bytes, size_t len)
{
    return len == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, len - 1) == 0);
}

void segment_head_write(const struct segment_head *head, unsigned char bytes[SEGMENT_HEAD_BYTES])
{
    memset(bytes, 0, SEGMENT_HEAD_BYTES);
    put_u64(bytes + MAGIC_AT, MAGIC);
    put_u16(bytes + FORMAT_AT, segment_is_aside(head->number) ? FORMAT_ASIDE : LOG_FORMAT);
    put_u64(bytes + NODE_AT, head->node);
    put_u64(bytes + NUMBER_AT, head->number);
    put_u64(bytes + LIFE_AT, head->life);
    put_u64(bytes + FILE_AT, head->file);
    put_u64(bytes + BYTES_AT, head->bytes);
    put_u64(bytes + CREATED_AT, head->created_ms);
    put_u64(bytes + PREVIOUS_END_AT, head->previous_end);
    put_u64(bytes + NEXT_FRAME_AT, head->next_frame);
    put_u64(bytes + NEXT_TURN_AT, head->next_turn);
    put_u32(bytes + CRC_AT, checksum(bytes));
}

enum err segment_head_read(const unsigned char bytes[SEGMENT_HEAD_BYTES],
                           struct segment_head *head)
{
    if (all_zeros(bytes, SEGMENT_HEAD_BYTES))
        return ERR_NOT_FOUND;
    if (get_u64(bytes + MAGIC_AT) != MAGIC || get_u32(bytes + CRC_AT) != checksum(bytes))
        return ERR_CORRUPT;
    /* Magic, format and checksum stay in their places for ever, hence this order. */
    if (get_u16(bytes + FORMAT_AT) > FORMAT_ASIDE)
        return ERR_VERSION;

    *head = (struct segment_head){
        .node = get_u64(bytes + NODE_AT),
        .number = get_u64(bytes + NUMBER_AT),
        .life = get_u64(bytes + LIFE_AT),
        .file = get_u64(bytes + FILE_AT),
        .bytes = get_u64(bytes + BYTES_AT),
        .created_ms = get_u64(bytes + CREATED_AT),
        .previous_end = get_u64(bytes + PREVIOUS_END_AT),
        .next_frame = get_u64(bytes + NEXT_FRAME_AT),
        .next_turn = get_u64(bytes + NEXT_TURN_AT),
    };
    return ERR_OK;
}

void segment_file_name(uint64_t file, char name[DISK_NAME_MAX])
{
    snprintf(name, DISK_NAME_MAX, NAME_PREFIX "%016llx", (unsigned long long)file);
}

bool segment_file_id(const char *name, uint64_t *file)
{
    static const char digits[] = "0123456789abcdef";
    size_t prefix = strlen(NAME_PREFIX);
    uint64_t id = 0;

    if (strncmp(name, NAME_PREFIX, prefix) != 0 || strlen(name) != prefix + NAME_DIGITS)
        return false;
    for (const char *at = name + prefix; *at != 0; at++) {
        const char *digit = strchr(digits, *at);
        if (digit == NULL)
            return false;
        id = id << 4 | (uint64_t)(digit - digits);
    }
    *file = id;
    return true;
}
