"""DescribeStream and DescribeStreamSummary."""

import datetime

import pytest
from braid_http import call, fault
from braid_records import HASH_KEYS, SHARDS_OF_THREE, error_of


def test_a_stream_is_described_with_its_shards(kinesis, stream, account):
    told = kinesis.describe_stream(StreamName=stream)["StreamDescription"]
    assert told["StreamName"] == stream
    assert told["StreamARN"] == f"arn:aws:kinesis:us-east-1:{account}:stream/{stream}"
    assert told["StreamStatus"] == "ACTIVE"
    assert told["StreamModeDetails"] == {"StreamMode": "PROVISIONED"}
    assert told["RetentionPeriodHours"] == 24
    assert told["EnhancedMonitoring"] == [{"ShardLevelMetrics": []}]
    assert told["EncryptionType"] == "NONE"
    assert told["HasMoreShards"] is False
    age = datetime.datetime.now(datetime.timezone.utc) - told["StreamCreationTimestamp"]
    assert datetime.timedelta(0) <= age < datetime.timedelta(hours=1)
    assert [shard["ShardId"] for shard in told["Shards"]] == SHARDS_OF_THREE


def test_shards_cover_all_hash_keys_without_gaps(kinesis, stream):
    shards = kinesis.describe_stream(StreamName=stream)["StreamDescription"]["Shards"]
    next_key = 0
    for shard in shards:
        assert int(shard["HashKeyRange"]["StartingHashKey"]) == next_key
        next_key = int(shard["HashKeyRange"]["EndingHashKey"]) + 1
        assert "EndingSequenceNumber" not in shard["SequenceNumberRange"]
    assert next_key == HASH_KEYS


def test_shards_come_in_pages(kinesis, stream):
    first = kinesis.describe_stream(StreamName=stream, Limit=2)["StreamDescription"]
    assert [shard["ShardId"] for shard in first["Shards"]] == SHARDS_OF_THREE[:2]
    assert first["HasMoreShards"] is True
    rest = kinesis.describe_stream(StreamName=stream, ExclusiveStartShardId=SHARDS_OF_THREE[1])
    assert [shard["ShardId"] for shard in rest["StreamDescription"]["Shards"]] == [
        SHARDS_OF_THREE[2]]
    assert rest["StreamDescription"]["HasMoreShards"] is False


def test_the_summary_counts_shards(kinesis, stream):
    told = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
    assert told["OpenShardCount"] == 3
    assert told["ConsumerCount"] == 0
    assert told["StreamStatus"] == "ACTIVE"


@pytest.mark.parametrize("operation", ["describe_stream", "describe_stream_summary"])
def test_an_unknown_stream_is_not_found(kinesis, operation, account):
    assert error_of(getattr(kinesis, operation), StreamName="nobody") == (
        "ResourceNotFoundException", 400, f"Stream nobody under account {account} not found.")


@pytest.mark.parametrize("place", ["aws:kinesis:us-east-1:000000000000",
                                   "aws:kinesis:eu-west-1:123456789012",
                                   "aws-cn:kinesis:cn-north-1:123456789012"])
@pytest.mark.parametrize("operation", ["DescribeStream", "DescribeStreamSummary"])
def test_a_stream_may_be_named_by_its_arn(node, stream, account, operation, place):
    """Of whatever account and region: applications keep the ARNs that they have."""
    status, tree, _ = call(node, operation, {"StreamARN": f"arn:{place}:stream/{stream}"})
    assert status == 200, tree
    told = next(iter(tree.values()))
    assert told["StreamARN"] == f"arn:aws:kinesis:us-east-1:{account}:stream/{stream}"


def test_a_stream_id_is_ignored_and_never_given(node, stream):
    """SDKs with an id in their hands leave the endpoint that they were given."""
    for operation in ("DescribeStream", "DescribeStreamSummary"):
        status, tree, _ = call(node, operation, {"StreamName": stream,
                                                 "StreamId": "0123456789abcdefghij-abc"})
        assert status == 200, tree
        assert "StreamId" not in next(iter(tree.values()))
        assert fault(call(node, operation, {"StreamId": "0123456789abcdefghij-abc"})) == (
            400, "InvalidArgumentException", "Either StreamName or StreamARN should be provided.")


def test_a_name_and_an_arn_must_agree(node, stream, account):
    arn = f"arn:aws:kinesis:us-east-1:{account}:stream/{stream}"
    assert call(node, "DescribeStreamSummary", {"StreamName": stream, "StreamARN": arn})[0] == 200
    assert fault(call(node, "DescribeStreamSummary", {"StreamName": "x", "StreamARN": arn})) == (
        400, "InvalidArgumentException", "StreamName and StreamARN name different streams.")


def test_neither_name_nor_arn_is_an_invalid_argument(node):
    assert fault(call(node, "DescribeStream", {}))[:2] == (400, "InvalidArgumentException")
