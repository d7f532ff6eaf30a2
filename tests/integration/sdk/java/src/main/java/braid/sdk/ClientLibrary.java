package braid.sdk;

import org.reactivestreams.Subscriber;
import org.reactivestreams.Subscription;

import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.kinesis.common.InitialPositionInStream;
import software.amazon.kinesis.common.InitialPositionInStreamExtended;
import software.amazon.kinesis.retrieval.KinesisClientRecord;
import software.amazon.kinesis.retrieval.RecordsRetrieved;
import software.amazon.kinesis.retrieval.fanout.FanOutRecordsPublisher;
import software.amazon.kinesis.retrieval.kpl.ExtendedSequenceNumber;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** The Kinesis Client Library's own reader of one shard by fan-out, without its leases. */
final class ClientLibrary implements Subscriber<RecordsRetrieved> {
    private final FanOutRecordsPublisher publisher;
    private final int wanted;
    private final List<KinesisClientRecord> records = new ArrayList<>();
    private final CompletableFuture<List<KinesisClientRecord>> all = new CompletableFuture<>();
    private Subscription subscription;

    private ClientLibrary(FanOutRecordsPublisher publisher, int wanted) {
        this.publisher = publisher;
        this.wanted = wanted;
    }

    /** The first {@code wanted} records of a shard, or all up to the shard's end. */
    static List<KinesisClientRecord> receive(
            KinesisAsyncClient client, String shard, String consumer, int wanted) {
        FanOutRecordsPublisher publisher = new FanOutRecordsPublisher(client, shard, consumer);
        ClientLibrary reader = new ClientLibrary(publisher, wanted);
        publisher.start(
                ExtendedSequenceNumber.TRIM_HORIZON,
                InitialPositionInStreamExtended.newInitialPosition(
                        InitialPositionInStream.TRIM_HORIZON));
        publisher.subscribe(reader);
        List<KinesisClientRecord> records = reader.all.join();
        publisher.shutdown();
        return records;
    }

    @Override
    public void onSubscribe(Subscription given) {
        subscription = given;
        subscription.request(1);
    }

    @Override
    public void onNext(RecordsRetrieved retrieved) {
        publisher.notify(retrieved::batchUniqueIdentifier);
        records.addAll(retrieved.processRecordsInput().records());
        if (records.size() >= wanted || retrieved.processRecordsInput().isAtShardEnd()) {
            all.complete(records);
        }
        subscription.request(1);
    }

    @Override
    public void onError(Throwable fault) {
        all.completeExceptionally(fault);
    }

    @Override
    public void onComplete() {
        all.complete(records);
    }
}
