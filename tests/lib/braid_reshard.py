"""Streams that change their shards: waiting for it, and reading through parents and children."""

import time

KEYS = 2 ** 128


def wait_active(kinesis, stream, within_s=30):
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        summary = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
        if summary["StreamStatus"] == "ACTIVE":
            return summary
        time.sleep(0.02)
    raise AssertionError(f"stream {stream} is {summary['StreamStatus']} after {within_s} s")


def shards(kinesis, stream, **filtered):
    """All pages, by id."""
    found, more = {}, {"StreamName": stream, **filtered}
    while more:
        answer = kinesis.list_shards(**more)
        found.update((shard["ShardId"], shard) for shard in answer["Shards"])
        more = {"NextToken": answer["NextToken"]} if "NextToken" in answer else None
    return found


def hash_range(shard):
    return (int(shard["HashKeyRange"]["StartingHashKey"]),
            int(shard["HashKeyRange"]["EndingHashKey"]))


def is_open(shard):
    return "EndingSequenceNumber" not in shard["SequenceNumberRange"]


def assert_whole(listed):
    """Each hash key is in one of them."""
    at = 0
    for first, last in sorted(hash_range(shard) for shard in listed):
        assert first == at and last >= first
        at = last + 1
    assert at == KEYS


def middle_of(shard):
    first, last = hash_range(shard)
    return str((first + last) // 2)


def read_lineage(kinesis, stream, roots):
    """All records, parents before their children: [(shard, record)].  Every final answer must say
    what the KCL insists on."""
    found, waiting, seen = [], list(roots), set(roots)
    ended = set()
    while waiting:
        shard = waiting.pop(0)
        iterator = kinesis.get_shard_iterator(StreamName=stream, ShardId=shard,
                                              ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        while iterator:
            answer = kinesis.get_records(ShardIterator=iterator)
            found += [(shard, record) for record in answer["Records"]]
            iterator = answer.get("NextShardIterator")
            assert bool(iterator) != bool(answer.get("ChildShards"))
            if iterator and not answer["Records"] and answer["MillisBehindLatest"] == 0:
                break
        if not iterator:
            ended.add(shard)
        for child in answer.get("ChildShards", []):
            assert shard in child["ParentShards"]
            if set(child["ParentShards"]) <= ended and child["ShardId"] not in seen:
                seen.add(child["ShardId"])
                waiting.append(child["ShardId"])
    return found
