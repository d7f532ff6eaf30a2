/* client.h - libbraid: calls the Kinesis API of a cluster, as an SDK would.
 *
 * For programs in C that want records in and out without an AWS SDK: the
 * command line and the benchmarks.  A client knows several nodes of one
 * cluster.  It keeps one connection, to the node that answered last, and goes
 * on to the next node when that one refuses, hangs up or answers 5xx; after a
 * round without success it waits a little longer each time.
 *
 *     client_open -> client_call ... -> client_close
 *
 * A put that is repeated after an unknown outcome may be stored twice, as with
 * every Kinesis client.
 *
 * Calls are signed where there is an access key: of a file, or of AWS's variables
 * (sign.h).  Operations ports are never shown one.
 *
 * Blocking; one thread per client.
 */
#ifndef CLIENT_CLIENT_H
#define CLIENT_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

#define CLIENT_ENDPOINTS_MAX 64u
#define CLIENT_ANSWER_BYTES_MAX (32u * 1024u * 1024u) /* GetRecords: 10 MiB in base64 and names */

struct client;

struct client_options {
    const char *endpoints; /* URLs, with commas between: "http://127.0.0.1:4567,http://..." */
    bool sign;               /* calls are signed, if there is an access key: */
    const char *credentials; /* a file of them; NULL: the environment's */
    uint32_t timeout_ms;   /* of one attempt; 0: 30 seconds */
    uint32_t attempts_max; /* of one call; 0: 3, and once at least at each endpoint */
};

/* What came back.  Borrowed from the client until its next call. */
struct client_answer {
    long status;          /* HTTP's; 0 when no node answered */
    char type[96];        /* AWS's name of the error; empty on success */
    struct reason reason; /* for people: which node said what */
    struct slice body;    /* with an end mark behind it */
    uint32_t attempts;    /* how often the request was sent */
};

/* ERR_INVALID: not a list of http:// or https:// URLs, or an access key that is none.
 * ERR_NO_MEMORY. */
MUST_CHECK enum err client_open(struct client **ret, const struct client_options *options,
                                struct reason *reason);
void client_close(struct client *client);

/* From now on calls end at this moment of the monotonic clock at the latest, as ERR_TIMEOUT where a
 * node has been asked and has not answered; a call after it is tried for a millisecond.  0: no
 * such moment, as at the beginning. */
void client_until(struct client *client, uint64_t deadline_ms);

/* Calls `operation` ("PutRecords") with `body`, the JSON text of its request.  Errors as
 * fault_of_answer(), and:
 * ERR_UNREACHABLE  no node could be connected to; nothing was done
 * ERR_TIMEOUT      a node took the request and did not answer in time; the outcome is unknown
 * ERR_NO_MEMORY */
MUST_CHECK enum err client_call(struct client *client, const char *operation, struct slice body,
                                struct client_answer *answer);

/* As client_call(), with trees for texts.  `*out` is the caller's; an empty object for an empty
 * body.  ERR_CORRUPT: the answer is not JSON. */
MUST_CHECK enum err client_call_json(struct client *client, const char *operation, json_t *in,
                                     json_t **out, struct client_answer *answer);

/* GET of `path` ("/readyz"), for operations ports. */
MUST_CHECK enum err client_get(struct client *client, const char *path,
                               struct client_answer *answer);

/* POST of `body`, a JSON text, to `path`, for operations ports.  Repeated as every call: what is
 * asked for must be as good twice as once. */
MUST_CHECK enum err client_post(struct client *client, const char *path, struct slice body,
                                struct client_answer *answer);

#endif
