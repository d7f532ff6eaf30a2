"""MergeShards."""

from braid_records import error_of
from braid_reshard import (KEYS, assert_whole, hash_range, is_open, read_lineage, shards,
                           wait_active)

NAMES = [f"shardId-00000000000{n}" for n in range(6)]


def test_one_child_takes_the_place_of_two(kinesis, cluster, new_name):
    name = new_name()
    cluster.create_stream(name, shards=3)
    kinesis.merge_shards(StreamName=name, ShardToMerge=NAMES[1], AdjacentShardToMerge=NAMES[2])
    summary = wait_active(kinesis, name)
    found = shards(kinesis, name)
    assert summary["OpenShardCount"] == 2
    child = found[NAMES[3]]
    assert hash_range(child) == (hash_range(found[NAMES[1]])[0], KEYS - 1)
    assert (child["ParentShardId"], child["AdjacentParentShardId"]) == (NAMES[1], NAMES[2])
    assert [is_open(found[shard]) for shard in NAMES[:4]] == [True, False, False, True]
    assert_whole(shards(kinesis, name, ShardFilter={"Type": "AT_LATEST"}).values())


def test_records_of_both_parents_come_before_the_childs(kinesis, cluster, new_name):
    name = new_name()
    cluster.create_stream(name, shards=2)
    keys = [f"k{n}" for n in range(8)]
    said = {key: 0 for key in keys}

    def put(count):
        for _ in range(count):
            answer = kinesis.put_records(StreamName=name, Records=[
                {"Data": f"{key} {said[key]}".encode(), "PartitionKey": key} for key in keys])
            assert answer["FailedRecordCount"] == 0
            for key in keys:
                said[key] += 1

    put(3)
    kinesis.merge_shards(StreamName=name, ShardToMerge=NAMES[0], AdjacentShardToMerge=NAMES[1])
    put(20)
    wait_active(kinesis, name)
    put(3)
    got = {key: 0 for key in keys}
    for _, record in read_lineage(kinesis, name, NAMES[:2]):
        key, place = record["Data"].decode().split()
        assert int(place) == got[key]
        got[key] += 1
    assert got == said


def test_only_neighbours_are_merged_the_lower_one_first(kinesis, cluster, account, new_name):
    name = new_name()
    cluster.create_stream(name, shards=3)
    for one, other in ((0, 2), (1, 0), (1, 1), (2, 0)):
        assert error_of(kinesis.merge_shards, StreamName=name, ShardToMerge=NAMES[one],
                        AdjacentShardToMerge=NAMES[other]) == (
            "InvalidArgumentException", 400,
            f"Shards {NAMES[one]} and {NAMES[other]} in stream {name} under account {account} are "
            "not an adjacent pair of shards eligible for merging")


def test_closed_and_unknown_shards_are_not_merged(kinesis, cluster, account, new_name):
    name = new_name()
    cluster.create_stream(name, shards=2)
    assert error_of(kinesis.merge_shards, StreamName=name, ShardToMerge=NAMES[0],
                    AdjacentShardToMerge=NAMES[5]) == (
        "ResourceNotFoundException", 400,
        f"Could not find shard {NAMES[5]} in stream {name} under account {account}.")
    kinesis.merge_shards(StreamName=name, ShardToMerge=NAMES[0], AdjacentShardToMerge=NAMES[1])
    wait_active(kinesis, name)
    assert error_of(kinesis.merge_shards, StreamName=name, ShardToMerge=NAMES[0],
                    AdjacentShardToMerge=NAMES[1]) == (
        "InvalidArgumentException", 400,
        f"Shard {NAMES[0]} in stream {name} under account {account} has already been merged or "
        "split, and thus is not eligible for merging or splitting.")
