/* change_account.h - the change of what is set for the whole account, as change_settings.h. */
#ifndef CATALOG_CHANGE_ACCOUNT_H
#define CATALOG_CHANGE_ACCOUNT_H

#include "catalog/change.h"

/* It becomes so; its revision is the one that was seen.
 * ERR_EXPIRED   the revision is another one: look again
 * ERR_VERSION   as change_place() */
struct buf *change_set_account(struct change_stamp stamp,
                               const struct model_commitment *commitment);

#endif
