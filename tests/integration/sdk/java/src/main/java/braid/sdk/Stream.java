package braid.sdk;

import software.amazon.awssdk.core.waiters.WaiterOverrideConfiguration;
import software.amazon.awssdk.retries.api.BackoffStrategy;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.awssdk.services.kinesis.model.ConsumerStatus;
import software.amazon.awssdk.services.kinesis.model.ListShardsResponse;
import software.amazon.awssdk.services.kinesis.model.Shard;
import software.amazon.awssdk.services.kinesis.model.ShardFilterType;
import software.amazon.awssdk.services.kinesis.model.StreamStatus;

import java.math.BigInteger;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/** One stream and its shards, from create to delete. */
record Stream(KinesisAsyncClient client, String name) {
    /** For waiters, which look once in ten seconds if not told otherwise. */
    static final Consumer<WaiterOverrideConfiguration.Builder> EACH_SECOND =
            waiter -> waiter.backoffStrategyV2(BackoffStrategy.fixedDelay(Duration.ofSeconds(1)));

    private static final int PATIENCE_S = 120;

    void create(int shards) {
        client.createStream(request -> request.streamName(name).shardCount(shards)).join();
        client.waiter()
                .waitUntilStreamExists(request -> request.streamName(name), EACH_SECOND)
                .join();
    }

    void delete() {
        client.deleteStream(request -> request.streamName(name).enforceConsumerDeletion(true))
                .join();
        client.waiter()
                .waitUntilStreamNotExists(request -> request.streamName(name), EACH_SECOND)
                .join();
    }

    String arn() {
        return client.describeStreamSummary(request -> request.streamName(name))
                .join()
                .streamDescriptionSummary()
                .streamARN();
    }

    /** Registers a consumer and gives its ARN once it is ACTIVE. */
    String register(String consumer) {
        String stream = arn();
        String arn =
                client.registerStreamConsumer(
                                request -> request.streamARN(stream).consumerName(consumer))
                        .join()
                        .consumer()
                        .consumerARN();
        await(
                "the consumer ACTIVE",
                () ->
                        client.describeStreamConsumer(request -> request.consumerARN(arn))
                                        .join()
                                        .consumerDescription()
                                        .consumerStatus()
                                == ConsumerStatus.ACTIVE);
        return arn;
    }

    /** The open shards by their hash keys. */
    List<Shard> openShards() {
        List<Shard> shards = new ArrayList<>();
        ListShardsResponse page =
                client.listShards(
                                request ->
                                        request.streamName(name)
                                                .shardFilter(
                                                        filter ->
                                                                filter.type(
                                                                        ShardFilterType.AT_LATEST)))
                        .join();
        shards.addAll(page.shards());
        while (page.nextToken() != null) {
            String token = page.nextToken();
            page = client.listShards(request -> request.nextToken(token)).join();
            shards.addAll(page.shards());
        }
        shards.sort(Comparator.comparing(Stream::start));
        return shards;
    }

    void split(Shard shard) {
        BigInteger middle = start(shard).add(end(shard)).shiftRight(1).add(BigInteger.ONE);
        client.splitShard(
                        request ->
                                request.streamName(name)
                                        .shardToSplit(shard.shardId())
                                        .newStartingHashKey(middle.toString()))
                .join();
        awaitActive();
    }

    void merge(Shard left, Shard right) {
        client.mergeShards(
                        request ->
                                request.streamName(name)
                                        .shardToMerge(left.shardId())
                                        .adjacentShardToMerge(right.shardId()))
                .join();
        awaitActive();
    }

    private void awaitActive() {
        await(
                "the stream ACTIVE",
                () ->
                        client.describeStreamSummary(request -> request.streamName(name))
                                        .join()
                                        .streamDescriptionSummary()
                                        .streamStatus()
                                == StreamStatus.ACTIVE);
    }

    static BigInteger start(Shard shard) {
        return new BigInteger(shard.hashKeyRange().startingHashKey());
    }

    static BigInteger end(Shard shard) {
        return new BigInteger(shard.hashKeyRange().endingHashKey());
    }

    static void await(String what, BooleanSupplier condition) {
        long deadline = System.nanoTime() + PATIENCE_S * 1_000_000_000L;
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > deadline) {
                throw new Lost("%s: not within %d s".formatted(what, PATIENCE_S));
            }
            pause(50);
        }
    }

    static void pause(long milliseconds) {
        try {
            Thread.sleep(milliseconds);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new Lost("given up, another part has failed");
        }
    }
}
