"""PutRecords."""

import pytest
from braid_http import call, fault
from braid_records import SHARDS_OF_THREE, error_of, hash_key_of, iterator, read_on


def test_500_records_keep_their_order_in_each_shard(kinesis, stream):
    records = [{"Data": f"{i}".encode(), "PartitionKey": f"key-{i % 7}"} for i in range(500)]
    answer = kinesis.put_records(StreamName=stream, Records=records)
    assert answer["FailedRecordCount"] == 0
    assert len(answer["Records"]) == 500
    newest = {}
    for outcome in answer["Records"]:
        number = int(outcome["SequenceNumber"])
        assert number > newest.get(outcome["ShardId"], 0)
        newest[outcome["ShardId"]] = number

    first = {}
    for record, outcome in zip(records, answer["Records"]):
        first.setdefault(outcome["ShardId"], []).append((record, outcome))
    for shard, expected in first.items():
        position = iterator(kinesis, stream, shard, "AT_SEQUENCE_NUMBER",
                            StartingSequenceNumber=expected[0][1]["SequenceNumber"])
        back = read_on(kinesis, position, count=len(expected))[:len(expected)]
        assert [(r["SequenceNumber"], r["Data"]) for r in back] == [
            (outcome["SequenceNumber"], record["Data"]) for record, outcome in expected]


def test_explicit_hash_keys_spread_records(kinesis, stream):
    records = [{"Data": b"x", "PartitionKey": "k", "ExplicitHashKey": hash_key_of(i % 3)}
               for i in range(9)]
    answer = kinesis.put_records(StreamName=stream, Records=records)
    assert [r["ShardId"] for r in answer["Records"]] == SHARDS_OF_THREE * 3


def test_no_records_and_too_many_are_validation_errors(node, stream):
    record = {"Data": "", "PartitionKey": "k"}
    for records, text in (([], "greater than or equal to 1"),
                          ([record] * 501, "less than or equal to 500")):
        status, name, message = fault(call(node, "PutRecords", {"StreamName": stream,
                                                                "Records": records}))
        assert (status, name) == (400, "ValidationException")
        assert "at 'records' failed to satisfy constraint: Member must have length " + text in (
            message)


@pytest.mark.parametrize("record, path", [
    ({"Data": ""}, "records.2.member.partitionKey"),
    ({"Data": "", "PartitionKey": ""}, "records.2.member.partitionKey"),
    ({"PartitionKey": "k"}, "records.2.member.data"),
])
def test_one_wrong_record_refuses_the_call(node, stream, record, path):
    status, name, message = fault(call(node, "PutRecords", {
        "StreamName": stream, "Records": [{"Data": "", "PartitionKey": "k"}, record]}))
    assert (status, name) == (400, "ValidationException")
    assert f" at '{path}' failed to satisfy constraint: " in message


def test_records_must_be_a_list(node, stream):
    assert fault(call(node, "PutRecords", {"StreamName": stream, "Records": 7})) == (
        400, "SerializationException", "Expected list or null")


def test_a_call_of_more_than_ten_mebibytes_is_refused(kinesis, stream):
    records = [{"Data": b"x" * (1 << 20), "PartitionKey": f"{i}"}
               for i in range(10)]
    records = [{**r, "Data": r["Data"][:-len(r["PartitionKey"])]} for r in records]
    answer = kinesis.put_records(StreamName=stream, Records=records)
    assert answer["FailedRecordCount"] == 0, answer["Records"]
    more = records + [{"Data": b"", "PartitionKey": "more"}]
    assert error_of(kinesis.put_records, StreamName=stream, Records=more)[:2] == (
        "InvalidArgumentException", 400)


def test_an_unknown_stream_is_not_found(kinesis, account):
    assert error_of(kinesis.put_records, StreamName="nobody",
                    Records=[{"Data": b"", "PartitionKey": "k"}]) == (
        "ResourceNotFoundException", 400, f"Stream nobody under account {account} not found.")
