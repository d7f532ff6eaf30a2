/* Says in words that an entry of the log is damaged: where, what it means, what to do.
 *
 * A disk that dies spoils thousands of entries, and readers ask for the same one again and again:
 * CONTROL_DAMAGE_NOTES_MAX lines a minute are written, the others are counted in the next one. */
#include <inttypes.h>
#include <stdio.h>

#include "control/placed.h"
#include "shard/gaps.h"
#include "shard/seqno.h"

#define NOTES_EVERY_MS 60000u

/* Which records it is, as a client knows them; empty for entries without records. */
struct records_text {
    char text[320];
};

static bool may_say(struct control *control, bool known)
{
    struct damage_notes *notes = &control->damage;
    uint64_t now_ms = control_now_ms(control);

    if (notes->begun_ms == 0 || now_ms - notes->begun_ms >= NOTES_EVERY_MS) {
        notes->begun_ms = now_ms;
        notes->said = 0;
    }
    if (notes->said >= (known ? 1 : CONTROL_DAMAGE_NOTES_MAX)) {
        notes->unsaid++;
        return false;
    }
    notes->said++;
    return true;
}

static const char *describe(const struct control *control, const struct entry_head *head,
                            struct records_text *room)
{
    const struct model_stream *stream = NULL;
    const struct model_shard *shard = NULL;
    char first[SEQNO_TEXT_MAX], last[SEQNO_TEXT_MAX];

    room->text[0] = 0;
    if (control->catalog == NULL || head->records == 0)
        return room->text;
    shard = model_shard_by_group(catalog_model(control->catalog), head->group, &stream);
    if (shard == NULL)
        return room->text;
    struct seqno_shard numbers = { .created_s = shard->created_s, .shard = shard->number };
    uint64_t time_s = head->time_ms / 1000;
    struct gaps gaps = placed_gaps(shard);
    uint64_t place = gaps_out(&gaps, head->index);
    seqno_print(numbers, seqno_at(place, 0, time_s), first);
    seqno_print(numbers, seqno_at(place, head->records - 1u, time_s), last);
    (void)snprintf(room->text, sizeof(room->text),
                   " stream=%s shard=%" PRIu32 " records=%u from=%s to=%s time_ms=%" PRIu64,
                   stream->name, shard->number, (unsigned)head->records, first, last,
                   head->time_ms);
    return room->text;
}

bool damage_is_alone(const struct control *control, uint64_t group)
{
    const struct log_state *state = log_state(control->log, group);

    return state != NULL && state->member_count == 1 && placed_in(state, control->options.node);
}

/* A copy that is no member's. */
static bool is_apart(const struct control *control, uint64_t group)
{
    const struct log_state *state = log_state(control->log, group);

    return state != NULL && !placed_in(state, control->options.node);
}

void damage_on_found(void *ctx, const struct log_damage *damage, const struct reason *why)
{
    struct control *control = ctx;
    struct damage_notes *notes = &control->damage;
    struct records_text records;
    const char *next = "readers are served by the other replicas; one of them is asked for it";
    const char *advice = "look at this disk's health; replace the disk if this goes on";

    if (!damage->known)
        repair_wake(control);
    if (!may_say(control, damage->known))
        return;
    if (damage_is_alone(control, damage->head.group)) {
        next = "this node has the only replica: these records cannot be given back";
        advice = "put the file back from a copy of the disk, or let readers go on "
                 "AFTER_SEQUENCE_NUMBER of the last of them; replace the disk";
    } else if (is_apart(control, damage->head.group)) {
        next = "no reader is served from this copy of a shard that this node left, or comes into; "
               "a member is asked for it";
    } else if (damage->segment == 0) {
        next = "readers are served by the other replicas; a row of the tables is not repaired";
        advice = "look at this disk's health; start the node with a new data directory when the "
                 "others are up, and keep this one";
    }
    note_event(control->world.note, NOTE_ERROR, "log.entry_damaged",
               "what=%s%s then=%s do=%s unsaid=%" PRIu64, NOTE_QUOTED(why->text),
               describe(control, &damage->head, &records), NOTE_QUOTED(next), NOTE_QUOTED(advice),
               notes->unsaid);
    notes->unsaid = 0;
}

void damage_on_pass(void *ctx, const struct scrub_pass *pass)
{
    struct control *control = ctx;
    enum note_level level = pass->damaged > 0 ? NOTE_WARN : NOTE_DEBUG;

    note_event(control->world.note, level, "log.scrubbed",
               "pass=%" PRIu64 " entries=%" PRIu64 " rows=%" PRIu64 " bytes=%" PRIu64
               " damaged=%" PRIu64 " still_damaged=%" PRIu64 " took_ms=%" PRIu64,
               pass->number, pass->entries, pass->rows, pass->bytes, pass->damaged,
               log_figures(control->log).damaged_entries, pass->took_ms);
    if (pass->rows_why.text[0] != 0)
        note_event(control->world.note, NOTE_ERROR, "log.rows_damaged",
                   "reason=%s advice=\"this node ends when it needs that row: while all other "
                   "nodes are up, restart it; if this is said again then, stop it, put its data "
                   "directory aside, and start it\"",
                   NOTE_QUOTED(pass->rows_why.text));
}
