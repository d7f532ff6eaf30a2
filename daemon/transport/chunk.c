/* The chunked coding (RFC 9112, 7.1):
 *
 *     1a;name=value CR LF   26 bytes   CR LF   ...   0 CR LF   trailers   CR LF
 *
 * Extensions and trailers are read over, within their maxima.
 */
#include "transport/h1_private.h"

static bool size_byte(struct chunk *chunk, unsigned char byte, const char **sentence);
static bool size_line_ends(struct chunk *chunk, const char **sentence);
static bool data_end_byte(struct chunk *chunk, unsigned char byte, const char **sentence);
static bool trailer_byte(struct chunk *chunk, unsigned char byte, const char **sentence);

bool chunk_take(struct chunk *chunk, struct slice *bytes, struct slice *data,
                const char **sentence)
{
    *data = slice_of(NULL, 0);
    while (bytes->len > 0 && chunk->state != CHUNK_DONE) {
        if (chunk->state == CHUNK_DATA) {
            size_t len = bytes->len < chunk->left ? bytes->len : (size_t)chunk->left;
            *data = slice_of(bytes->data, len);
            *bytes = slice_of(bytes->data + len, bytes->len - len);
            chunk->left -= len;
            if (chunk->left == 0)
                chunk->state = CHUNK_DATA_END;
            return true;
        }
        unsigned char byte = bytes->data[0];
        bool fine = chunk->state == CHUNK_SIZE       ? size_byte(chunk, byte, sentence)
                    : chunk->state == CHUNK_DATA_END ? data_end_byte(chunk, byte, sentence)
                                                     : trailer_byte(chunk, byte, sentence);
        if (!fine)
            return false;
        chunk->last = byte;
        *bytes = slice_of(bytes->data + 1, bytes->len - 1);
    }
    return true;
}

static int hex_digit(unsigned char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

static bool is_control(unsigned char byte)
{
    return (byte < 0x20 && byte != '\t') || byte == 0x7f;
}

static bool size_byte(struct chunk *chunk, unsigned char byte, const char **sentence)
{
    int digit = hex_digit(byte);

    if (++chunk->line_bytes > HTTP_CHUNK_LINE_BYTES_MAX) {
        *sentence = "the line of a chunk's size is too long";
        return false;
    }
    if (chunk->last == '\r' && byte == '\n')
        return size_line_ends(chunk, sentence);
    *sentence = "malformed chunk size";
    if (chunk->last == '\r')
        return false;
    if (byte == '\r')
        return chunk->digits > 0;
    if (chunk->extension)
        return !is_control(byte);
    if (digit >= 0 && chunk->digits < 15) { /* 60 bits: no overflow */
        chunk->left = chunk->left << 4 | (uint64_t)digit;
        chunk->digits++;
        return true;
    }
    chunk->extension = byte == ';' && chunk->digits > 0;
    return chunk->extension;
}

static bool size_line_ends(struct chunk *chunk, const char **sentence)
{
    chunk->state = chunk->left > 0 ? CHUNK_DATA : CHUNK_TRAILER;
    chunk->line_bytes = chunk->digits = 0;
    chunk->extension = false;
    return true;
}

static bool data_end_byte(struct chunk *chunk, unsigned char byte, const char **sentence)
{
    *sentence = "a chunk is longer than its size";
    if (chunk->line_bytes++ == 0)
        return byte == '\r';
    chunk->line_bytes = 0;
    chunk->state = CHUNK_SIZE;
    return byte == '\n';
}

static bool trailer_byte(struct chunk *chunk, unsigned char byte, const char **sentence)
{
    *sentence = "malformed trailer";
    if (++chunk->line_bytes > HTTP_TRAILER_BYTES_MAX) {
        *sentence = "trailers are too long";
        return false;
    }
    if (byte == '\n') {
        if (chunk->last != '\r')
            return false;
        if (!chunk->trailer_begun)
            chunk->state = CHUNK_DONE;
        chunk->trailer_begun = false;
        return true;
    }
    if (chunk->last == '\r')
        return false;
    if (byte == '\r')
        return true;
    if (is_control(byte) || (!chunk->trailer_begun && (byte == ' ' || byte == '\t')))
        return false;
    chunk->trailer_begun = true;
    return true;
}
