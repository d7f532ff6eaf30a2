/* change_private.h - what the builders of changes have in common. */
#ifndef CATALOG_CHANGE_PRIVATE_H
#define CATALOG_CHANGE_PRIVATE_H

#include "catalog/change.h"
#include "catalog/row.h"

/* A change of that kind, whose row is to be set. */
Braid__Catalog__Change stamped(struct change_stamp stamp,
                               Braid__Catalog__Change__OfCase of_case);

#endif
