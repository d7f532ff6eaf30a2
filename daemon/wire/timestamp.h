/* timestamp.h - times on the wire: seconds since 1970, with the milliseconds
 * behind the point.
 *
 * Printed as plain decimals ("1545084650.987", "1700000000"), never with an
 * exponent: Java's parser refuses that.
 */
#ifndef WIRE_TIMESTAMP_H
#define WIRE_TIMESTAMP_H

#include <stddef.h>
#include <stdint.h>

/* Room for any int64_t, its point and an end mark. */
#define TIMESTAMP_TEXT_MAX 24

/* Beyond it a time is cut to it, on both sides of 1970.  Up to here, some 71,000
 * years, a double of seconds still names each millisecond. */
#define TIMESTAMP_MS_MAX ((int64_t)1 << 51)

/* Writes the text and an end mark; returns the text's length. */
size_t timestamp_print(int64_t ms, char text[TIMESTAMP_TEXT_MAX]);

/* From a number of seconds or milliseconds, to the nearest millisecond.  Not from one that is not
 * a number. */
int64_t timestamp_from_seconds(double seconds);
int64_t timestamp_from_ms(double ms);

/* From a whole number of them. */
int64_t timestamp_from_whole_seconds(int64_t seconds);
int64_t timestamp_from_whole_ms(int64_t ms);

#endif
