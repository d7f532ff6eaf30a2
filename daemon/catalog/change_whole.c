#include "base/ensure.h"
#include "catalog/change_private.h"

struct buf *change_whole_shards(struct change_stamp stamp, const struct change_whole rows[],
                                uint32_t count)
{
    Braid__Catalog__Change change = stamped(stamp, BRAID__CATALOG__CHANGE__OF_WHOLE_SHARDS);
    Braid__Catalog__WholeShards set;
    Braid__Catalog__WholeShard all[CATALOG_WHOLE_ROWS_MAX];
    Braid__Catalog__WholeShard *places[CATALOG_WHOLE_ROWS_MAX];

    ensure(count <= CATALOG_WHOLE_ROWS_MAX);
    braid__catalog__whole_shards__init(&set);
    for (uint32_t i = 0; i < count; i++) {
        braid__catalog__whole_shard__init(&all[i]);
        all[i].group = rows[i].group;
        all[i].epoch = rows[i].epoch;
        all[i].rests = rows[i].rests;
        places[i] = &all[i];
    }
    set.rows = places;
    set.n_rows = count;
    change.whole_shards = &set;
    return row_pack(&change.base);
}
