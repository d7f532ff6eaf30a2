package braid.sdk;

import software.amazon.awssdk.services.kinesis.model.ChildShard;

import java.util.List;

/** Reads all of a shard; gives the shard's children, or none once nothing is missing. */
@FunctionalInterface
interface Reader {
    List<ChildShard> read(String shard, Ledger ledger);
}
