/* Looks once a second whether this node should lead nothing (ailment.h), says so, and says why.
 * balance.c moves what it leads; the others hear of it with the next word and give nothing back. */
#include <inttypes.h>
#include <stdlib.h>

#include "control/control_private.h"

static struct ailment_sight sight_of(struct control *control)
{
    struct ailing *ailing = &control->ailing;
    struct log_figures figures = log_figures(control->log);

    ailing->write_us =
        ailment_writes_look(&ailing->writes, figures.write_ns_sum, figures.write_count);
    ailing->hangs_us = figures.write_ns_now / 1000;
    ailing->peers_us = liveness_write_us(&control->liveness, control_now_ms(control));
    ailing->clock_off_ms = control_clock_off_ms(control);
    return (struct ailment_sight){
        .full = !room_has_some(control),
        .write_us = ailing->write_us,
        .peers_us = ailing->peers_us,
        .hangs_us = ailing->hangs_us,
        .off_ms = (uint64_t)llabs(ailing->clock_off_ms),
        .off_max_ms = control->options.clock_off_max_ms,
    };
}

static void say(struct control *control, enum ailment before)
{
    const struct ailing *ailing = &control->ailing;
    const char *text = "", *advice = "";

    switch (ailing->now) {
    case AILMENT_NONE:
        note_event(control->world.note, NOTE_INFO, "node.well",
                   "was=%s text=\"others may hand their leaders to this node again\"",
                   ailment_name(before));
        return;
    case AILMENT_FULL:
        text = "its log has no room: what it leads takes no records";
        advice = "make room on its disk, or let retention do it; docs/runbooks/full-disk.md";
        break;
    case AILMENT_SLOW:
        text = "its disk is slow, or its writes hang";
        advice = "look at this disk's health and load; docs/runbooks/slow-disk.md";
        break;
    case AILMENT_CLOCK:
        text = "its clock is not that of the majority: what it leads gets wrong times";
        advice = "put its clock right; docs/runbooks/wrong-clock.md";
        break;
    }
    note_event(control->world.note, NOTE_WARN, "node.ails",
               "what=%s write_us=%" PRIu64 " hangs_us=%" PRIu64 " others_write_us=%" PRIu64
               " clock_off_ms=%" PRId64 " why=\"%s\" then=\"its leaders go to members that are "
               "well, and come back when it has been well for a while\" do=\"%s\"",
               ailment_name(ailing->now), ailing->write_us, ailing->hangs_us, ailing->peers_us,
               ailing->clock_off_ms, text, advice);
}

void ailing_look(struct control *control)
{
    struct ailing *ailing = &control->ailing;
    struct ailment_sight sight = sight_of(control);
    enum ailment before = ailing->now;

    ailing->now = ailments_look(&ailing->ailments, &sight, control_now_ms(control));
    if (ailing->now == before)
        return;
    ailing->begun += before == AILMENT_NONE;
    say(control, before);
    roster_ail(control->roster, ailing->now != AILMENT_NONE);
    gossip_now(control); /* before a leader of another node is handed over to this one */
}

uint32_t control_ails(const struct control *control, uint64_t node)
{
    const struct liveness_word *word = liveness_word_of(&control->liveness, node);

    if (node == control->options.node)
        return control->ailing.now;
    return word != NULL && control_health(control, node) == NODE_UP ? word->ails : AILMENT_NONE;
}

struct control_wellness control_wellness(const struct control *control)
{
    const struct ailing *ailing = &control->ailing;

    return (struct control_wellness){ .ails = ailing->now,
                                      .begun = ailing->begun,
                                      .write_us = ailing->write_us,
                                      .others_write_us = ailing->peers_us,
                                      .clock_off_ms = ailing->clock_off_ms };
}
