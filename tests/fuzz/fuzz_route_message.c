/* Any bytes as a call about a group's records, or as the answer to one.
 *
 * The first byte chooses the message.  What must hold: nothing is read out of bounds, what is taken
 * is within the limits, and a row of records that is taken can be walked to its end.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/route_message.h"
#include "base/ensure.h"
#include "base/limits.h"
#include "shard/command.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_put(struct slice bytes)
{
    struct put_ask ask;

    if (put_ask_decode(bytes, &ask) != ERR_OK)
        return;
    ensure(ask.record_count >= 1 && ask.record_count <= ENTRY_RECORDS_MAX);
    ensure(command_valid(ask.records, ask.record_count));
}

static void check_read_answer(struct slice bytes)
{
    struct read_answer answer;
    uint32_t records = 0;

    if (read_answer_decode(bytes, 100, &answer) != ERR_OK)
        return;
    for (uint32_t i = 0; i < answer.part_count; i++) {
        ensure(command_valid(answer.parts[i].records, answer.parts[i].count));
        records += answer.parts[i].count;
    }
    ensure(records == answer.record_count && records <= 100);
    free(answer.parts);
}

/* What is taken says the same when it is encoded again. */
static void check_grant(struct slice bytes)
{
    unsigned char bytes_again[GRANT_ASK_BYTES];
    struct grant_ask ask, again;

    if (grant_ask_decode(bytes, &ask) != ERR_OK)
        return;
    grant_ask_encode(&ask, bytes_again);
    ensure(grant_ask_decode(slice_of(bytes_again, sizeof(bytes_again)), &again) == ERR_OK);
    ensure(again.group == ask.group && again.consumer == ask.consumer &&
           again.token == ask.token && again.age_ms == ask.age_ms && again.renews == ask.renews);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned char *copy = malloc(size > 0 ? size : 1);
    struct slice bytes = slice_of(copy, size > 0 ? size - 1 : 0);
    struct locate_ask locate;
    struct read_ask read;
    struct position position;
    struct seqno seqno;

    ensure(copy != NULL);
    if (size > 0)
        memcpy(copy, data + 1, size - 1);
    switch (size > 0 ? data[0] % 8 : 0) {
    case 0:
        check_put(bytes);
        break;
    case 1:
        check_read_answer(bytes);
        break;
    case 2:
        (void)!locate_ask_decode(bytes, &locate);
        break;
    case 3:
        (void)!read_ask_decode(bytes, &read);
        break;
    case 4:
        (void)!locate_answer_decode(bytes, &position);
        break;
    case 5:
        (void)!put_answer_decode(bytes, &seqno);
        break;
    case 7:
        check_grant(bytes);
        break;
    default:
        (void)refusal_decode(bytes);
        break;
    }
    free(copy);
    return 0;
}
