/* who_may.h - who may do what, said at each start: it is the first thing that an audit asks. */
#ifndef DAEMON_WHO_MAY_H
#define DAEMON_WHO_MAY_H

#include <stdint.h>

#include "base/note.h"

struct config;

/* `keys`: how many access keys there are. */
void who_may_say(struct note *note, const struct config *config, uint32_t keys);

#endif
