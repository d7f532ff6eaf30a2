/* http_request.h - what must hold of any request that is whole, over HTTP/1.1 and HTTP/2.
 *
 *   - its slices can be read, and are read: `*sum` becomes a sum of them and of what it was before;
 *   - its body is within its maximum and has its padding;
 *   - its names are lower case, and no value holds a CR or LF.
 */
#ifndef FUZZ_HTTP_REQUEST_H
#define FUZZ_HTTP_REQUEST_H

#include <stdint.h>

#include "base/digest.h"
#include "base/ensure.h"
#include "base/limits.h"
#include "transport/request.h"

#define BODY_BYTES_MAX 4096u

static inline void request_add(uint32_t *sum, struct slice slice)
{
    ensure(slice.len == 0 || slice.data != NULL);
    *sum = crc32c(*sum, slice.data, slice.len);
}

static inline void request_check_header(const struct http_header *header)
{
    struct slice name = header->name, value = header->value;

    ensure(name.len > 0);
    for (size_t at = 0; at < name.len; at++)
        ensure(name.data[at] > ' ' && name.data[at] < 0x7f &&
               !(name.data[at] >= 'A' && name.data[at] <= 'Z'));
    for (size_t at = 0; at < value.len; at++)
        ensure(value.data[at] == '\t' || (value.data[at] >= ' ' && value.data[at] != 0x7f));
}

static inline void request_check(const struct http_request *request, uint32_t *sum)
{
    request_add(sum, request->method);
    request_add(sum, request->target);
    request_add(sum, request->path);
    request_add(sum, request->query);
    request_add(sum, request->body);
    ensure(request->method.len > 0 && request->path.len > 0);
    ensure(request->body.len <= BODY_BYTES_MAX && request->header_count <= HTTP_HEADERS_MAX);
    for (size_t at = 0; at < HTTP_BODY_PADDING; at++)
        ensure(request->body.data[request->body.len + at] == 0);
    for (uint32_t at = 0; at < request->header_count; at++) {
        request_add(sum, request->headers[at].name);
        request_add(sum, request->headers[at].value);
        request_check_header(&request->headers[at]);
    }
}

#endif
