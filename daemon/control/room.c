/* Says when the log is full: puts are refused then, and whoever looks for the reason should find it
 * in the node's own words. */
#include <inttypes.h>

#include "control/control_private.h"

/* Between two looks a segment may be in the making: only what lasts is said. */
#define LOOKS_FULL 2u
#define AGAIN_MS 60000u
#define SEGMENT_PART 8u

/* A full entry's; less in small segments, which no such entry fits. */
uint64_t room_some(const struct control *control)
{
    uint64_t part = control->options.segment_bytes / SEGMENT_PART;

    return part < ENTRY_BYTES_MAX ? part : ENTRY_BYTES_MAX;
}

bool room_has_some(const struct control *control)
{
    return log_has_room(control->log, room_some(control));
}

bool room_is_full(const struct control *control)
{
    return !log_has_room(control->log, ENTRY_HEAD_BYTES);
}

bool room_is_short(const struct control *control)
{
    return control->room.noted_ms != 0;
}

void room_look(struct control *control)
{
    struct room *room = &control->room;
    struct log_figures figures = log_figures(control->log);
    uint64_t now_ms = control_now_ms(control);

    if (room_has_some(control)) {
        if (room->noted_ms != 0)
            note_event(control->world.note, NOTE_INFO, "log.has_room",
                       "bytes=%" PRIu64 " segments_free=%" PRIu64, figures.bytes_total,
                       figures.segments_free);
        *room = (struct room){ .looks = 0 };
        return;
    }
    if (++room->looks < LOOKS_FULL || (room->noted_ms != 0 && now_ms - room->noted_ms < AGAIN_MS))
        return;
    room->noted_ms = now_ms;
    note_event(control->world.note, NOTE_WARN, "log.full",
               "bytes=%" PRIu64 " segments_failed=%" PRIu64
               " why=\"no segment is free and none can be made: this node takes no records until "
               "retention or the deletion of a stream frees some, or until the disk (or "
               "log-bytes-max) is larger; reads go on\"",
               figures.bytes_total, figures.creates_failed);
}
