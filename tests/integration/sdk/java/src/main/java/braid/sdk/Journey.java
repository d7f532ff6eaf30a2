package braid.sdk;

import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.core.metrics.CoreMetric;
import software.amazon.awssdk.metrics.MetricCollection;
import software.amazon.awssdk.metrics.MetricPublisher;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.awssdk.services.kinesis.model.ChildShard;
import software.amazon.awssdk.services.kinesis.model.PutRecordsRequestEntry;
import software.amazon.awssdk.services.kinesis.model.PutRecordsResponse;
import software.amazon.awssdk.services.kinesis.model.Shard;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.IntStream;

/** From create to delete, as the README beside this folder tells it. */
final class Journey {
    private final Stream stream;
    private final ExecutorService threads = Executors.newCachedThreadPool(Journey::daemon);
    private final Set<Integer> retried = ConcurrentHashMap.newKeySet();
    private volatile int roundsPut;

    private Journey(Stream stream) {
        this.stream = stream;
    }

    static void run(KinesisAsyncClient client) {
        new Journey(new Stream(client, "journey-java")).go();
    }

    private void go() {
        stream.create(2);
        String consumer = stream.register("reader");
        Ledger polled = new Ledger("polling");
        Ledger pushed = new Ledger("fan-out");
        sideBySide(
                List.of(
                        () -> readAll(new Poller(stream), polled),
                        () -> readAll(new FanOut(stream, consumer), pushed),
                        this::reshard,
                        this::putAll));
        polled.check(retried);
        pushed.check(retried);
        stream.client().deregisterStreamConsumer(request -> request.consumerARN(consumer)).join();
        stream.delete();
        System.out.println("created, split, merged, read twice and deleted");
    }

    /** Round by round, so that a record that must be sent again is still in its key's order. */
    private void putAll() {
        for (int round = 0; round < Ledger.ROUNDS; round++) {
            int number = round;
            List<PutRecordsRequestEntry> left =
                    Ledger.KEYS.stream().map(key -> entry(key, number)).toList();
            for (long pause = 50; !left.isEmpty(); pause = Math.min(2 * pause, 1000)) {
                left = put(left, round);
                if (!left.isEmpty()) {
                    Stream.pause(ThreadLocalRandom.current().nextLong(pause / 2, pause));
                }
            }
            roundsPut = round + 1;
        }
    }

    private static PutRecordsRequestEntry entry(String key, int round) {
        return PutRecordsRequestEntry.builder()
                .partitionKey(key)
                .data(SdkBytes.fromString(key + ":" + round, StandardCharsets.UTF_8))
                .build();
    }

    /** Gives the entries that must be sent again. */
    private List<PutRecordsRequestEntry> put(List<PutRecordsRequestEntry> entries, int round) {
        PutRecordsResponse answer =
                stream.client()
                        .putRecords(
                                request ->
                                        request.streamName(stream.name())
                                                .records(entries)
                                                .overrideConfiguration(
                                                        override ->
                                                                override.addMetricPublisher(
                                                                        retriesOf(round))))
                        .join();
        return IntStream.range(0, entries.size())
                .filter(index -> answer.records().get(index).errorCode() != null)
                .mapToObj(entries::get)
                .toList();
    }

    /** Notes the round when the client has sent its request more than once. */
    private MetricPublisher retriesOf(int round) {
        return new MetricPublisher() {
            @Override
            public void publish(MetricCollection metrics) {
                if (metrics.metricValues(CoreMetric.RETRY_COUNT).stream()
                        .anyMatch(count -> count > 0)) {
                    retried.add(round);
                }
            }

            @Override
            public void close() {
                // Nothing is held.
            }
        };
    }

    /** Splits a shard, later merges two neighbours, while records come in. */
    private void reshard() {
        Stream.await("a quarter of the rounds put", () -> roundsPut > Ledger.ROUNDS / 4);
        stream.split(stream.openShards().get(0));
        Stream.await("half of the rounds put", () -> roundsPut > Ledger.ROUNDS / 2);
        List<Shard> shards = stream.openShards();
        stream.merge(shards.get(1), shards.get(2));
    }

    /** All shards side by side; a child when all of its parents have been read. */
    private void readAll(Reader reader, Ledger ledger) {
        Set<String> ended = new HashSet<>();
        Set<String> begun = new HashSet<>();
        sideBySide(
                stream.openShards().stream()
                        .map(
                                shard ->
                                        (Runnable)
                                                () ->
                                                        follow(
                                                                reader,
                                                                ledger,
                                                                shard.shardId(),
                                                                ended,
                                                                begun))
                        .toList());
    }

    private void follow(
            Reader reader, Ledger ledger, String shard, Set<String> ended, Set<String> begun) {
        List<ChildShard> children = reader.read(shard, ledger);
        List<Runnable> ripe = new ArrayList<>();
        synchronized (ended) {
            ended.add(shard);
            for (ChildShard child : children) {
                if (ended.containsAll(child.parentShards()) && begun.add(child.shardId())) {
                    ripe.add(() -> follow(reader, ledger, child.shardId(), ended, begun));
                }
            }
        }
        sideBySide(ripe);
    }

    /** Waits for all parts; the first that fails ends the waiting, and its fault is thrown. */
    private void sideBySide(List<Runnable> parts) {
        CompletableFuture<Void> first = new CompletableFuture<>();
        CompletableFuture<?>[] running =
                parts.stream()
                        .map(
                                part ->
                                        CompletableFuture.runAsync(part, threads)
                                                .whenComplete(
                                                        (nothing, fault) -> {
                                                            if (fault != null) {
                                                                first.completeExceptionally(fault);
                                                            }
                                                        }))
                        .toArray(CompletableFuture[]::new);
        CompletableFuture.allOf(running).thenRun(() -> first.complete(null));
        first.join();
    }

    private static Thread daemon(Runnable work) {
        Thread thread = new Thread(work, "journey");
        thread.setDaemon(true);
        return thread;
    }
}
