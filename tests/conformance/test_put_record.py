"""PutRecord."""

import pytest
from braid_http import call, fault
from braid_records import SHARDS_OF_THREE, error_of, hash_key_of, iterator, read_on


def test_a_record_comes_back_as_it_was_put(kinesis, stream):
    data = bytes(range(256))
    put = kinesis.put_record(StreamName=stream, PartitionKey="clé ☃", Data=data)
    back = kinesis.get_records(ShardIterator=iterator(
        kinesis, stream, put["ShardId"], "AT_SEQUENCE_NUMBER",
        StartingSequenceNumber=put["SequenceNumber"]), Limit=1)["Records"]
    assert [(r["Data"], r["PartitionKey"], r["SequenceNumber"]) for r in back] == [
        (data, "clé ☃", put["SequenceNumber"])]
    assert "EncryptionType" not in back[0]


def test_the_partition_key_chooses_the_shard(kinesis, stream):
    import hashlib

    for key in ("a", "b", "c", "d"):
        put = kinesis.put_record(StreamName=stream, PartitionKey=key, Data=b"x")
        place = int.from_bytes(hashlib.md5(key.encode()).digest(), "big") * 3 >> 128
        assert put["ShardId"] == SHARDS_OF_THREE[place]


@pytest.mark.parametrize("shard", [0, 1, 2])
def test_an_explicit_hash_key_comes_before_the_key(kinesis, stream, shard):
    put = kinesis.put_record(StreamName=stream, PartitionKey="a", Data=b"x",
                             ExplicitHashKey=hash_key_of(shard))
    assert put["ShardId"] == SHARDS_OF_THREE[shard]


def test_sequence_numbers_grow(kinesis, stream):
    numbers = [int(kinesis.put_record(StreamName=stream, PartitionKey="same", Data=b"x")
                   ["SequenceNumber"]) for _ in range(5)]
    assert numbers == sorted(set(numbers))


def test_empty_data_is_a_record(kinesis, stream):
    put = kinesis.put_record(StreamName=stream, PartitionKey="empty", Data=b"")
    back = read_on(kinesis, iterator(kinesis, stream, put["ShardId"], "AT_SEQUENCE_NUMBER",
                                     StartingSequenceNumber=put["SequenceNumber"]), count=1)
    assert back[0]["Data"] == b""


def test_a_record_of_one_mebibyte_is_the_largest(kinesis, stream):
    key = "k"
    kinesis.put_record(StreamName=stream, PartitionKey=key, Data=b"x" * ((1 << 20) - len(key)))
    name, status, message = error_of(kinesis.put_record, StreamName=stream, PartitionKey=key,
                                     Data=b"x" * ((1 << 20) - len(key) + 1))
    assert (name, status) == ("ValidationException", 400)
    assert message.endswith("less than or equal to 1048575, which is 1048576 less the 1 bytes of "
                            "partitionKey"), message
    _, _, message = error_of(kinesis.put_record, StreamName=stream, PartitionKey=key,
                             Data=b"x" * ((1 << 20) + 1))
    assert message.endswith("less than or equal to 1048576"), message


@pytest.mark.parametrize("body, path, text", [
    ({"PartitionKey": "", "Data": ""}, "partitionKey",
     "Member must have length greater than or equal to 1"),
    ({"PartitionKey": "k" * 257, "Data": ""}, "partitionKey",
     "Member must have length less than or equal to 256"),
    ({"Data": ""}, "partitionKey", "Member must not be null"),
    ({"PartitionKey": "k"}, "data", "Member must not be null"),
    ({"PartitionKey": "k", "Data": None}, "data", "Member must not be null"),
    ({"PartitionKey": "k", "Data": "", "ExplicitHashKey": "-1"}, "explicitHashKey",
     r"Member must satisfy regular expression pattern: 0|([1-9]\d{0,38})"),
])
def test_what_the_model_forbids_is_a_validation_error(node, stream, body, path, text):
    status, name, message = fault(call(node, "PutRecord", {"StreamName": stream, **body}))
    assert (status, name) == (400, "ValidationException")
    assert f" at '{path}' failed to satisfy constraint: {text}" in message, message


@pytest.mark.parametrize("data, text", [
    (7, "can not be converted to a Blob"),
    (True, "class java.lang.Boolean can not be converted to a Blob"),
    ("abc", "Base64 encoded length is expected a multiple of 4 bytes but found: 3"),
    ("ab!=", "Invalid Base64 character: '!'"),
    ([], "Start of list found where not expected"),
])
def test_data_of_a_wrong_type_is_a_serialization_error(node, stream, data, text):
    status, name, message = fault(call(node, "PutRecord", {
        "StreamName": stream, "PartitionKey": "k", "Data": data}))
    assert (status, name) == (400, "SerializationException")
    assert text in message


def test_a_hash_key_out_of_range_is_an_invalid_argument(kinesis, stream):
    key = str(1 << 128)
    assert error_of(kinesis.put_record, StreamName=stream, PartitionKey="k", Data=b"",
                    ExplicitHashKey=key) == (
        "InvalidArgumentException", 400, "Invalid ExplicitHashKey. ExplicitHashKey must be in the "
        f"range: [0, 2^128-1]. Specified value was {key}")


def test_an_unknown_stream_is_not_found(kinesis, account):
    assert error_of(kinesis.put_record, StreamName="nobody", PartitionKey="k", Data=b"") == (
        "ResourceNotFoundException", 400, f"Stream nobody under account {account} not found.")


def test_a_number_for_ordering_must_be_one(kinesis, stream):
    put = kinesis.put_record(StreamName=stream, PartitionKey="o", Data=b"")
    after = kinesis.put_record(StreamName=stream, PartitionKey="o", Data=b"",
                               SequenceNumberForOrdering=put["SequenceNumber"])
    assert int(after["SequenceNumber"]) > int(put["SequenceNumber"])
    name, status, message = error_of(kinesis.put_record, StreamName=stream, PartitionKey="o",
                                     Data=b"", SequenceNumberForOrdering="12345")
    assert (name, status) == ("InvalidArgumentException", 400)
    assert message.startswith("ExclusiveMinimumSequenceNumber 12345 used in PutRecord")
