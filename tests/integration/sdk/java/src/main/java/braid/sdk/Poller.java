package braid.sdk;

import software.amazon.awssdk.services.kinesis.model.ChildShard;
import software.amazon.awssdk.services.kinesis.model.GetRecordsResponse;
import software.amazon.awssdk.services.kinesis.model.ShardIteratorType;

import java.util.List;

/** Reads with GetRecords. */
record Poller(Stream stream) implements Reader {
    private static final int PACE_MS = 250; // a shard answers five times a second

    @Override
    public List<ChildShard> read(String shard, Ledger ledger) {
        String iterator =
                stream.client()
                        .getShardIterator(
                                request ->
                                        request.streamName(stream.name())
                                                .shardId(shard)
                                                .shardIteratorType(ShardIteratorType.TRIM_HORIZON))
                        .join()
                        .shardIterator();
        while (ledger.missing() > 0) {
            String from = iterator;
            GetRecordsResponse answer =
                    stream.client().getRecords(request -> request.shardIterator(from)).join();
            ledger.add(answer.records());
            iterator = answer.nextShardIterator();
            if (iterator == null) {
                return answer.childShards();
            }
            Stream.pause(PACE_MS);
        }
        return List.of();
    }
}
