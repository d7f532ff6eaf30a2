/* handover.h - leaders that hand over on purpose, at random times, under whatever else goes wrong.
 *
 * A hand-over is an election without waiting, so it may do what elections may do, and nothing
 * more: the checks are those of every run.  In the scenario `hand-over` it happens in each seed,
 * often, and a run in which none came about is a finding.
 */
#ifndef SIM_HANDOVER_H
#define SIM_HANDOVER_H

#include "world.h"

/* With options.transfer_pause_ms = 0 nothing happens; ends when the cluster heals. */
void handover_start(struct world *world);

/* Before everything is mended: whether any came about. */
void handover_check(struct world *world);

#endif
