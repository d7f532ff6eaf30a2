/* letter.c - what came from a peer, in memory. */
#include "replica/replica_private.h"

#include <stdlib.h>

void letter_free(struct letter *letter)
{
    if (letter == NULL)
        return;
    list_remove(&letter->link);
    buf_unref(letter->frame);
    free(letter);
}

/* One batch for the message. */
bool letter_entries(const struct letter *letter, uint32_t skip,
                    struct raft_append_entries *append)
{
    append->entries = NULL;
    if (append->n_entries == 0)
        return true;

    struct raft_entry *entries = raft_calloc(append->n_entries, sizeof(*entries));
    unsigned char *batch = raft_malloc((size_t)append->n_entries * ENTRY_HEAD_BYTES);
    if (entries == NULL || batch == NULL) {
        raft_free(entries);
        raft_free(batch);
        return false;
    }
    for (uint32_t k = 0; k < append->n_entries; k++) {
        const struct entry_head *head = &letter->entries[skip + k].head;
        unsigned char *bytes = batch + (size_t)k * ENTRY_HEAD_BYTES;

        entry_head_encode(head, bytes);
        entries[k] = (struct raft_entry){
            .term = head->term, .type = RAFT_COMMAND, .buf = { bytes, ENTRY_HEAD_BYTES },
            .batch = batch
        };
    }
    append->entries = entries;
    return true;
}
