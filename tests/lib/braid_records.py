"""Records in and out of streams, for tests."""

import time

SHARDS_OF_THREE = [f"shardId-{number:012d}" for number in range(3)]
HASH_KEYS = 1 << 128


def hash_key_of(shard, shards=3):
    """An ExplicitHashKey in the middle of the range of a shard of a new stream."""
    width = HASH_KEYS // shards
    return str(shard * width + width // 2)


def error_of(call, **arguments):
    """(error's name, HTTP status, message) of a boto3 call that must fail."""
    from botocore.exceptions import ClientError

    try:
        answer = call(**arguments)
    except ClientError as fault:
        error = fault.response["Error"]
        return (error["Code"], fault.response["ResponseMetadata"]["HTTPStatusCode"],
                error["Message"])
    raise AssertionError(f"no error, but {answer}")


def iterator(client, stream, shard, kind="TRIM_HORIZON", **more):
    return client.get_shard_iterator(StreamName=stream, ShardId=shard, ShardIteratorType=kind,
                                     **more)["ShardIterator"]


def read_on(client, position, count=None, timeout_s=30, alone=False):
    """Records from an iterator on: `count` of them, or all until nothing is behind.  `alone`: the
    shard has no leader, and nobody may say that nothing is behind."""
    records, end = [], time.monotonic() + timeout_s
    while True:
        answer = client.get_records(ShardIterator=position, Limit=10000)
        records += answer["Records"]
        position = answer["NextShardIterator"]
        assert not alone or answer["MillisBehindLatest"] > 0
        if count is None and not answer["Records"] and (alone or
                                                        answer["MillisBehindLatest"] == 0):
            return records
        if count is not None and len(records) >= count:
            return records
        assert time.monotonic() < end, f"{len(records)} of {count} records in {timeout_s} s"
        if not answer["Records"]:
            time.sleep(0.05)


def read_stream(client, stream, alone=False):
    """shard -> all its records."""
    shards = client.list_shards(StreamName=stream)["Shards"]
    return {shard["ShardId"]: read_on(client, iterator(client, stream, shard["ShardId"]),
                                      alone=alone)
            for shard in shards}
