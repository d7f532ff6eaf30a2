#include "catalog/change_consumers.h"

#include "catalog/row.h"

static Braid__Catalog__Change stamped(struct change_stamp stamp,
                                      Braid__Catalog__Change__OfCase of_case)
{
    Braid__Catalog__Change change;

    braid__catalog__change__init(&change);
    change.proposed_ms = stamp.proposed_ms;
    change.proposer = stamp.proposer;
    change.token = stamp.token;
    change.of_case = of_case;
    return change;
}

struct buf *change_register_consumer(struct change_stamp stamp, uint64_t stream, const char *name)
{
    Braid__Catalog__Change change = stamped(stamp, BRAID__CATALOG__CHANGE__OF_REGISTER_CONSUMER);
    Braid__Catalog__RegisterConsumer row;
    union {
        const char *in;
        char *out; /* protobuf-c has no const in its structs and never writes to what it packs */
    } same = { .in = name };

    braid__catalog__register_consumer__init(&row);
    row.stream = stream;
    row.name = same.out;
    change.register_consumer = &row;
    return row_pack(&change.base);
}

struct buf *change_deregister_consumer(struct change_stamp stamp, uint64_t stream, uint64_t id)
{
    Braid__Catalog__Change change = stamped(stamp, BRAID__CATALOG__CHANGE__OF_DEREGISTER_CONSUMER);
    Braid__Catalog__DeregisterConsumer row;

    braid__catalog__deregister_consumer__init(&row);
    row.stream = stream;
    row.id = id;
    change.deregister_consumer = &row;
    return row_pack(&change.base);
}

struct buf *change_delete_unconsumed(struct change_stamp stamp, uint64_t stream)
{
    Braid__Catalog__Change change = stamped(stamp, BRAID__CATALOG__CHANGE__OF_DELETE_STREAM);
    Braid__Catalog__DeleteStream row;

    braid__catalog__delete_stream__init(&row);
    row.id = stream;
    row.unless_consumed = true;
    change.delete_stream = &row;
    return row_pack(&change.base);
}
