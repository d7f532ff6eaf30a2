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
import software.amazon.kinesis.coordinator.WorkerStateChangeListener.WorkerState;
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
    // But on a busy machine a thread may wait for seconds, and what comes too late begins anew, for
    // ever. Who takes a lease from another must be done before its next renewal, a third of
    // FAILOVER_MS later: that is the library's own. Who assigns leases gives none to a worker that
    // reported more than twice REPORT_MS ago, and reports are rounded down to seconds.
    private static final long FAILOVER_MS = 10000;
    private static final long ASSIGNMENT_MS = 1000;
    private static final long REPORT_MS = 4000;
    private static final long LEADER_MS = 10000;
    private static final long HEARTBEAT_MS = 1000;
    private static final long SYNC_MS = 3000;
    private static final long LOOK_MS = 200;
    private static final long GRACE_S = 15;

    private final String name;
    private final String stream;
    private final Diary diary;
    private final DynamoDbAsyncClient leases = DynamoDbAsyncClient.create();
    private final CloudWatchAsyncClient metrics = CloudWatchAsyncClient.create();
    private volatile boolean stopping;

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
            schedulers.forEach(worker::start);
            awaitEndOfInput();
            worker.stopping = true;
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
                quick(configs.coordinatorConfig())
                        .clientVersionConfig(version)
                        .workerStateChangeListener(state -> note(application, state)),
                quick(configs.leaseManagementConfig()),
                configs.lifecycleConfig().taskBackoffTimeMillis(LOOK_MS),
                configs.metricsConfig().metricsLevel(MetricsLevel.NONE),
                configs.processorConfig(),
                configs.retrievalConfig().retrievalSpecificConfig(retrieval));
    }

    private void note(String application, WorkerState state) {
        if (state == WorkerState.STARTED) {
            diary.note(application + " - 0 started");
        }
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
                .workerMetricsReporterFreqInMillis(REPORT_MS);
        return config.failoverTimeMillis(FAILOVER_MS)
                .leaseAssignmentIntervalMillis(ASSIGNMENT_MS)
                .dynamoDbLockBasedLeaderLeaseDurationInMillis(LEADER_MS)
                .dynamoDbLockBasedLeaderHeartbeatPeriodInMillis(HEARTBEAT_MS)
                .shardSyncIntervalMillis(SYNC_MS);
    }

    /** The library gives up when it cannot begin: such a worker would read nothing, silently. */
    private void start(Scheduler scheduler) {
        Thread thread =
                new Thread(
                        () -> {
                            scheduler.run();
                            endUnlessStopping("by itself");
                        },
                        "scheduler");
        thread.setUncaughtExceptionHandler(
                (ended, fault) -> endUnlessStopping("with " + fault));
        thread.setDaemon(true);
        thread.start();
    }

    private void endUnlessStopping(String how) {
        if (!stopping) {
            System.err.println("the library's scheduler has ended " + how);
            System.exit(1);
        }
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
