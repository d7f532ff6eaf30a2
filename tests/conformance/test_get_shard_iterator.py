"""GetShardIterator: the five types, and what AWS says about each mistake."""

import datetime
import time

import pytest
from braid_http import call, fault, moment
from braid_records import SHARDS_OF_THREE, error_of, hash_key_of, iterator, read_on

SHARD = SHARDS_OF_THREE[1]


@pytest.fixture(scope="module")
def filled(cluster, stream):
    """Five records in one shard, with a pause after the third."""
    client, put = cluster.client(1), []
    for i in range(5):
        if i == 3:
            time.sleep(0.05)
        put.append(client.put_record(StreamName=stream, PartitionKey="k", Data=f"{i}".encode(),
                                     ExplicitHashKey=hash_key_of(1))["SequenceNumber"])
    return put


def data(records):
    return [record["Data"] for record in records]


def test_trim_horizon_is_the_oldest_record(kinesis, stream, filled):
    records = read_on(kinesis, iterator(kinesis, stream, SHARD), count=5)
    assert data(records)[:5] == [b"0", b"1", b"2", b"3", b"4"]
    assert [record["SequenceNumber"] for record in records][:5] == filled


def test_at_and_after_a_sequence_number(kinesis, stream, filled):
    at = iterator(kinesis, stream, SHARD, "AT_SEQUENCE_NUMBER", StartingSequenceNumber=filled[2])
    after = iterator(kinesis, stream, SHARD, "AFTER_SEQUENCE_NUMBER",
                     StartingSequenceNumber=filled[2])
    assert data(read_on(kinesis, at, count=1))[0] == b"2"
    assert data(read_on(kinesis, after, count=1))[0] == b"3"


def test_the_shards_starting_number_is_before_its_first_record(kinesis, stream, filled):
    shards = kinesis.list_shards(StreamName=stream)["Shards"]
    start = shards[1]["SequenceNumberRange"]["StartingSequenceNumber"]
    assert int(start) < int(filled[0])
    for kind in ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"):
        position = iterator(kinesis, stream, SHARD, kind, StartingSequenceNumber=start)
        assert data(read_on(kinesis, position, count=1))[0] == b"0"


def test_at_timestamp_is_the_first_record_since(kinesis, node, stream, filled):
    records = read_on(kinesis, iterator(kinesis, stream, SHARD), count=5)
    # Not by boto3, which cuts moments to whole seconds.
    status, tree, _ = call(node, "GetShardIterator", {
        "StreamName": stream, "ShardId": SHARD, "ShardIteratorType": "AT_TIMESTAMP",
        "Timestamp": moment(node, records[3]["ApproximateArrivalTimestamp"])})
    assert status == 200, tree
    assert data(read_on(kinesis, tree["ShardIterator"], count=1))[0] == b"3"
    long_ago = iterator(kinesis, stream, SHARD, "AT_TIMESTAMP",
                        Timestamp=datetime.datetime(2001, 1, 1))
    assert data(read_on(kinesis, long_ago, count=1))[0] == b"0"


def test_latest_is_behind_the_newest_record(kinesis, node, stream, filled):
    latest = iterator(kinesis, stream, SHARDS_OF_THREE[2], "LATEST")
    text = f"new at {node.name}".encode()
    kinesis.put_record(StreamName=stream, PartitionKey="k", Data=text,
                       ExplicitHashKey=hash_key_of(2))
    assert data(read_on(kinesis, latest, count=1)) == [text]


def test_an_iterator_is_good_on_every_node(cluster, kinesis, stream, filled):
    position = iterator(kinesis, stream, SHARD)
    for number in (1, 2, 3):
        assert data(read_on(cluster.client(number), position, count=5))[:1] == [b"0"]


@pytest.mark.parametrize("shard", ["nonsense", "shardId-99999999999", "shardId-1e3"])
def test_a_name_that_is_no_shards_is_not_found(kinesis, stream, account, shard):
    assert error_of(kinesis.get_shard_iterator, StreamName=stream, ShardId=shard,
                    ShardIteratorType="LATEST") == (
        "ResourceNotFoundException", 400,
        f"Could not find shard {shard} in stream {stream} under account {account}.")


@pytest.mark.parametrize("name, shard", [(None, "shardId-000000000003"), ("nobody", SHARD)])
def test_an_unknown_shard_or_stream_does_not_exist(kinesis, stream, account, name, shard):
    name = name or stream
    assert error_of(kinesis.get_shard_iterator, StreamName=name, ShardId=shard,
                    ShardIteratorType="LATEST") == (
        "ResourceNotFoundException", 400,
        f"Shard {shard} in stream {name} under account {account} does not exist")


@pytest.mark.parametrize("kind, more, also", [
    ("LATEST", {"StartingSequenceNumber": "1"}, "also a"),
    ("TRIM_HORIZON", {"StartingSequenceNumber": "1"}, "also a"),
    ("AT_SEQUENCE_NUMBER", {}, "no"),
    ("AFTER_SEQUENCE_NUMBER", {}, "no"),
])
def test_a_type_needs_its_own_argument_and_no_other(kinesis, stream, kind, more, also):
    assert error_of(kinesis.get_shard_iterator, StreamName=stream, ShardId=SHARD,
                    ShardIteratorType=kind, **more) == (
        "InvalidArgumentException", 400, "Must either specify (1) AT_SEQUENCE_NUMBER or "
        "AFTER_SEQUENCE_NUMBER and StartingSequenceNumber or (2) TRIM_HORIZON or LATEST and no "
        f"StartingSequenceNumber. Request specified {kind} and {also} StartingSequenceNumber.")


def test_at_timestamp_needs_one(kinesis, stream):
    assert error_of(kinesis.get_shard_iterator, StreamName=stream, ShardId=SHARD,
                    ShardIteratorType="AT_TIMESTAMP") == (
        "InvalidArgumentException", 400, "Must specify timestampInMillis parameter for iterator of "
        "type AT_TIMESTAMP. Current request has no timestamp parameter.")


def test_a_number_of_another_shard_is_refused(kinesis, stream, filled):
    assert error_of(kinesis.get_shard_iterator, StreamName=stream, ShardId=SHARDS_OF_THREE[0],
                    ShardIteratorType="AT_SEQUENCE_NUMBER", StartingSequenceNumber=filled[0]) == (
        "InvalidArgumentException", 400, f"Invalid StartingSequenceNumber. It encodes {SHARD}, "
        f"while it was used in a call to a shard with {SHARDS_OF_THREE[0]}")


def test_a_number_that_is_none_is_refused(kinesis, stream, account):
    assert error_of(kinesis.get_shard_iterator, StreamName=stream, ShardId=SHARD,
                    ShardIteratorType="AT_SEQUENCE_NUMBER", StartingSequenceNumber="12345") == (
        "InvalidArgumentException", 400, "StartingSequenceNumber 12345 used in GetShardIterator on "
        f"shard {SHARD} in stream {stream} under account {account} is invalid.")


def test_a_number_of_another_stream_is_refused(kinesis, cluster, account, stream, new_name):
    """Of the same shard, created at another time: as of a stream that had this name before."""
    name = new_name()
    time.sleep(1.1)
    cluster.create_stream(name, shards=3)
    number = kinesis.list_shards(StreamName=name)["Shards"][1]["SequenceNumberRange"][
        "StartingSequenceNumber"]
    for kind in ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"):
        assert error_of(kinesis.get_shard_iterator, StreamName=stream, ShardId=SHARD,
                        ShardIteratorType=kind, StartingSequenceNumber=number) == (
            "InvalidArgumentException", 400, f"StartingSequenceNumber {number} used in "
            f"GetShardIterator on shard {SHARD} in stream {stream} under account {account} is "
            "invalid because it did not come from this stream.")


def test_a_moment_in_the_future_is_refused(kinesis, stream):
    name, status, message = error_of(
        kinesis.get_shard_iterator, StreamName=stream, ShardId=SHARD,
        ShardIteratorType="AT_TIMESTAMP",
        Timestamp=datetime.datetime.now() + datetime.timedelta(hours=1))
    assert (name, status) == ("InvalidArgumentException", 400)
    assert message.startswith("The timestampInMillis parameter cannot be greater than the "
                              "currentTimestampInMillis. timestampInMillis: ")


def test_an_unknown_type_is_a_validation_error(node, stream):
    status, name, message = fault(call(node, "GetShardIterator", {
        "StreamName": stream, "ShardId": SHARD, "ShardIteratorType": "NEWEST"}))
    assert (status, name) == (400, "ValidationException")
    assert "'NEWEST' at 'shardIteratorType'" in message
