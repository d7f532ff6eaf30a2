/* account.h - what is set for the whole account, as other handlers ask for it.
 *
 * For the files of this folder only.
 */
#ifndef API_ACCOUNT_H
#define API_ACCOUNT_H

#include "api/handler.h"

/* Each of these: false, the request has failed. */

/* Whether the account may have `more` open shards. */
bool account_check_shards(struct request *request, uint32_t more);

/* Whether it may have one more stream in that mode. */
bool account_check_mode(struct request *request, enum stream_mode mode);

/* Whether a stream in that mode may have so much warm throughput: 0 always. */
bool account_check_warm(struct request *request, enum stream_mode mode, uint32_t mibps);

#endif
