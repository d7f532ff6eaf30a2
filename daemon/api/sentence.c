#include "api/sentence.h"

#include <stdint.h>
#include <stdio.h>

static uint32_t bytes_of(unsigned char first)
{
    return first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
}

/* The last character of a text of `len` bytes goes when it is not whole. */
static void cut(char *text, size_t len)
{
    size_t at = len;

    while (at > 0 && ((unsigned char)text[at - 1] & 0xc0) == 0x80)
        at--;
    if (at > 0 && len - (at - 1) < bytes_of((unsigned char)text[at - 1]))
        text[at - 1] = 0;
}

void sentence_print(char *text, size_t room, const char *format, va_list args)
{
    int len = vsnprintf(text, room, format, args);

    if (len >= 0 && (size_t)len >= room)
        cut(text, room - 1);
}
