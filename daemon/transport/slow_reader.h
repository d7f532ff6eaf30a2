/* slow_reader.h - writes that wait for their readers: how slow is too slow, how much is too much.
 *
 *     slow_reader_written -> (on_end, once) -> slow_reader_sent    slow_reader_end
 *
 * The part of conn.c that looks at them; what it promises stands in conn.h.
 * Loop thread only.
 */
#ifndef TRANSPORT_SLOW_READER_H
#define TRANSPORT_SLOW_READER_H

#include "transport/conn.h"

/* A write has begun: has the kernel taken it whole? */
void slow_reader_written(struct conn *conn);

/* It is over. */
void slow_reader_sent(struct conn *conn);

/* The connection is over; twice is legal. */
void slow_reader_end(struct conn *conn);

#endif
