/* budget.h - how much of one thing may be held at once: a part's maximum within its whole's.
 *
 *     a connection's -> its address's -> the port's
 *
 * Nobody takes more than its own maximum, nor more than the whole has left.
 */
#ifndef TRANSPORT_BUDGET_H
#define TRANSPORT_BUDGET_H

#include <stddef.h>

#include "base/ensure.h"

struct budget {
    size_t used, most;    /* most 0: no maximum */
    struct budget *whole; /* NULL: it is the whole */
    const char *over;     /* what a client is told when there is no more */
};

/* NULL: taken, from all of them.  Else nothing is, and the sentence of the one that is used up. */
static inline const char *budget_take(struct budget *budget, size_t amount)
{
    for (struct budget *part = budget; part != NULL; part = part->whole)
        if (part->most > 0 && (part->used > part->most || amount > part->most - part->used))
            return part->over != NULL ? part->over : "too much at once, try again later";
    for (struct budget *part = budget; part != NULL; part = part->whole)
        part->used += amount;
    return NULL;
}

static inline void budget_return(struct budget *budget, size_t amount)
{
    for (struct budget *part = budget; part != NULL; part = part->whole) {
        ensure(part->used >= amount);
        part->used -= amount;
    }
}

#endif
