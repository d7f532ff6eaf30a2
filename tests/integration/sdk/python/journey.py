"""From create to delete, as the README beside this folder tells it, with boto3."""

import random
import sys
import threading
import time
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, as_completed, wait
from functools import partial

import boto3
from ledger import KEYS, ROUNDS, Ledger, Lost

STREAM = "journey-python"
PATIENCE_S = 120
kinesis = boto3.client("kinesis")
deadline = time.monotonic() + PATIENCE_S
round_put = [threading.Event() for _ in range(ROUNDS)]


def in_time(what):
    if time.monotonic() > deadline:
        raise Lost(f"{what}: not within {PATIENCE_S} s")


def put_all(retried):
    """Round by round, so that a record that must be sent again is still in its key's order."""
    for number in range(ROUNDS):
        left = [{"PartitionKey": key, "Data": f"{key}:{number}".encode()} for key in KEYS]
        pause = 0.05
        while left:
            in_time(f"round {number} put")
            answer = kinesis.put_records(StreamName=STREAM, Records=left)
            if answer["ResponseMetadata"]["RetryAttempts"]:
                retried.add(number)
            left = [record for record, result in zip(left, answer["Records"])
                    if "ErrorCode" in result]
            if left:
                time.sleep(random.uniform(pause / 2, pause))
                pause = min(2 * pause, 1)
        round_put[number].set()


def await_active():
    while kinesis.describe_stream_summary(StreamName=STREAM)["StreamDescriptionSummary"][
            "StreamStatus"] != "ACTIVE":
        in_time("the stream ACTIVE")
        time.sleep(0.05)


def open_shards():
    return [shard for page in kinesis.get_paginator("list_shards").paginate(
        StreamName=STREAM, ShardFilter={"Type": "AT_LATEST"}) for shard in page["Shards"]]


def reshard():
    """Splits a shard, later merges two neighbours, while records come in."""
    round_put[ROUNDS // 4].wait(PATIENCE_S)
    ends = [int(open_shards()[0]["HashKeyRange"][end])
            for end in ("StartingHashKey", "EndingHashKey")]
    kinesis.split_shard(StreamName=STREAM, ShardToSplit=open_shards()[0]["ShardId"],
                        NewStartingHashKey=str(sum(ends) // 2 + 1))
    await_active()
    round_put[ROUNDS // 2].wait(PATIENCE_S)
    shards = sorted(open_shards(), key=lambda shard: int(shard["HashKeyRange"]["StartingHashKey"]))
    kinesis.merge_shards(StreamName=STREAM, ShardToMerge=shards[1]["ShardId"],
                         AdjacentShardToMerge=shards[2]["ShardId"])
    await_active()


def poll(shard, ledger):
    """All of a shard with GetRecords; returns its children, or none once nothing is missing."""
    iterator = kinesis.get_shard_iterator(StreamName=STREAM, ShardId=shard,
                                          ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    while ledger.missing:
        in_time(f"polling {shard}")
        answer = kinesis.get_records(ShardIterator=iterator)
        ledger.add(answer["Records"])
        if "NextShardIterator" not in answer:
            return answer["ChildShards"]
        iterator = answer["NextShardIterator"]
        time.sleep(0.25)  # a shard answers five times a second
    return []


def fan_out(consumer, shard, ledger):
    """The same with SubscribeToShard, which is called again when a subscription has ended."""
    position = {"Type": "TRIM_HORIZON"}
    while ledger.missing:
        in_time(f"fan-out of {shard}")
        events = kinesis.subscribe_to_shard(ConsumerARN=consumer, ShardId=shard,
                                            StartingPosition=position)["EventStream"]
        for event in (event["SubscribeToShardEvent"] for event in events):
            ledger.add(event["Records"])
            if "ChildShards" in event:
                return event["ChildShards"]
            position = {"Type": "AFTER_SEQUENCE_NUMBER",
                        "SequenceNumber": event["ContinuationSequenceNumber"]}
            if not ledger.missing:
                break
        events.close()
    return []


def read_all(read, ledger):
    """Each shard in its own thread; a child when all of its parents have been read."""
    with ThreadPoolExecutor(16) as pool:
        running = {pool.submit(read, shard["ShardId"], ledger): shard["ShardId"]
                   for shard in open_shards()}
        ended, children = set(), {}
        while running:
            for reading in wait(running, return_when=FIRST_COMPLETED).done:
                ended.add(running.pop(reading))
                children.update({child["ShardId"]: child for child in reading.result()})
            for name in [name for name, child in children.items()
                         if ended.issuperset(child["ParentShards"])]:
                del children[name]
                running[pool.submit(read, name, ledger)] = name


def register():
    summary = kinesis.describe_stream_summary(StreamName=STREAM)["StreamDescriptionSummary"]
    consumer = kinesis.register_stream_consumer(
        StreamARN=summary["StreamARN"], ConsumerName="reader")["Consumer"]["ConsumerARN"]
    while kinesis.describe_stream_consumer(ConsumerARN=consumer)["ConsumerDescription"][
            "ConsumerStatus"] != "ACTIVE":
        in_time("the consumer ACTIVE")
        time.sleep(0.05)
    return consumer


def main():
    kinesis.create_stream(StreamName=STREAM, ShardCount=2)
    kinesis.get_waiter("stream_exists").wait(StreamName=STREAM, WaiterConfig={"Delay": 1})
    consumer = register()
    polled, pushed, retried = Ledger("polling"), Ledger("fan-out"), set()
    with ThreadPoolExecutor() as pool:
        work = [pool.submit(read_all, poll, polled),
                pool.submit(read_all, partial(fan_out, consumer), pushed),
                pool.submit(reshard), pool.submit(put_all, retried)]
        for done in as_completed(work):
            done.result()
    polled.check(retried)
    pushed.check(retried)
    kinesis.deregister_stream_consumer(ConsumerARN=consumer)
    kinesis.delete_stream(StreamName=STREAM)
    kinesis.get_waiter("stream_not_exists").wait(StreamName=STREAM, WaiterConfig={"Delay": 1})
    print("created, split, merged, read twice and deleted")


if __name__ == "__main__":
    try:
        main()
    except Lost as fault:
        sys.exit(f"journey in Python: {fault}")
