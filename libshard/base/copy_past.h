/* copy_past.h - copies bytes that this processor will not look at again.
 *
 * What a disk or a device takes next is read by somebody else: another core, a
 * hypervisor's thread, a controller.  An ordinary copy takes each line of the
 * destination into this core's cache first, out of the cache of whoever read it
 * last; on machines whose cores share no cache that costs ten times the copy
 * (docs/performance.md).  Stores that go past the cache do not.
 *
 * For large copies only; small ones are faster the ordinary way, and are made so.
 */
#ifndef BASE_COPY_PAST_H
#define BASE_COPY_PAST_H

#include <stddef.h>

/* As memcpy(): `len` bytes, which do not overlap.  Other threads may read them when it returns. */
void copy_past_cache(void *to, const void *from, size_t len);

#endif
