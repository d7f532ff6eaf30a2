/* change_settings.h - the change of what can be set of a stream.
 *
 * One change for all of it: whoever wants something takes what there is, alters a field, and asks
 * for the whole.  The revision says what it was made from; when somebody was quicker it is refused,
 * and made again from what there is then.  So the rules of each setting are where its operation is
 * (api/setting.h), and the catalogue has one.
 *
 *     struct change_settings wanted = change_settings_of(stream);
 *     wanted.retention_hours = 48;
 *     change_set_stream(stamp, &wanted) -> catalog_change(), as in change.h
 */
#ifndef CATALOG_CHANGE_SETTINGS_H
#define CATALOG_CHANGE_SETTINGS_H

#include "catalog/change.h"

struct change_settings {
    uint64_t stream;
    uint32_t retention_hours;
    uint32_t record_kib_max;
    enum stream_mode mode;
    const struct model_tag *tags; /* borrowed, and the texts of `settings` */
    uint32_t tag_count;
    struct model_settings settings; /* `revision`: the one that was seen */
};

/* What there is: borrows from the stream. */
struct change_settings change_settings_of(const struct model_stream *stream);

/* It becomes so.
 * ERR_NOT_FOUND
 * ERR_CLOSED    the stream is not ACTIVE
 * ERR_EXPIRED   the revision is another one: look again
 * ERR_INVALID   a field is out of range
 * ERR_BUSY      the catalogue has no room
 * ERR_VERSION   as change_place() */
struct buf *change_set_stream(struct change_stamp stamp, const struct change_settings *wanted);

#endif
