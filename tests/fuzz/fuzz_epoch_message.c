/* Any bytes as what nodes say to each other about epochs of groups.
 *
 * The first byte chooses the message.  What must hold: nothing is read out of bounds, and what is
 * taken is within the limits, whole and in order.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/ensure.h"
#include "control/epoch_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_answer(struct slice bytes)
{
    struct epoch_answer answer;

    if (!epoch_answer_decode(&answer, bytes))
        return;
    ensure(answer.member_count >= 1 && answer.member_count <= GROUP_MEMBERS_MAX);
    ensure(answer.image_bytes <= IMAGE_BYTES_MAX);
    struct buf *again = epoch_answer_encode(&answer);
    ensure(again != NULL && again->len == bytes.len &&
           memcmp(again->data, bytes.data, bytes.len) == 0);
    buf_unref(again);
}

static void check_entries(struct slice bytes)
{
    struct epoch_entries entries;
    struct entry_head head;
    struct slice payload;
    uint64_t index = 10;

    if (!epoch_entries_decode(&entries, bytes))
        return;
    for (; epoch_entries_next(&entries, 3, index, &head, &payload); index++) {
        ensure(head.group == 3 && head.index == index && head.length == payload.len);
        ensure(entry_matches(&head, payload));
    }
    ensure(!epoch_entries_next(&entries, 3, index, &head, &payload));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned char *copy = malloc(size > 0 ? size : 1);
    struct slice bytes = slice_of(copy, size > 0 ? size - 1 : 0);
    struct epoch_word word;
    struct epoch_pull pull;

    ensure(copy != NULL);
    if (size > 0)
        memcpy(copy, data + 1, size - 1);
    switch (size > 0 ? data[0] % 4 : 0) {
    case 0:
        if (epoch_word_decode(&word, bytes))
            ensure(word.group > 0);
        break;
    case 1:
        if (epoch_pull_decode(&pull, bytes))
            ensure(pull.first >= 1 && pull.last >= pull.first);
        break;
    case 2:
        check_answer(bytes);
        break;
    default:
        check_entries(bytes);
        break;
    }
    free(copy);
    return 0;
}
