"""UpdateShardCount."""

import pytest
from braid_records import error_of
from braid_reshard import assert_whole, shards, wait_active


def update(kinesis, stream, target):
    return kinesis.update_shard_count(StreamName=stream, TargetShardCount=target,
                                      ScalingType="UNIFORM_SCALING")


# What AWS has listed after it, closed ones too.
@pytest.mark.parametrize("before, target, total", [(2, 4, 6), (4, 5, 15), (4, 2, 6), (5, 3, 7),
                                                   (10, 13, 37)])
def test_the_totals_are_those_of_aws(kinesis, cluster, new_name, before, target, total):
    name = new_name()
    cluster.create_stream(name, shards=before)
    answer = update(kinesis, name, target)
    assert (answer["StreamName"], answer["CurrentShardCount"], answer["TargetShardCount"]) == (
        name, before, target)
    assert wait_active(kinesis, name)["OpenShardCount"] == target
    assert len(shards(kinesis, name)) == total
    latest = shards(kinesis, name, ShardFilter={"Type": "AT_LATEST"})
    assert len(latest) == target
    assert_whole(latest.values())


def test_the_same_number_changes_nothing(kinesis, stream):
    assert update(kinesis, stream, 3)["TargetShardCount"] == 3
    assert len(shards(kinesis, stream)) == 3


def test_at_most_double_and_at_least_half(kinesis, stream):
    assert error_of(lambda: update(kinesis, stream, 7)) == (
        "InvalidArgumentException", 400,
        "UpdateShardCount cannot scale up over double your current open shard count. Current open "
        "shard count: 3 Target shard count: 7")
    assert error_of(lambda: update(kinesis, stream, 1)) == (
        "InvalidArgumentException", 400,
        "UpdateShardCount cannot scale down below half your current open shard count. Current "
        "open shard count: 3 Target shard count: 1")


def test_an_unknown_stream_is_not_found(kinesis, account):
    assert error_of(lambda: update(kinesis, "nobody", 2)) == (
        "ResourceNotFoundException", 400, f"Stream nobody under account {account} not found.")
