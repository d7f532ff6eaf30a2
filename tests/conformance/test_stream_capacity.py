"""UpdateStreamMode, UpdateMaxRecordSize, UpdateStreamWarmThroughput and
UpdateStreamRecordDistributionStrategy; and the same members of CreateStream."""

import collections

import pytest
from braid_http import call, fault
from braid_records import error_of, iterator

ON_DEMAND, PROVISIONED = {"StreamMode": "ON_DEMAND"}, {"StreamMode": "PROVISIONED"}


@pytest.fixture
def arn(cluster, new_name):
    name = new_name()
    cluster.create_stream(name, shards=2)
    return summary_of(cluster.client(1), name)["StreamARN"]


@pytest.fixture
def commitment(kinesis):
    kinesis.update_account_settings(MinimumThroughputBillingCommitment={"Status": "ENABLED"})


def summary_of(client, name):
    return client.describe_stream_summary(
        StreamName=name.rpartition("/")[2])["StreamDescriptionSummary"]


def test_the_mode_is_switched_twice_a_day_and_the_shards_stay(kinesis, arn):
    kinesis.update_stream_mode(StreamARN=arn, StreamModeDetails=PROVISIONED)  # as it is: no switch
    for mode in (ON_DEMAND, ON_DEMAND, PROVISIONED):
        kinesis.update_stream_mode(StreamARN=arn, StreamModeDetails=mode)
        summary = summary_of(kinesis, arn)
        assert summary["StreamModeDetails"] == mode and summary["OpenShardCount"] == 2
    assert error_of(kinesis.update_stream_mode, StreamARN=arn, StreamModeDetails=ON_DEMAND)[:2] == (
        "LimitExceededException", 400)
    kinesis.update_stream_mode(StreamARN=arn, StreamModeDetails=PROVISIONED)
    assert summary_of(kinesis, arn)["StreamModeDetails"] == PROVISIONED


def test_larger_records_are_taken_as_soon_as_they_may_be(kinesis, arn):
    name = arn.rpartition("/")[2]
    data = b"x" * (2048 * 1024 - 1)
    assert error_of(kinesis.put_record, StreamName=name, Data=data, PartitionKey="k")[:2] == (
        "ValidationException", 400)
    kinesis.update_max_record_size(StreamARN=arn, MaxRecordSizeInKiB=2048)
    assert summary_of(kinesis, arn)["MaxRecordSizeInKiB"] == 2048
    kinesis.put_record(StreamName=name, Data=data, PartitionKey="k")
    assert error_of(kinesis.put_record, StreamName=name, Data=data, PartitionKey="kk")[:2] == (
        "ValidationException", 400)
    kinesis.update_max_record_size(StreamARN=arn, MaxRecordSizeInKiB=1024)
    assert error_of(kinesis.put_record, StreamName=name, Data=data, PartitionKey="k")[:2] == (
        "ValidationException", 400)
    assert error_of(kinesis.update_max_record_size, MaxRecordSizeInKiB=1024)[:2] == (
        "InvalidArgumentException", 400)


def test_warm_throughput_needs_on_demand_mode_and_the_commitment(kinesis, arn, commitment):
    name = arn.rpartition("/")[2]
    assert error_of(kinesis.update_stream_warm_throughput, StreamName=name,
                    WarmThroughputMiBps=100)[:2] == ("ValidationException", 400)
    kinesis.update_stream_mode(StreamARN=arn, StreamModeDetails=ON_DEMAND, WarmThroughputMiBps=50)
    assert summary_of(kinesis, arn)["WarmThroughput"] == {"TargetMiBps": 50, "CurrentMiBps": 50}
    answer = kinesis.update_stream_warm_throughput(StreamName=name, WarmThroughputMiBps=10240)
    assert (answer["StreamName"], answer["StreamARN"]) == (name, arn)
    assert answer["WarmThroughput"]["TargetMiBps"] == 10240
    assert error_of(kinesis.update_stream_warm_throughput, StreamARN=arn,
                    WarmThroughputMiBps=10241)[:2] == ("ValidationException", 400)
    kinesis.update_stream_warm_throughput(StreamARN=arn, WarmThroughputMiBps=0)
    assert "WarmThroughput" not in summary_of(kinesis, arn)


def shards_of(client, name):
    """{shard: how many records}."""
    return collections.Counter({
        shard["ShardId"]: len(client.get_records(
            ShardIterator=iterator(client, name, shard["ShardId"]))["Records"])
        for shard in client.list_shards(StreamName=name)["Shards"]})


def test_records_are_spread_whatever_their_keys_are(kinesis, arn):
    name = arn.rpartition("/")[2]
    auto = {"StreamARN": arn, "RecordDistributionStrategy": "AUTO"}
    assert error_of(kinesis.update_stream_record_distribution_strategy, **auto)[:2] == (
        "InvalidArgumentException", 400)
    kinesis.update_stream_mode(StreamARN=arn, StreamModeDetails=ON_DEMAND)
    assert summary_of(kinesis, arn)["RecordDistributionStrategy"] == "USER_PARTITION_KEY"
    kinesis.put_records(StreamName=name, Records=[{"Data": b"a", "PartitionKey": "same"}] * 64)
    assert sorted(shards_of(kinesis, name).values()) == [0, 64]
    kinesis.update_stream_record_distribution_strategy(**auto)
    assert summary_of(kinesis, arn)["RecordDistributionStrategy"] == "AUTO"
    answer = kinesis.put_records(StreamName=name, Records=(
        [{"Data": b"b", "PartitionKey": "same", "ExplicitHashKey": "0"}] * 64 + [{"Data": b"c"}]))
    assert answer["FailedRecordCount"] == 0
    kinesis.put_record(StreamName=name, Data=b"d")
    counts = shards_of(kinesis, name)  # all go one way once in 2^65
    assert sum(counts.values()) == 130 and min(counts.values()) > 0
    kinesis.update_stream_record_distribution_strategy(
        StreamARN=arn, RecordDistributionStrategy="USER_PARTITION_KEY")
    assert error_of(kinesis.put_record, StreamName=name, Data=b"e") == (
        "ValidationException", 400, "1 validation error detected: Value null at 'partitionKey' "
        "failed to satisfy constraint: Member must not be null")


def test_back_in_provisioned_mode_keys_count_again(kinesis, arn):
    kinesis.update_stream_mode(StreamARN=arn, StreamModeDetails=ON_DEMAND)
    kinesis.update_stream_record_distribution_strategy(StreamARN=arn,
                                                       RecordDistributionStrategy="AUTO")
    kinesis.update_stream_mode(StreamARN=arn, StreamModeDetails=PROVISIONED)
    assert summary_of(kinesis, arn)["RecordDistributionStrategy"] == "USER_PARTITION_KEY"


def test_a_stream_is_created_so(cluster, kinesis, new_name, commitment):
    name = new_name()
    kinesis.create_stream(StreamName=name, StreamModeDetails=ON_DEMAND, WarmThroughputMiBps=8,
                          MaxRecordSizeInKiB=10240, RecordDistributionStrategy="AUTO")
    cluster.await_active(name)
    summary = summary_of(kinesis, name)
    assert summary["WarmThroughput"]["TargetMiBps"] == 8
    assert summary["MaxRecordSizeInKiB"] == 10240
    assert summary["RecordDistributionStrategy"] == "AUTO"
    for more in ({"WarmThroughputMiBps": 8}, {"RecordDistributionStrategy": "AUTO"}):
        assert error_of(kinesis.create_stream, StreamName=new_name(), ShardCount=1,
                        **more)[1] == 400


def test_an_unknown_stream_is_not_found(kinesis, arn, account):
    nowhere = arn.rpartition("/")[0] + "/nowhere"
    for operation, more in (
            (kinesis.update_stream_mode, {"StreamModeDetails": ON_DEMAND}),
            (kinesis.update_max_record_size, {"MaxRecordSizeInKiB": 1024}),
            (kinesis.update_stream_warm_throughput, {"WarmThroughputMiBps": 0}),
            (kinesis.update_stream_record_distribution_strategy,
             {"RecordDistributionStrategy": "AUTO"})):
        assert error_of(operation, StreamARN=nowhere, **more) == (
            "ResourceNotFoundException", 400,
            f"Stream nowhere under account {account} not found.")


@pytest.mark.parametrize("operation, body, path, text", [
    ("UpdateStreamMode", {"StreamModeDetails": {"StreamMode": "ON_DEMAND"}}, "streamARN",
     "Member must not be null"),
    ("UpdateStreamMode", {"StreamModeDetails": {}}, "streamModeDetails.streamMode",
     "Member must not be null"),
    ("UpdateMaxRecordSize", {"MaxRecordSizeInKiB": 1023}, "maxRecordSizeInKiB",
     "Member must have value greater than or equal to 1024"),
    ("UpdateMaxRecordSize", {"MaxRecordSizeInKiB": 10241}, "maxRecordSizeInKiB",
     "Member must have value less than or equal to 10240"),
    ("UpdateStreamWarmThroughput", {"WarmThroughputMiBps": -1}, "warmThroughputMiBps",
     "Member must have value greater than or equal to 0"),
    ("UpdateStreamRecordDistributionStrategy", {"RecordDistributionStrategy": "ROUND_ROBIN"},
     "recordDistributionStrategy", "Member must satisfy enum value set: "),
])
def test_what_the_model_forbids_is_a_validation_error(node, operation, body, path, text):
    status, name, message = fault(call(node, operation, body))
    assert (status, name) == (400, "ValidationException")
    assert f" at '{path}' failed to satisfy constraint: {text}" in message, message
