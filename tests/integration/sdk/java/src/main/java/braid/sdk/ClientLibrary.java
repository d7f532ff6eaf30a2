package braid.sdk;

import static software.amazon.kinesis.coordinator.streamInfo.StreamIdOnboardingState.NOT_ONBOARDED;

import org.reactivestreams.Subscriber;
import org.reactivestreams.Subscription;

import software.amazon.kinesis.common.InitialPositionInStream;
import software.amazon.kinesis.common.InitialPositionInStreamExtended;
import software.amazon.kinesis.common.StreamIdentifier;
import software.amazon.kinesis.coordinator.streamInfo.StreamIdCache;
import software.amazon.kinesis.coordinator.streamInfo.StreamIdCacheManager;
import software.amazon.kinesis.metrics.NullMetricsFactory;
import software.amazon.kinesis.retrieval.KinesisClientRecord;
import software.amazon.kinesis.retrieval.RecordsRetrieved;
import software.amazon.kinesis.retrieval.fanout.FanOutRecordsPublisher;
import software.amazon.kinesis.retrieval.kpl.ExtendedSequenceNumber;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;

/** The Kinesis Client Library's own reader of one shard by fan-out, without its leases. */
final class ClientLibrary implements Subscriber<RecordsRetrieved> {
    private final FanOutRecordsPublisher publisher;
    private final int wanted;
    private final List<KinesisClientRecord> records = new ArrayList<>();
    private final CompletableFuture<List<KinesisClientRecord>> all = new CompletableFuture<>();
    private Subscription subscription;

    static {
        // As the library's scheduler does it when it starts: this reader runs without one.
        StreamIdCache.initialize(
                new StreamIdCacheManager(
                        Executors.newSingleThreadScheduledExecutor(ClientLibrary::daemon),
                        null,
                        Map.of(),
                        NOT_ONBOARDED,
                        false,
                        new NullMetricsFactory()),
                NOT_ONBOARDED);
    }

    private static Thread daemon(Runnable runs) {
        Thread thread = new Thread(runs, "stream ids");
        thread.setDaemon(true);
        return thread;
    }

    private ClientLibrary(FanOutRecordsPublisher publisher, int wanted) {
        this.publisher = publisher;
        this.wanted = wanted;
    }

    /** The first {@code wanted} records of a shard, or all up to the shard's end. */
    static List<KinesisClientRecord> receive(
            Stream stream, String shard, String consumer, int wanted) {
        FanOutRecordsPublisher publisher =
                new FanOutRecordsPublisher(
                        stream.client(),
                        shard,
                        consumer,
                        StreamIdentifier.singleStreamInstance(stream.name()));
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
