"""DescribeStream and DescribeStreamSummary."""

import datetime

import pytest
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


@pytest.mark.parametrize("operation", ["DescribeStream", "DescribeStreamSummary"])
def test_a_stream_may_be_named_by_its_arn(node, stream, account, operation):
    from braid_http import call

    arn = f"arn:aws:kinesis:us-east-1:{account}:stream/{stream}"
    status, tree, _ = call(node, operation, {"StreamARN": arn})
    assert status == 200, tree
    assert next(iter(tree.values()))["StreamName"] == stream


def test_neither_name_nor_arn_is_an_invalid_argument(node):
    from braid_http import call, fault

    assert fault(call(node, "DescribeStream", {}))[:2] == (400, "InvalidArgumentException")
