"""EnableEnhancedMonitoring and DisableEnhancedMonitoring; what is on is in /metrics."""

import pytest
from braid_cluster import wait_until
from braid_http import call, fault
from braid_records import error_of, iterator

METRICS = ["IncomingBytes", "IncomingRecords", "OutgoingBytes", "OutgoingRecords",
           "WriteProvisionedThroughputExceeded", "ReadProvisionedThroughputExceeded",
           "IteratorAgeMilliseconds"]


@pytest.fixture
def made(cluster, new_name):
    name = new_name()
    cluster.create_stream(name, shards=1)
    return name


def on_of(client, name):
    description = client.describe_stream(StreamName=name)["StreamDescription"]
    summary = client.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
    assert description["EnhancedMonitoring"] == summary["EnhancedMonitoring"]
    return description["EnhancedMonitoring"]


def figures_of(cluster, stream):
    """Of all nodes together: {name: sum}."""
    sums = {}
    for node in cluster.nodes:
        for line in node.get("/metrics")[1].splitlines():
            if line.startswith("braid_stream_shard_") and f'stream="{stream}"' in line:
                name = line.partition("{")[0].removeprefix("braid_stream_shard_")
                assert 'shard="shardId-000000000000"' in line
                sums[name] = sums.get(name, 0) + int(line.rpartition(" ")[2])
    return sums


def test_metrics_go_on_and_off(kinesis, made, account):
    assert on_of(kinesis, made) == [{"ShardLevelMetrics": []}]
    arn = f"arn:aws:kinesis:us-east-1:{account}:stream/{made}"
    answer = kinesis.enable_enhanced_monitoring(
        StreamName=made, ShardLevelMetrics=["OutgoingBytes", "IncomingBytes"])
    assert (answer["StreamName"], answer["StreamARN"]) == (made, arn)
    assert answer["CurrentShardLevelMetrics"] == []
    assert answer["DesiredShardLevelMetrics"] == ["IncomingBytes", "OutgoingBytes"]
    assert on_of(kinesis, made) == [{"ShardLevelMetrics": ["IncomingBytes", "OutgoingBytes"]}]
    answer = kinesis.enable_enhanced_monitoring(StreamARN=arn, ShardLevelMetrics=["ALL"])
    assert answer["CurrentShardLevelMetrics"] == ["IncomingBytes", "OutgoingBytes"]
    assert answer["DesiredShardLevelMetrics"] == METRICS
    answer = kinesis.disable_enhanced_monitoring(
        StreamName=made, ShardLevelMetrics=["IncomingBytes", "IncomingRecords"])
    assert answer["CurrentShardLevelMetrics"] == METRICS
    assert answer["DesiredShardLevelMetrics"] == METRICS[2:]
    answer = kinesis.disable_enhanced_monitoring(StreamARN=arn, ShardLevelMetrics=["ALL"])
    assert answer["DesiredShardLevelMetrics"] == []
    assert on_of(kinesis, made) == [{"ShardLevelMetrics": []}]


def test_what_is_on_is_in_metrics(cluster, kinesis, made):
    assert figures_of(cluster, made) == {}
    kinesis.enable_enhanced_monitoring(StreamName=made, ShardLevelMetrics=["ALL"])
    kinesis.put_record(StreamName=made, Data=b"x" * 1000, PartitionKey="key")
    kinesis.put_records(StreamName=made, Records=[{"Data": b"y", "PartitionKey": "k"}] * 3)
    position = iterator(kinesis, made, "shardId-000000000000")
    assert len(kinesis.get_records(ShardIterator=position)["Records"]) == 4
    wait_until(lambda: figures_of(cluster, made).get("incoming_records_total") == 4, 30, "four")
    sums = figures_of(cluster, made)
    assert sums["incoming_records_total"] == sums["outgoing_records_total"] == 4
    assert sums["incoming_bytes_total"] >= 1009 and sums["outgoing_bytes_total"] >= 1009
    assert sums["write_throughput_exceeded_total"] == sums["read_throughput_exceeded_total"] == 0
    assert sums["iterator_age_milliseconds"] == 0
    kinesis.disable_enhanced_monitoring(StreamName=made, ShardLevelMetrics=METRICS[1:])
    wait_until(lambda: set(figures_of(cluster, made)) == {"incoming_bytes_total"}, 30, "the rest")
    kinesis.disable_enhanced_monitoring(StreamName=made, ShardLevelMetrics=["IncomingBytes"])
    wait_until(lambda: figures_of(cluster, made) == {}, 30, "nothing")


def test_an_unknown_stream_is_not_found(kinesis, account):
    for way in (kinesis.enable_enhanced_monitoring, kinesis.disable_enhanced_monitoring):
        assert error_of(way, StreamName="nowhere", ShardLevelMetrics=["ALL"]) == (
            "ResourceNotFoundException", 400,
            f"Stream nowhere under account {account} not found.")


@pytest.mark.parametrize("operation", ["EnableEnhancedMonitoring", "DisableEnhancedMonitoring"])
@pytest.mark.parametrize("metrics, text", [
    (None, "Value null at 'shardLevelMetrics' failed to satisfy constraint: "
           "Member must not be null"),
    ([], "failed to satisfy constraint: Member must have length greater than or equal to 1"),
    (["ALL"] * 8, "failed to satisfy constraint: Member must have length less than or equal to 7"),
    (["Latency"], "failed to satisfy constraint: "),
])
def test_what_the_model_forbids_is_a_validation_error(node, operation, metrics, text):
    body = {"StreamName": "s"} if metrics is None else {"StreamName": "s",
                                                        "ShardLevelMetrics": metrics}
    status, name, message = fault(call(node, operation, body))
    assert (status, name) == (400, "ValidationException") and text in message, message
