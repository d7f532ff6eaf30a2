/* ailing.h - one node ails: its disk is slow, hangs or is full, or its clock is wrong.
 *
 * Played after the random part of a seed, step by step.  The node that leads
 * most falls ill: within AWAY_NS it must lead nothing, and not once lead again
 * while it ails; then puts must be as many and as fast as before, although it
 * goes on ailing.  When it is mended it must be handed its leaders back, and
 * not before it has been well for CONTROL_WELL_AFTER_MS.
 */
#ifndef SIM_AILING_H
#define SIM_AILING_H

#include "world.h"

void ailing_slow(struct world *world);
void ailing_hung(struct world *world);
void ailing_full(struct world *world);
void ailing_clock(struct world *world);

#endif
