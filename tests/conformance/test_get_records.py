"""GetRecords."""

import datetime

import pytest
from braid_http import call, fault
from braid_records import SHARDS_OF_THREE, error_of, hash_key_of, iterator, read_on

SHARD = SHARDS_OF_THREE[0]


@pytest.fixture(scope="module")
def filled(cluster, stream):
    records = [{"Data": f"{i}".encode(), "PartitionKey": "k", "ExplicitHashKey": hash_key_of(0)}
               for i in range(25)]
    return cluster.client(1).put_records(StreamName=stream, Records=records)["Records"]


def test_a_limit_pages_through_all_records(kinesis, stream, filled):
    position, seen = iterator(kinesis, stream, SHARD), []
    while len(seen) < 25:
        answer = kinesis.get_records(ShardIterator=position, Limit=10)
        assert len(answer["Records"]) <= 10
        assert answer["NextShardIterator"] != position
        position = answer["NextShardIterator"]
        seen += answer["Records"]
    assert [int(record["Data"]) for record in seen] == list(range(25))
    assert [r["SequenceNumber"] for r in seen] == [r["SequenceNumber"] for r in filled]


def test_a_record_says_when_it_came(kinesis, stream, filled):
    record = kinesis.get_records(ShardIterator=iterator(kinesis, stream, SHARD), Limit=1)
    age = (datetime.datetime.now(datetime.timezone.utc)
           - record["Records"][0]["ApproximateArrivalTimestamp"])
    assert datetime.timedelta(seconds=-1) < age < datetime.timedelta(hours=1)


def test_at_the_tip_nothing_is_behind(kinesis, stream, filled):
    answer = kinesis.get_records(ShardIterator=iterator(kinesis, stream, SHARD, "LATEST"))
    assert answer["Records"] == []
    assert answer["MillisBehindLatest"] == 0
    again = kinesis.get_records(ShardIterator=answer["NextShardIterator"])
    assert again["NextShardIterator"] != answer["NextShardIterator"]


def test_before_the_tip_something_is_behind(kinesis, stream, filled):
    answer = kinesis.get_records(ShardIterator=iterator(kinesis, stream, SHARD), Limit=1)
    assert answer["MillisBehindLatest"] > 0


def test_an_answer_holds_ten_mebibytes_at_most(cluster, kinesis, node, new_name):
    name = new_name()
    cluster.create_stream(name, number=node.number)
    for _ in range(3):
        kinesis.put_records(StreamName=name, Records=[
            {"Data": b"x" * 1_000_000, "PartitionKey": "k"}] * 5)
    position = iterator(kinesis, name, "shardId-000000000000")
    answer = kinesis.get_records(ShardIterator=position)
    assert 1 <= len(answer["Records"]) <= 10
    assert len(read_on(kinesis, position, count=15)) == 15
    kinesis.delete_stream(StreamName=name)


def test_an_iterator_in_quotes_is_accepted(kinesis, stream, filled):
    quoted = '"' + iterator(kinesis, stream, SHARD) + '"'
    assert kinesis.get_records(ShardIterator=quoted, Limit=1)["Records"][0]["Data"] == b"0"


def forged(token):
    """The same token with one character in the middle changed."""
    middle = len(token) // 2
    return token[:middle] + ("A" if token[middle] != "A" else "B") + token[middle + 1:]


@pytest.mark.parametrize("forge", [forged, lambda _: "AAAA", lambda token: token[:-4],
                                   lambda token: token + "AAAA", lambda _: "no base64 at all"])
def test_a_forged_iterator_is_invalid(kinesis, stream, filled, forge):
    token = iterator(kinesis, stream, SHARD)
    assert error_of(kinesis.get_records, ShardIterator=forge(token)) == (
        "InvalidArgumentException", 400, "Invalid ShardIterator.")


def test_an_iterator_of_a_deleted_stream_is_not_found(cluster, kinesis, node, new_name, account):
    name = new_name()
    cluster.create_stream(name, number=node.number)
    position = iterator(kinesis, name, SHARD)
    kinesis.delete_stream(StreamName=name)
    from braid_cluster import wait_until

    wait_until(lambda: name not in kinesis.list_streams()["StreamNames"], 30, "it is gone")
    assert error_of(kinesis.get_records, ShardIterator=position) == (
        "ResourceNotFoundException", 400,
        f"Shard {SHARD} in stream {name} under account {account} does not exist")


@pytest.mark.parametrize("limit, text", [(0, "greater than or equal to 1"),
                                         (10001, "less than or equal to 10000")])
def test_a_limit_out_of_range_is_a_validation_error(node, limit, text):
    status, name, message = fault(call(node, "GetRecords", {"ShardIterator": "x", "Limit": limit}))
    assert (status, name) == (400, "ValidationException")
    assert f"'{limit}' at 'limit' failed to satisfy constraint: Member must have value {text}" in (
        message)


def test_no_iterator_is_a_validation_error(node):
    assert fault(call(node, "GetRecords", {})) == (
        400, "ValidationException", "1 validation error detected: Value null at 'shardIterator' "
        "failed to satisfy constraint: Member must not be null")
