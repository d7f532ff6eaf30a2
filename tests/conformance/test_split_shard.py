"""SplitShard."""

import datetime
import time

from braid_http import call, moment
from braid_records import error_of
from braid_reshard import (KEYS, assert_whole, hash_range, is_open, middle_of, read_lineage, shards,
                           wait_active)


def made(cluster, new_name, count=1):
    name = new_name()
    cluster.create_stream(name, shards=count)
    return name


def split(kinesis, stream, shard="shardId-000000000000", key=str(KEYS // 2)):
    kinesis.split_shard(StreamName=stream, ShardToSplit=shard, NewStartingHashKey=key)
    return wait_active(kinesis, stream)


def test_two_children_take_the_place_of_the_parent(kinesis, cluster, new_name):
    name = made(cluster, new_name)
    summary = split(kinesis, name, key="12345")
    found = shards(kinesis, name)
    parent, low, high = (found[f"shardId-00000000000{n}"] for n in range(3))
    assert summary["OpenShardCount"] == 2
    assert (hash_range(low), hash_range(high)) == ((0, 12344), (12345, KEYS - 1))
    assert low["ParentShardId"] == high["ParentShardId"] == parent["ShardId"]
    assert "AdjacentParentShardId" not in low
    assert (is_open(parent), is_open(low), is_open(high)) == (False, True, True)
    numbers = parent["SequenceNumberRange"]
    for child in (low, high):
        assert int(child["SequenceNumberRange"]["StartingSequenceNumber"]) > \
            int(numbers["EndingSequenceNumber"]) > int(numbers["StartingSequenceNumber"])


def test_records_are_read_through_parent_and_children_in_order(kinesis, cluster, new_name):
    name = made(cluster, new_name)
    keys = [f"k{n}" for n in range(8)]
    said = {key: [] for key in keys}

    def put(count):
        for at in range(count):
            records = [{"Data": f"{key} {len(said[key])}".encode(), "PartitionKey": key}
                       for key in keys]
            answer = kinesis.put_records(StreamName=name, Records=records)
            assert answer["FailedRecordCount"] == 0
            for key, record in zip(keys, answer["Records"]):
                said[key].append(int(record["SequenceNumber"]))

    put(5)
    kinesis.split_shard(StreamName=name, ShardToSplit="shardId-000000000000",
                        NewStartingHashKey=str(KEYS // 2))
    put(20)  # while it is under way
    wait_active(kinesis, name)
    put(5)
    got = {key: [] for key in keys}
    for _, record in read_lineage(kinesis, name, ["shardId-000000000000"]):
        key, place = record["Data"].decode().split()
        assert int(place) == len(got[key])
        got[key].append(int(record["SequenceNumber"]))
    assert got == said
    assert all(numbers == sorted(numbers) for numbers in got.values())


def test_filters_know_the_lineage(kinesis, cluster, new_name):
    name = made(cluster, new_name, 2)
    split(kinesis, name, "shardId-000000000001", middle_of(shards(kinesis, name)[
        "shardId-000000000001"]))
    latest = shards(kinesis, name, ShardFilter={"Type": "AT_LATEST"})
    horizon = shards(kinesis, name, ShardFilter={"Type": "AT_TRIM_HORIZON"})
    everything = shards(kinesis, name, ShardFilter={"Type": "FROM_TRIM_HORIZON"})
    after = shards(kinesis, name, ShardFilter={"Type": "AFTER_SHARD_ID",
                                               "ShardId": "shardId-000000000001"})
    assert sorted(latest) == [f"shardId-00000000000{n}" for n in (0, 2, 3)]
    assert sorted(horizon) == [f"shardId-00000000000{n}" for n in (0, 1)]
    assert sorted(everything) == [f"shardId-00000000000{n}" for n in range(4)]
    assert sorted(after) == [f"shardId-00000000000{n}" for n in (2, 3)]
    assert_whole(latest.values())
    assert_whole(horizon.values())


def test_filters_by_time_know_who_was_there(kinesis, node, cluster, new_name):
    """A moment before the split, one behind it, and one before the stream."""
    name = made(cluster, new_name)
    time.sleep(0.1)
    before = datetime.datetime.now(datetime.timezone.utc)
    time.sleep(0.1)
    split(kinesis, name)
    time.sleep(0.1)
    behind = datetime.datetime.now(datetime.timezone.utc)

    def listed(kind, when):  # not by boto3, which cuts moments to whole seconds
        status, tree, _ = call(node, "ListShards", {
            "StreamName": name, "ShardFilter": {"Type": kind, "Timestamp": moment(node, when)}})
        assert status == 200, tree
        return [int(shard["ShardId"][-12:]) for shard in tree["Shards"]]

    long_ago = datetime.datetime(2001, 1, 1, tzinfo=datetime.timezone.utc)
    assert [listed("AT_TIMESTAMP", when) for when in (long_ago, before, behind)] == [
        [0], [0], [1, 2]]
    assert [listed("FROM_TIMESTAMP", when) for when in (long_ago, before, behind)] == [
        [0, 1, 2], [0, 1, 2], [1, 2]]


def test_iterators_of_a_closed_shard_end_with_its_children(kinesis, cluster, new_name):
    name = made(cluster, new_name)
    put = kinesis.put_record(StreamName=name, Data=b"one", PartitionKey="a")
    split(kinesis, name)
    kinds = [{"ShardIteratorType": "TRIM_HORIZON"}, {"ShardIteratorType": "LATEST"},
             {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER",
              "StartingSequenceNumber": put["SequenceNumber"]},
             {"ShardIteratorType": "AT_SEQUENCE_NUMBER",
              "StartingSequenceNumber": put["SequenceNumber"]}]
    for kind in kinds:
        iterator = kinesis.get_shard_iterator(StreamName=name, ShardId="shardId-000000000000",
                                              **kind)["ShardIterator"]
        answer = kinesis.get_records(ShardIterator=iterator)
        reads = kind["ShardIteratorType"] in ("TRIM_HORIZON", "AT_SEQUENCE_NUMBER")
        assert [record["Data"] for record in answer["Records"]] == [b"one"] * reads
        assert "NextShardIterator" not in answer
        assert answer["MillisBehindLatest"] == 0
        assert [child["ShardId"] for child in answer["ChildShards"]] == [
            "shardId-000000000001", "shardId-000000000002"]
        assert all(child["ParentShards"] == ["shardId-000000000000"]
                   for child in answer["ChildShards"])
        assert_whole(answer["ChildShards"])


def test_a_key_that_parts_nothing_is_refused(kinesis, cluster, account, new_name):
    name = made(cluster, new_name)
    for key in ("0", "1", str(KEYS - 1), str(KEYS)):
        assert error_of(kinesis.split_shard, StreamName=name, ShardToSplit="shardId-000000000000",
                        NewStartingHashKey=key) == (
            "InvalidArgumentException", 400,
            f"NewStartingHashKey {key} used in SplitShard() on shard shardId-000000000000 in "
            f"stream {name} under account {account} is not both greater than one plus the shard's "
            f"StartingHashKey 0 and less than the shard's EndingHashKey {KEYS - 1}.")


def test_what_is_not_there_is_not_found(kinesis, cluster, account, new_name):
    name = made(cluster, new_name)
    assert error_of(kinesis.split_shard, StreamName="nobody", ShardToSplit="shardId-0",
                    NewStartingHashKey="5") == (
        "ResourceNotFoundException", 400, f"Stream nobody under account {account} not found.")
    assert error_of(kinesis.split_shard, StreamName=name, ShardToSplit="shardId-000000000007",
                    NewStartingHashKey="5") == (
        "ResourceNotFoundException", 400,
        f"Could not find shard shardId-000000000007 in stream {name} under account {account}.")
    assert error_of(kinesis.split_shard, StreamName=name, ShardToSplit="what",
                    NewStartingHashKey="5") == (
        "ResourceNotFoundException", 400,
        f"Could not find shard what in stream {name} under account {account}.")


def test_a_closed_shard_is_not_split_again(kinesis, cluster, account, new_name):
    name = made(cluster, new_name)
    split(kinesis, name)
    assert error_of(kinesis.split_shard, StreamName=name, ShardToSplit="shardId-000000000000",
                    NewStartingHashKey="5") == (
        "InvalidArgumentException", 400,
        f"Shard shardId-000000000000 in stream {name} under account {account} has already been "
        "merged or split, and thus is not eligible for merging or splitting.")


def test_a_stream_is_split_once_at_a_time(kinesis, cluster, account, new_name):
    name = made(cluster, new_name, 8)
    first = shards(kinesis, name)
    kinesis.split_shard(StreamName=name, ShardToSplit="shardId-000000000000",
                        NewStartingHashKey=middle_of(first["shardId-000000000000"]))
    code, status, said = error_of(kinesis.split_shard, StreamName=name,
                                  ShardToSplit="shardId-000000000001",
                                  NewStartingHashKey=middle_of(first["shardId-000000000001"]))
    assert (code, status) == ("ResourceInUseException", 400)
    assert said == f"Stream {name} under account {account} not ACTIVE, instead in state UPDATING"
    wait_active(kinesis, name)


def test_an_on_demand_stream_is_not_split(kinesis, cluster, account, new_name):
    name = new_name()
    kinesis.create_stream(StreamName=name, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    wait_active(kinesis, name)
    assert error_of(kinesis.split_shard, StreamName=name, ShardToSplit="shardId-000000000000",
                    NewStartingHashKey="5") == (
        "ValidationException", 400,
        f"Request is invalid. Stream {name} under account {account} is in On-Demand mode.")
