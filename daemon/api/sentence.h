/* sentence.h - the sentence of an error, for a client.
 *
 * Clients refuse a reply that is no UTF-8, and what a sentence quotes of a
 * request may be longer than there is room.
 */
#ifndef API_SENTENCE_H
#define API_SENTENCE_H

#include <stdarg.h>
#include <stddef.h>

/* As vsnprintf(); what does not fit is cut between two characters. */
void sentence_print(char *text, size_t room, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

#endif
