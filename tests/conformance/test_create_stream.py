"""CreateStream."""

import pytest
from braid_http import call, fault
from braid_records import error_of


def test_a_new_stream_becomes_active(cluster, kinesis, node, new_name):
    name = new_name()
    kinesis.create_stream(StreamName=name, ShardCount=2)
    cluster.await_active(name)
    for number in (1, 2, 3):
        summary = cluster.client(number).describe_stream_summary(StreamName=name)
        assert summary["StreamDescriptionSummary"]["OpenShardCount"] == 2


def test_an_on_demand_stream_has_four_shards(cluster, kinesis, node, new_name):
    name = new_name()
    kinesis.create_stream(StreamName=name, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    cluster.await_active(name)
    summary = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
    assert summary["OpenShardCount"] == 4
    assert summary["StreamModeDetails"] == {"StreamMode": "ON_DEMAND"}


def test_a_name_is_taken_once(kinesis, stream, account):
    assert error_of(kinesis.create_stream, StreamName=stream, ShardCount=1) == (
        "ResourceInUseException", 400, f"Stream {stream} under account {account} already exists.")


@pytest.mark.parametrize("body, path, text", [
    ({"ShardCount": 1}, "streamName", "Member must not be null"),
    ({"StreamName": "", "ShardCount": 1}, "streamName",
     "Member must have length greater than or equal to 1"),
    ({"StreamName": "a b", "ShardCount": 1}, "streamName",
     "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"),
    ({"StreamName": "x" * 129, "ShardCount": 1}, "streamName",
     "Member must have length less than or equal to 128"),
    ({"StreamName": "zero", "ShardCount": 0}, "shardCount",
     "Member must have value greater than or equal to 1"),
    ({"StreamName": "m", "StreamModeDetails": {"StreamMode": "SOMETIMES"}},
     "streamModeDetails.streamMode", "Member must satisfy enum value set: ["),
])
def test_what_the_model_forbids_is_a_validation_error(node, body, path, text):
    status, name, message = fault(call(node, "CreateStream", body))
    assert (status, name) == (400, "ValidationException")
    assert " validation error" in message and " detected: " in message, message
    assert f" at '{path}' failed to satisfy constraint: {text}" in message, message


def test_more_shards_than_the_limit_are_refused(kinesis, new_name, account):
    name, status, message = error_of(kinesis.create_stream, StreamName=new_name(),
                                     ShardCount=1_000_000)
    assert (name, status) == ("LimitExceededException", 400)
    assert f"would exceed the shard limit for the account {account} in us-east-1" in message


def test_a_provisioned_stream_needs_a_shard_count(kinesis, new_name):
    assert error_of(kinesis.create_stream, StreamName=new_name())[:2] == (
        "InvalidArgumentException", 400)
