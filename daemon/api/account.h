/* account.h - what is set for the whole account, as other handlers ask for it.
 *
 * For the files of this folder only.
 */
#ifndef API_ACCOUNT_H
#define API_ACCOUNT_H

#include "api/handler.h"

/* Whether a stream in that mode may have so much warm throughput: 0 always.  False: the request has
 * failed. */
bool account_check_warm(struct request *request, enum stream_mode mode, uint32_t mibps);

#endif
