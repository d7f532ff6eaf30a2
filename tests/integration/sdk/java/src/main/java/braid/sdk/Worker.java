package braid.sdk;

import static software.amazon.kinesis.coordinator.CoordinatorConfig.ClientVersionConfig.CLIENT_VERSION_CONFIG_3X;
import static software.amazon.kinesis.coordinator.CoordinatorConfig.ClientVersionConfig.CLIENT_VERSION_CONFIG_COMPATIBLE_WITH_2X;

import software.amazon.awssdk.services.cloudwatch.CloudWatchAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClientBuilder;
import software.amazon.kinesis.common.ConfigsBuilder;
import software.amazon.kinesis.common.InitialPositionInStream;
import software.amazon.kinesis.common.InitialPositionInStreamExtended;
import software.amazon.kinesis.common.KinesisClientUtil;
import software.amazon.kinesis.coordinator.CoordinatorConfig;
import software.amazon.kinesis.coordinator.CoordinatorConfig.ClientVersionConfig;
import software.amazon.kinesis.coordinator.Scheduler;
import software.amazon.kinesis.leases.LeaseManagementConfig;
import software.amazon.kinesis.metrics.MetricsLevel;
import software.amazon.kinesis.processor.SingleStreamTracker;
import software.amazon.kinesis.retrieval.RetrievalSpecificConfig;
import software.amazon.kinesis.retrieval.fanout.FanOutConfig;
import software.amazon.kinesis.retrieval.polling.PollingConfig;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * A worker of two applications of the Kinesis Client Library, whole: one polls, one has a fan-out
 * consumer. Their leases are in tables of whatever speaks DynamoDB at AWS_ENDPOINT_URL_DYNAMODB.
 * Ends when its input does.
 */
final class Worker {
    // The library's own times are made for large fleets: a dead worker's leases wait for minutes.
    private static final long FAILOVER_MS = 3000;
    private static final long ASSIGNMENT_MS = 1000;
    private static final long LEADER_MS = 4000;
    private static final long HEARTBEAT_MS = 500;
    private static final long LOOK_MS = 200;
    private static final long GRACE_S = 15;

    private final String name;
    private final String stream;
    private final Diary diary;
    private final DynamoDbAsyncClient leases = DynamoDbAsyncClient.create();
    private final CloudWatchAsyncClient metrics = CloudWatchAsyncClient.create();

    private Worker(String name, String stream, Diary diary) {
        this.name = name;
        this.stream = stream;
        this.diary = diary;
    }

    static void run(String name, String stream, String path) {
        KinesisAsyncClientBuilder builder = KinesisAsyncClient.builder();
        try (KinesisAsyncClient client = KinesisClientUtil.createKinesisAsyncClient(builder);
                Diary diary = new Diary(path)) {
            Worker worker = new Worker(name, stream, diary);
            List<Scheduler> schedulers =
                    List.of(
                            worker.scheduler(
                                    "polling",
                                    CLIENT_VERSION_CONFIG_3X,
                                    client,
                                    new PollingConfig(stream, client)
                                            .idleTimeBetweenReadsInMillis(LOOK_MS)),
                            worker.scheduler(
                                    "fan-out",
                                    CLIENT_VERSION_CONFIG_COMPATIBLE_WITH_2X,
                                    client,
                                    new FanOutConfig(client)
                                            .streamName(stream)
                                            .applicationName("fan-out")
                                            .retryBackoffMillis(LOOK_MS)));
            schedulers.forEach(Worker::start);
            awaitEndOfInput();
            schedulers.forEach(Scheduler::startGracefulShutdown);
            schedulers.forEach(scheduler -> awaitEnd(scheduler.gracefulShutdownFuture()));
        }
        System.exit(0); // the library leaves threads behind
    }

    /** Now and then it never ends, though the leases were given back. */
    private static void awaitEnd(Future<Boolean> future) {
        try {
            future.get(GRACE_S, TimeUnit.SECONDS);
        } catch (TimeoutException late) {
            System.err.println("the library's shutdown has no end");
        } catch (InterruptedException | ExecutionException fault) {
            throw new IllegalStateException(fault);
        }
    }

    private Scheduler scheduler(
            String application,
            ClientVersionConfig version,
            KinesisAsyncClient client,
            RetrievalSpecificConfig retrieval) {
        InitialPositionInStreamExtended oldest =
                InitialPositionInStreamExtended.newInitialPosition(
                        InitialPositionInStream.TRIM_HORIZON);
        ConfigsBuilder configs =
                new ConfigsBuilder(
                        new SingleStreamTracker(stream, oldest),
                        application,
                        client,
                        leases,
                        metrics,
                        name,
                        () -> new Tenure(application, diary));
        return new Scheduler(
                configs.checkpointConfig(),
                quick(configs.coordinatorConfig()).clientVersionConfig(version),
                quick(configs.leaseManagementConfig()),
                configs.lifecycleConfig().taskBackoffTimeMillis(LOOK_MS),
                configs.metricsConfig().metricsLevel(MetricsLevel.NONE),
                configs.processorConfig(),
                configs.retrievalConfig().retrievalSpecificConfig(retrieval));
    }

    private static CoordinatorConfig quick(CoordinatorConfig config) {
        return config.parentShardPollIntervalMillis(LOOK_MS)
                .shardConsumerDispatchPollIntervalMillis(LOOK_MS)
                .schedulerInitializationBackoffTimeMillis(LOOK_MS);
    }

    private static LeaseManagementConfig quick(LeaseManagementConfig config) {
        config.workerUtilizationAwareAssignmentConfig()
                .disableWorkerMetrics(true) // of its processor: both have the same
                .inMemoryWorkerMetricsCaptureFrequencyMillis(HEARTBEAT_MS)
                .workerMetricsReporterFreqInMillis(ASSIGNMENT_MS);
        return config.failoverTimeMillis(FAILOVER_MS)
                .leaseAssignmentIntervalMillis(ASSIGNMENT_MS)
                .dynamoDbLockBasedLeaderLeaseDurationInMillis(LEADER_MS)
                .dynamoDbLockBasedLeaderHeartbeatPeriodInMillis(HEARTBEAT_MS)
                .shardSyncIntervalMillis(FAILOVER_MS);
    }

    private static void start(Scheduler scheduler) {
        Thread thread = new Thread(scheduler, "scheduler");
        thread.setDaemon(true);
        thread.start();
    }

    private static void awaitEndOfInput() {
        try {
            while (System.in.read() >= 0) {
                // Nobody says anything.
            }
        } catch (IOException fault) {
            throw new UncheckedIOException(fault);
        }
    }
}
