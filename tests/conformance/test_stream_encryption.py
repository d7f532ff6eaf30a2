"""StartStreamEncryption and StopStreamEncryption: the setting, and what answers say of it."""

import pytest
from braid_http import call, fault
from braid_records import error_of, iterator

KEY = "alias/aws/kinesis"


@pytest.fixture
def made(cluster, new_name):
    name = new_name()
    cluster.create_stream(name, shards=1)
    return name


def said_of(client, name):
    """(EncryptionType, KeyId) of its descriptions."""
    description = client.describe_stream(StreamName=name)["StreamDescription"]
    summary = client.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
    said = description["EncryptionType"], description.get("KeyId")
    assert said == (summary["EncryptionType"], summary.get("KeyId"))
    return said


def test_it_starts_and_stops(kinesis, made):
    assert said_of(kinesis, made) == ("NONE", None)
    kinesis.start_stream_encryption(StreamName=made, EncryptionType="KMS", KeyId=KEY)
    assert said_of(kinesis, made) == ("KMS", KEY)
    arn = kinesis.describe_stream(StreamName=made)["StreamDescription"]["StreamARN"]
    key = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    kinesis.start_stream_encryption(StreamARN=arn, EncryptionType="KMS", KeyId=key)
    assert said_of(kinesis, made) == ("KMS", key)
    kinesis.stop_stream_encryption(StreamARN=arn, EncryptionType="KMS", KeyId=key)
    assert said_of(kinesis, made) == ("NONE", None)


def test_puts_and_records_say_so(kinesis, made):
    put = kinesis.put_record(StreamName=made, Data=b"a", PartitionKey="k")
    many = kinesis.put_records(StreamName=made, Records=[{"Data": b"b", "PartitionKey": "k"}])
    assert "EncryptionType" not in put and "EncryptionType" not in many
    kinesis.start_stream_encryption(StreamName=made, EncryptionType="KMS", KeyId=KEY)
    put = kinesis.put_record(StreamName=made, Data=b"c", PartitionKey="k")
    many = kinesis.put_records(StreamName=made, Records=[{"Data": b"d", "PartitionKey": "k"}])
    assert put["EncryptionType"] == many["EncryptionType"] == "KMS"
    position = iterator(kinesis, made, "shardId-000000000000")
    records = kinesis.get_records(ShardIterator=position)["Records"]
    assert [record["Data"] for record in records] == [b"a", b"b", b"c", b"d"]
    assert records[-1]["EncryptionType"] == "KMS"
    kinesis.stop_stream_encryption(StreamName=made, EncryptionType="KMS", KeyId=KEY)
    assert "EncryptionType" not in kinesis.put_record(StreamName=made, Data=b"", PartitionKey="k")
    records = kinesis.get_records(ShardIterator=position)["Records"]
    assert all("EncryptionType" not in record for record in records)


def test_it_starts_twenty_five_times_a_day(kinesis, made):
    for at in range(25):
        kinesis.start_stream_encryption(StreamName=made, EncryptionType="KMS", KeyId=f"alias/{at}")
    assert error_of(kinesis.start_stream_encryption, StreamName=made, EncryptionType="KMS",
                    KeyId=KEY)[:2] == ("LimitExceededException", 400)
    assert said_of(kinesis, made) == ("KMS", "alias/24")
    kinesis.stop_stream_encryption(StreamName=made, EncryptionType="KMS", KeyId=KEY)
    assert said_of(kinesis, made) == ("NONE", None)


def test_none_is_no_encryption_to_start(kinesis, stream):
    for way in (kinesis.start_stream_encryption, kinesis.stop_stream_encryption):
        assert error_of(way, StreamName=stream, EncryptionType="NONE", KeyId=KEY)[:2] == (
            "InvalidArgumentException", 400)
    assert said_of(kinesis, stream) == ("NONE", None)


def test_an_unknown_stream_is_not_found(kinesis, account):
    for way in (kinesis.start_stream_encryption, kinesis.stop_stream_encryption):
        assert error_of(way, StreamName="nowhere", EncryptionType="KMS", KeyId=KEY) == (
            "ResourceNotFoundException", 400,
            f"Stream nowhere under account {account} not found.")


@pytest.mark.parametrize("operation", ["StartStreamEncryption", "StopStreamEncryption"])
def test_what_the_model_forbids_is_a_validation_error(node, operation):
    body = {"StreamName": "s", "EncryptionType": "ROT13", "KeyId": "k" * 2049}
    status, name, message = fault(call(node, operation, body))
    assert (status, name) == (400, "ValidationException")
    assert message.startswith("2 validation errors detected: ")
    assert "at 'encryptionType' failed to satisfy constraint: Member must satisfy enum" in message
    assert "at 'keyId' failed to satisfy constraint: Member must have length less" in message
