package braid.sdk;

import org.reactivestreams.Subscriber;
import org.reactivestreams.Subscription;

import software.amazon.awssdk.services.kinesis.model.ChildShard;
import software.amazon.awssdk.services.kinesis.model.ShardIteratorType;
import software.amazon.awssdk.services.kinesis.model.StartingPosition;
import software.amazon.awssdk.services.kinesis.model.SubscribeToShardEvent;
import software.amazon.awssdk.services.kinesis.model.SubscribeToShardEventStream;
import software.amazon.awssdk.services.kinesis.model.SubscribeToShardResponseHandler;

import java.util.List;
import java.util.concurrent.CompletableFuture;

/** Reads with SubscribeToShard, which is called again when a subscription has ended. */
record FanOut(Stream stream, String consumer) implements Reader {

    @Override
    public List<ChildShard> read(String shard, Ledger ledger) {
        StartingPosition position =
                StartingPosition.builder().type(ShardIteratorType.TRIM_HORIZON).build();
        while (ledger.missing() > 0) {
            StartingPosition from = position;
            Events events = new Events(ledger);
            stream.client()
                    .subscribeToShard(
                            request ->
                                    request.consumerARN(consumer)
                                            .shardId(shard)
                                            .startingPosition(from),
                            SubscribeToShardResponseHandler.builder()
                                    .onEventStream(publisher -> publisher.subscribe(events))
                                    .onError(events::onError)
                                    .build());
            List<ChildShard> children = events.ended.join();
            if (!children.isEmpty()) {
                return children;
            }
            position =
                    StartingPosition.builder()
                            .type(ShardIteratorType.AFTER_SEQUENCE_NUMBER)
                            .sequenceNumber(events.continuation)
                            .build();
        }
        return List.of();
    }

    /** One subscription: asks for an event at a time, as a reader that works on each would. */
    private static final class Events implements Subscriber<SubscribeToShardEventStream> {
        final CompletableFuture<List<ChildShard>> ended = new CompletableFuture<>();
        volatile String continuation;
        private final Ledger ledger;
        private Subscription subscription;

        Events(Ledger ledger) {
            this.ledger = ledger;
        }

        @Override
        public void onSubscribe(Subscription given) {
            subscription = given;
            subscription.request(1);
        }

        @Override
        public void onNext(SubscribeToShardEventStream item) {
            SubscribeToShardEvent event = (SubscribeToShardEvent) item;
            try {
                ledger.add(event.records());
            } catch (Lost fault) {
                subscription.cancel();
                ended.completeExceptionally(fault);
                return;
            }
            continuation = event.continuationSequenceNumber();
            if (event.hasChildShards() || ledger.missing() == 0) {
                subscription.cancel();
                ended.complete(event.childShards());
                return;
            }
            subscription.request(1);
        }

        @Override
        public void onError(Throwable fault) {
            ended.completeExceptionally(fault);
        }

        @Override
        public void onComplete() {
            ended.complete(List.of());
        }
    }
}
