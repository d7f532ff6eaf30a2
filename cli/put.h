/* put.h - `braid put STREAM`: standard input into a stream, one record a line. */
#ifndef CLI_PUT_H
#define CLI_PUT_H

#include "base/slice.h"
#include "cli.h"

enum outcome put_run(struct cli *cli, int argc, char **argv);

#define PUT_KEY_CHARS_MAX 256u
#define PUT_KEY_BYTES_MAX (4u * PUT_KEY_CHARS_MAX)

/* The partition key of a line: the value of the member `field` of the JSON object that it is.
 * Texts count as they are, numbers, true and false as JSON writes them.  ERR_INVALID: `reason`
 * says what is wrong with the line. */
MUST_CHECK enum err put_key_of_field(struct slice line, const char *field,
                                     char key[PUT_KEY_BYTES_MAX + 1], struct reason *reason);

/* The partition key of a line without one: its fingerprint, so that lines spread over all shards
 * and the same line always goes to the same. */
void put_key_of_line(struct slice line, char key[PUT_KEY_BYTES_MAX + 1]);

#endif
