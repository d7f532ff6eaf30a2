#include "identity_copy.h"

#include <string.h>

static bool is_same(const struct data_dir *dir, struct slice bytes)
{
    unsigned char there[RENEWAL_BYTES_MAX];
    size_t len = sizeof(there);
    struct reason reason;

    return data_dir_read(dir, DATA_DIR_IDENTITY, there, &len, &reason) == ERR_OK &&
           slice_equal(slice_of(there, len), bytes);
}

enum err identity_copy_write(const struct data_dir *dir, struct table *table, struct reason *reason)
{
    struct renewal_node node;
    enum err err = renewal_look(table, &node, reason);

    if (err == ERR_NOT_FOUND || (err == ERR_OK && node.cluster.id == 0))
        return ERR_OK; /* nobody could give it back what it has */
    if (err != ERR_OK)
        return err;
    AUTO_UNREF struct buf *bytes = renewal_encode(&node);
    if (bytes == NULL) {
        reason_set(reason, "no memory");
        return ERR_NO_MEMORY;
    }
    if (is_same(dir, buf_slice(bytes)))
        return ERR_OK;
    return data_dir_write(dir, DATA_DIR_IDENTITY, buf_slice(bytes), reason);
}

void identity_copy_make(const struct data_dir *dir, struct table *table, struct note *note)
{
    struct reason reason = { "" };

    if (identity_copy_write(dir, table, &reason) != ERR_OK)
        note_event(note, NOTE_WARN, "node.identity_not_copied", "reason=%s",
                   NOTE_QUOTED(reason.text));
}

enum err identity_copy_read(const struct data_dir *dir, struct renewal_node *ret,
                            struct reason *reason)
{
    unsigned char bytes[RENEWAL_BYTES_MAX];
    size_t len = sizeof(bytes);
    enum err err = data_dir_read(dir, DATA_DIR_IDENTITY, bytes, &len, reason);

    if (err != ERR_OK)
        return err;
    if (renewal_decode(slice_of(bytes, len), ret))
        return ERR_OK;
    reason_set(reason, "data directory %s: its file '" DATA_DIR_IDENTITY "' is damaged", dir->path);
    return ERR_CORRUPT;
}
