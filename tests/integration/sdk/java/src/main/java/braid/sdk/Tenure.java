package braid.sdk;

import software.amazon.kinesis.exceptions.InvalidStateException;
import software.amazon.kinesis.exceptions.ShutdownException;
import software.amazon.kinesis.lifecycle.events.InitializationInput;
import software.amazon.kinesis.lifecycle.events.LeaseLostInput;
import software.amazon.kinesis.lifecycle.events.ProcessRecordsInput;
import software.amazon.kinesis.lifecycle.events.ShardEndedInput;
import software.amazon.kinesis.lifecycle.events.ShutdownRequestedInput;
import software.amazon.kinesis.processor.RecordProcessorCheckpointer;
import software.amazon.kinesis.processor.ShardRecordProcessor;
import software.amazon.kinesis.retrieval.KinesisClientRecord;

import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * One worker's reading of one shard, from getting its lease to losing it. A worker that soon gets a
 * lease again begins the next one before this one has ended: so each has a number of its own.
 */
final class Tenure implements ShardRecordProcessor {
    private static final AtomicInteger BEGUN = new AtomicInteger();

    private final String application;
    private final Diary diary;
    private String shard;
    private int number;

    Tenure(String application, Diary diary) {
        this.application = application;
        this.diary = diary;
    }

    @Override
    public void initialize(InitializationInput input) {
        shard = input.shardId();
        number = BEGUN.incrementAndGet();
        note("begins");
    }

    /** First noted, then checkpointed: what is in no diary is read again. */
    @Override
    public void processRecords(ProcessRecordsInput input) {
        for (KinesisClientRecord record : input.records()) {
            note(
                    "record %s %d %s"
                            .formatted(
                                    record.sequenceNumber(),
                                    record.subSequenceNumber(),
                                    StandardCharsets.UTF_8.decode(record.data())));
        }
        if (!input.records().isEmpty()) {
            checkpoint(input.checkpointer());
        }
    }

    @Override
    public void leaseLost(LeaseLostInput input) {
        if (shard != null) { // else it was lost before this could begin
            note("lost");
        }
    }

    @Override
    public void shardEnded(ShardEndedInput input) {
        note("ends");
        checkpoint(input.checkpointer());
    }

    @Override
    public void shutdownRequested(ShutdownRequestedInput input) {
        checkpoint(input.checkpointer());
    }

    private void checkpoint(RecordProcessorCheckpointer checkpointer) {
        try {
            checkpointer.checkpoint();
        } catch (ShutdownException lost) {
            note("lost");
        } catch (InvalidStateException fault) {
            throw new Lost("no checkpoint: " + fault.getMessage());
        }
    }

    private void note(String what) {
        diary.note(application + " " + shard + " " + number + " " + what);
    }
}
