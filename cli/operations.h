/* operations.h - what is asked of the operations ports, and what their refusals mean to a person.
 *
 * A page is looked at with GET; a change is asked for with POST, and is as good
 * twice as once, because a call goes on to another node when one does not
 * answer.  Every function returns OUTCOME_OK, or it has complained.
 */
#ifndef CLI_OPERATIONS_H
#define CLI_OPERATIONS_H

#include "cli.h"

#define OPERATIONS_PATH_BYTES_MAX 512u

/* The page as a tree, which is the caller's.  `none` is said behind the refusal when there is no
 * such thing (404): how to find what there is. */
enum outcome operations_look(const struct cli *cli, struct client *client, const char *path,
                             const char *none, json_t **ret);

/* Asks for a change, and says who asks, for the audit log. */
enum err operations_post(struct client *client, const char *path, struct client_answer *ret);

/* The same; it complains about a refusal. */
enum outcome operations_change(const struct cli *cli, struct client *client, const char *path,
                               const char *none);

/* Complains about a failed call, with what to do next. */
enum outcome operations_complain(const struct cli *cli, enum err err,
                                 const struct client_answer *answer, const char *none);

/* Whether the refusal says that it passes: the same call may succeed later. */
bool operations_may_wait(const struct client_answer *answer);

#endif
