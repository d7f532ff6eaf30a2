/* dispatch.h - what an HTTP request asks for, in the order in which AWS finds out.
 *
 * Clients meet this order when they are misconfigured: the first thing that is
 * wrong decides the answer, and some answers are in XML whatever was asked in.
 *
 *     1  OPTIONS with Origin             preflight
 *     2  not POST                        403, XML
 *     3  no body                         400
 *     4  Content-Type that is none of ours   404 with a target, else 403, both XML
 *     5  body is no object               400, said by whoever decodes it
 *     6  Content-Type application/json   404 in the words of an older protocol
 *     7  no such operation               400
 *
 * An error that is not in XML is in the encoding of the request; in CBOR when
 * there is no body and nothing says JSON.
 *
 * An engine: looks at a request, does nothing.
 */
#ifndef HTTP_DISPATCH_H
#define HTTP_DISPATCH_H

#include "api/api.h"
#include "transport/request.h"
#include "wire/encoding.h"

enum dispatch_kind {
    DISPATCH_OPERATION, /* decode the body as the operation's `in`, and run it */
    DISPATCH_PREFLIGHT,
    DISPATCH_DENIED,
    DISPATCH_NO_BODY,
    DISPATCH_UNKNOWN_CONTENT,
    DISPATCH_OLD_JSON,         /* answer 6 if the body is an object, else 5 in the same words */
    DISPATCH_UNKNOWN_OPERATION /* answer 7 if the body is an object, else 5 */
};

struct dispatch {
    enum dispatch_kind kind;
    const struct operation *operation; /* that X-Amz-Target names; NULL: none that we know */
    const struct encoding *encoding;   /* of the body, and of the answer */
};

struct dispatch dispatch_request(const struct http_request *request);

#endif
