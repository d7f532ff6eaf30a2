package braid.sdk;

import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.awssdk.services.kinesis.KinesisClient;
import software.amazon.awssdk.services.kinesis.model.*;
import software.amazon.awssdk.services.kinesis.model.Record;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/** One call of every operation, and the errors as the SDK's own exceptions. */
final class Walk {
    private static final String NAME = "walk-java";
    private static final List<String> THREE = List.of("\0one", "two", "");

    private final KinesisClient kinesis;
    private final KinesisAsyncClient events;
    private final Set<String> walked = new TreeSet<>();

    private Walk(KinesisClient kinesis, KinesisAsyncClient events) {
        this.kinesis = kinesis;
        this.events = events;
    }

    /** {@code events} is for SubscribeToShard alone, which clients that block do not have. */
    static void run(KinesisClient kinesis, KinesisAsyncClient events) {
        new Walk(kinesis, events).go();
    }

    private void go() {
        String arn = create();
        account();
        String shard =
                ask(kinesis.listShards(request -> request.streamName(NAME)))
                        .shards()
                        .get(0)
                        .shardId();
        records(shard);
        consumers(arn, shard);
        settings(arn);
        shape(arn);
        errors(arn);
        ask(
                kinesis.deleteStream(
                        request -> request.streamName(NAME).enforceConsumerDeletion(true)));
        kinesis.waiter()
                .waitUntilStreamNotExists(request -> request.streamName(NAME), Stream.EACH_SECOND);
        System.out.println("walked: " + String.join(" ", walked));
    }

    private <T extends KinesisResponse> T ask(T answer) {
        walked.add(answer.getClass().getSimpleName().replace("Response", ""));
        return answer;
    }

    private static void expect(boolean holds, String what) {
        if (!holds) {
            throw new Lost(what);
        }
    }

    private String create() {
        ask(
                kinesis.createStream(
                        request ->
                                request.streamName(NAME)
                                        .shardCount(2)
                                        .tags(Map.of("made by", "java"))));
        awaitActive();
        expect(
                kinesis.listStreamsPaginator(request -> request.limit(1)).streamNames().stream()
                        .anyMatch(NAME::equals),
                "ListStreams: not there");
        ask(kinesis.listStreams());
        StreamDescription told =
                ask(kinesis.describeStream(request -> request.streamName(NAME)))
                        .streamDescription();
        expect(told.shards().size() == 2, "DescribeStream: not two shards");
        expect(
                isRecent(told.streamCreationTimestamp()),
                "created at " + told.streamCreationTimestamp());
        StreamDescriptionSummary summary =
                ask(kinesis.describeStreamSummary(request -> request.streamName(NAME)))
                        .streamDescriptionSummary();
        expect(summary.openShardCount() == 2, "DescribeStreamSummary: not two open shards");
        return summary.streamARN();
    }

    private void awaitActive() {
        kinesis.waiter()
                .waitUntilStreamExists(request -> request.streamName(NAME), Stream.EACH_SECOND);
    }

    private static boolean isRecent(Instant time) {
        return Duration.between(time, Instant.now()).abs().compareTo(Duration.ofMinutes(5)) < 0;
    }

    private void account() {
        expect(ask(kinesis.describeLimits()).shardLimit() > 0, "DescribeLimits: no limit");
        ask(
                kinesis.updateAccountSettings(
                        request ->
                                request.minimumThroughputBillingCommitment(
                                        commitment -> commitment.status("ENABLED"))));
        MinimumThroughputBillingCommitmentOutput told =
                ask(kinesis.describeAccountSettings(request -> {}))
                        .minimumThroughputBillingCommitment();
        expect(
                told.status() == MinimumThroughputBillingCommitmentOutputStatus.ENABLED,
                "DescribeAccountSettings: not as updated");
        expect(told.startedAt() != null, "DescribeAccountSettings: no start");
    }

    private static SdkBytes bytes(String text) {
        return SdkBytes.fromUtf8String(text);
    }

    private void records(String shard) {
        PutRecordResponse put =
                ask(
                        kinesis.putRecord(
                                request ->
                                        request.streamName(NAME)
                                                .data(bytes(THREE.get(0)))
                                                .partitionKey("k")
                                                .explicitHashKey("0")));
        expect(put.shardId().equals(shard), "PutRecord: not in the first shard");
        List<PutRecordsRequestEntry> entries =
                THREE.subList(1, 3).stream()
                        .map(
                                text ->
                                        PutRecordsRequestEntry.builder()
                                                .data(bytes(text))
                                                .partitionKey("k")
                                                .explicitHashKey("0")
                                                .build())
                        .toList();
        expect(
                ask(kinesis.putRecords(request -> request.streamName(NAME).records(entries)))
                                .failedRecordCount()
                        == 0,
                "PutRecords: a record failed");
        GetShardIteratorRequest.Builder start =
                GetShardIteratorRequest.builder().streamName(NAME).shardId(shard);
        for (GetShardIteratorRequest request :
                Arrays.asList(
                        start.shardIteratorType(ShardIteratorType.TRIM_HORIZON).build(),
                        start.shardIteratorType(ShardIteratorType.AT_SEQUENCE_NUMBER)
                                .startingSequenceNumber(put.sequenceNumber())
                                .build(),
                        start.shardIteratorType(ShardIteratorType.AT_TIMESTAMP)
                                .startingSequenceNumber(null)
                                .timestamp(Instant.parse("2020-01-01T00:00:00.123Z"))
                                .build())) {
            String iterator = ask(kinesis.getShardIterator(request)).shardIterator();
            List<Record> back =
                    ask(kinesis.getRecords(get -> get.shardIterator(iterator).limit(10))).records();
            expectThree(back);
        }
    }

    private static void expectThree(List<Record> records) {
        List<String> texts =
                records.stream()
                        .map(record -> record.data().asString(StandardCharsets.UTF_8))
                        .toList();
        expect(texts.equals(THREE), "records " + texts + ", not those that were put");
        Instant time = records.get(0).approximateArrivalTimestamp();
        expect(isRecent(time), "a record came at " + time);
    }

    private void consumers(String arn, String shard) {
        ask(kinesis.registerStreamConsumer(request -> request.streamARN(arn).consumerName("one")));
        String consumer =
                ask(kinesis.registerStreamConsumer(
                                request -> request.streamARN(arn).consumerName("two")))
                        .consumer()
                        .consumerARN();
        expect(
                kinesis
                                .listStreamConsumersPaginator(
                                        request -> request.streamARN(arn).maxResults(1))
                                .stream()
                                .mapToLong(page -> page.consumers().size())
                                .sum()
                        == 2,
                "ListStreamConsumers: not two");
        ask(kinesis.listStreamConsumers(request -> request.streamARN(arn)));
        expect(
                ask(kinesis.describeStreamConsumer(request -> request.consumerARN(consumer)))
                        .consumerDescription()
                        .streamARN()
                        .equals(arn),
                "DescribeStreamConsumer: of another stream");
        subscribe(consumer, shard);
        ask(kinesis.deregisterStreamConsumer(request -> request.consumerARN(consumer)));
    }

    private void subscribe(String consumer, String shard) {
        SubscribeToShardRequest request =
                SubscribeToShardRequest.builder()
                        .consumerARN(consumer)
                        .shardId(shard)
                        .startingPosition(position -> position.type(ShardIteratorType.TRIM_HORIZON))
                        .build();
        CompletableFuture<SubscribeToShardEvent> first = new CompletableFuture<>();
        CompletableFuture<Void> subscription =
                events.subscribeToShard(
                        request,
                        SubscribeToShardResponseHandler.builder()
                                .onResponse(this::ask)
                                .onError(first::completeExceptionally)
                                .subscriber(event -> first.complete((SubscribeToShardEvent) event))
                                .build());
        expectThree(first.join().records());
        refusedWhileOneStands(request);
        subscription.cancel(true);
    }

    /**
     * The youngest stands for five seconds. A leader that is new to its shard, and has not heard of
     * it, grants one more; then that one stands.
     */
    private void refusedWhileOneStands(SubscribeToShardRequest request) {
        for (int granted = 0; granted < 2; granted++) {
            Stream.pause(1100); // a consumer asks once a second
            CompletableFuture<Void> answered = new CompletableFuture<>();
            CompletableFuture<Void> again =
                    events.subscribeToShard(
                            request,
                            SubscribeToShardResponseHandler.builder()
                                    .onResponse(response -> answered.complete(null))
                                    .subscriber(event -> {})
                                    .build());
            try {
                CompletableFuture.anyOf(answered, again).join();
            } catch (CompletionException refusal) {
                refused(ResourceInUseException.class, () -> joined(again));
                return;
            }
            again.cancel(true);
        }
        throw new Lost("SubscribeToShard: two more were granted, each a second after another");
    }

    /** The exception as a client that blocks would throw it. */
    private static void joined(CompletableFuture<?> future) {
        try {
            future.join();
        } catch (CompletionException fault) {
            throw (RuntimeException) fault.getCause();
        }
    }

    private void settings(String arn) {
        ask(
                kinesis.addTagsToStream(
                        request -> request.streamName(NAME).tags(Map.of("a", "1", "ü", "2"))));
        ask(kinesis.removeTagsFromStream(request -> request.streamName(NAME).tagKeys("a")));
        expectTags(
                ask(kinesis.listTagsForStream(request -> request.streamName(NAME))).tags(),
                "made by",
                "ü");
        ask(kinesis.tagResource(request -> request.resourceARN(arn).tags(Map.of("b", "3"))));
        ask(kinesis.untagResource(request -> request.resourceARN(arn).tagKeys("ü")));
        expectTags(
                ask(kinesis.listTagsForResource(request -> request.resourceARN(arn))).tags(),
                "b",
                "made by");
        ask(
                kinesis.increaseStreamRetentionPeriod(
                        request -> request.streamName(NAME).retentionPeriodHours(48)));
        ask(
                kinesis.decreaseStreamRetentionPeriod(
                        request -> request.streamName(NAME).retentionPeriodHours(24)));
        expect(
                ask(kinesis.enableEnhancedMonitoring(
                                request ->
                                        request.streamName(NAME)
                                                .shardLevelMetrics(MetricsName.INCOMING_BYTES)))
                        .desiredShardLevelMetrics()
                        .equals(List.of(MetricsName.INCOMING_BYTES)),
                "EnableEnhancedMonitoring: not as asked");
        ask(
                kinesis.disableEnhancedMonitoring(
                        request ->
                                request.streamName(NAME)
                                        .shardLevelMetrics(MetricsName.INCOMING_BYTES)));
        ask(
                kinesis.startStreamEncryption(
                        request ->
                                request.streamName(NAME)
                                        .encryptionType(EncryptionType.KMS)
                                        .keyId("alias/aws/kinesis")));
        ask(
                kinesis.stopStreamEncryption(
                        request ->
                                request.streamName(NAME)
                                        .encryptionType(EncryptionType.KMS)
                                        .keyId("alias/aws/kinesis")));
        String policy = "{\"Version\": \"2012-10-17\", \"Statement\": []}";
        ask(kinesis.putResourcePolicy(request -> request.resourceARN(arn).policy(policy)));
        expect(
                ask(kinesis.getResourcePolicy(request -> request.resourceARN(arn)))
                        .policy()
                        .equals(policy),
                "GetResourcePolicy: another policy");
        ask(kinesis.deleteResourcePolicy(request -> request.resourceARN(arn)));
    }

    private static void expectTags(List<Tag> tags, String... keys) {
        List<String> found = tags.stream().map(Tag::key).sorted().toList();
        expect(found.equals(List.of(keys)), "tags " + found + ", not " + List.of(keys));
    }

    private void shape(String arn) {
        ask(
                kinesis.splitShard(
                        request ->
                                request.streamName(NAME)
                                        .shardToSplit("shardId-000000000000")
                                        .newStartingHashKey(
                                                "85070591730234615865843651857942052864")));
        awaitActive();
        ask(
                kinesis.mergeShards(
                        request ->
                                request.streamName(NAME)
                                        .shardToMerge("shardId-000000000002")
                                        .adjacentShardToMerge("shardId-000000000003")));
        awaitActive();
        UpdateShardCountResponse scaled =
                ask(
                        kinesis.updateShardCount(
                                request ->
                                        request.streamName(NAME)
                                                .targetShardCount(4)
                                                .scalingType(ScalingType.UNIFORM_SCALING)));
        expect(
                scaled.currentShardCount() == 2 && scaled.targetShardCount() == 4,
                "UpdateShardCount: " + scaled);
        awaitActive();
        ask(
                kinesis.updateMaxRecordSize(
                        request -> request.streamARN(arn).maxRecordSizeInKiB(2048)));
        ask(
                kinesis.updateStreamMode(
                        request ->
                                request.streamARN(arn)
                                        .streamModeDetails(
                                                mode -> mode.streamMode(StreamMode.ON_DEMAND))));
        expect(
                ask(kinesis.updateStreamWarmThroughput(
                                        request -> request.streamARN(arn).warmThroughputMiBps(8)))
                                .warmThroughput()
                                .targetMiBps()
                        == 8,
                "UpdateStreamWarmThroughput: not 8 MiB/s");
        ask(
                kinesis.updateStreamRecordDistributionStrategy(
                        request ->
                                request.streamARN(arn)
                                        .recordDistributionStrategy(
                                                RecordDistributionStrategy.AUTO)));
    }

    private void errors(String arn) {
        refused(
                ResourceNotFoundException.class,
                () -> kinesis.describeStreamSummary(request -> request.streamName("nobody")));
        refused(
                ResourceInUseException.class,
                () -> kinesis.createStream(request -> request.streamName(NAME).shardCount(1)));
        refused(
                InvalidArgumentException.class,
                () -> kinesis.getRecords(request -> request.shardIterator("none")));
        refused(
                ValidationException.class,
                () ->
                        kinesis.updateMaxRecordSize(
                                request -> request.streamARN(arn).maxRecordSizeInKiB(99999)));
        refused(
                LimitExceededException.class,
                () ->
                        kinesis.createStream(
                                request -> request.streamName("wide").shardCount(1000000)));
        refusedAs(
                "UnknownOperationException",
                () -> kinesis.listChannels(request -> {})); // not in this API
        try (KinesisClient stranger =
                KinesisClient.builder()
                        .credentialsProvider(
                                StaticCredentialsProvider.create(
                                        AwsBasicCredentials.create("sdk", "wrong")))
                        .build()) {
            refusedAs("InvalidSignatureException", stranger::listStreams);
        }
    }

    /** The error is the SDK's exception of its name, with a message. */
    private static void refused(Class<? extends KinesisException> wanted, Runnable call) {
        KinesisException fault = refusal(wanted.getSimpleName(), call);
        expect(wanted.isInstance(fault), fault + ", not " + wanted.getSimpleName());
        expect(
                !fault.awsErrorDetails().errorMessage().isEmpty(),
                wanted.getSimpleName() + " without a message");
        expect(fault.requestId() != null, wanted.getSimpleName() + " without a request id");
    }

    /** For errors that have no class of their own. */
    private static void refusedAs(String code, Runnable call) {
        KinesisException fault = refusal(code, call);
        expect(fault.awsErrorDetails().errorCode().equals(code), fault + ", not " + code);
    }

    private static KinesisException refusal(String wanted, Runnable call) {
        try {
            call.run();
        } catch (KinesisException fault) {
            return fault;
        }
        throw new Lost("answered, not refused with " + wanted);
    }
}
