"""The group of a shard that was split rests: no Raft, any member answers; a lost disk wakes it."""

import os
import re
import shutil

import pytest
from braid_cluster import Cluster, wait_until
from braid_records import iterator
from braid_reshard import middle_of, read_lineage, shards, wait_active

PARENT = "shardId-000000000000"
COUNT = 120
SETTLE_S = 60
RAFT_GROUPS = 3  # the catalogue's, and those of two children


@pytest.fixture
def cluster():
    with Cluster(nodes=3) as cluster:
        cluster.create_stream("s", shards=1)
        client = cluster.client(1, attempts=10)
        for value in range(COUNT):
            client.put_record(StreamName="s", PartitionKey=f"k{value}", Data=b"%d" % value)
        client.split_shard(StreamName="s", ShardToSplit=PARENT,
                           NewStartingHashKey=middle_of(shards(client, "s")[PARENT]))
        wait_active(client, "s")
        await_rest(cluster, epoch=1)
        yield cluster


def parent(cluster):
    return cluster.streams("s")["shards"][0]


def groups(cluster):
    """How many each node runs Raft for."""
    return {int(node.metric("braid_replicas")) for node in cluster.nodes}


def await_rest(cluster, epoch):
    def look():
        seen = parent(cluster)
        return (seen["rests"] and seen["leader"] is None and seen["epoch"] == epoch
                and groups(cluster) == {RAFT_GROUPS})

    wait_until(look, SETTLE_S, f"the parent rests in epoch {epoch} on all nodes")


def check_parent(cluster, numbers):
    """Each of these nodes gives all of it, and then the way to the children."""
    for number in numbers:
        client = cluster.client(number, attempts=10)
        found = read_lineage(client, "s", [PARENT])
        values = sorted(int(record["Data"]) for shard, record in found if shard == PARENT)
        assert values == list(range(COUNT)), number
        position = iterator(client, "s", PARENT, kind="LATEST")
        answer = client.get_records(ShardIterator=position)
        assert not answer["Records"] and len(answer["ChildShards"]) == 2


def test_consumers_are_given_it_at_every_node(cluster):
    arn = cluster.client(1).describe_stream_summary(
        StreamName="s")["StreamDescriptionSummary"]["StreamARN"]
    for number in (1, 2, 3):
        client = cluster.client(number, attempts=10)
        consumer = client.register_stream_consumer(StreamARN=arn, ConsumerName=f"c-{number}")
        answer = client.subscribe_to_shard(ConsumerARN=consumer["Consumer"]["ConsumerARN"],
                                           ShardId=PARENT,
                                           StartingPosition={"Type": "TRIM_HORIZON"})
        events = [event["SubscribeToShardEvent"] for event in answer["EventStream"]]
        found = [int(record["Data"]) for event in events for record in event["Records"]]
        assert sorted(found) == list(range(COUNT)), number
        assert len(events[-1]["ChildShards"]) == 2


def test_it_is_read_from_every_node_also_when_one_is_down(cluster):
    check_parent(cluster, (1, 2, 3))
    first = next(node.number for node in cluster.nodes
                 if node.name == parent(cluster)["replicas"][0])
    cluster.kill(first)  # the one that answered until now
    others = {1, 2, 3} - {first}
    check_parent(cluster, others)

    # It comes back to where it was, and so does a cluster that was down whole.
    cluster.start(first)
    cluster.await_ready()
    await_rest(cluster, epoch=1)
    for number in (1, 2, 3):
        cluster.kill(number)
    cluster.start_all()
    cluster.await_ready()
    await_rest(cluster, epoch=1)
    check_parent(cluster, (1, 2, 3))


def test_a_disk_that_is_lost_is_filled_again(cluster):
    group = parent(cluster)["group"]
    cluster.kill(2)
    shutil.rmtree(cluster[2].data)
    os.makedirs(cluster[2].data)
    cluster.start(2)
    await_rest(cluster, epoch=2)
    assert re.search(rf"event=group.joined group={group} epoch=2 ", cluster[2].log_text())

    # What the newcomer has is all of it: nobody else is there.
    cluster.kill(1)
    cluster.kill(3)
    client = cluster.client(2, attempts=10)
    position, found = iterator(client, "s", PARENT), []
    while position:
        answer = client.get_records(ShardIterator=position)
        found += [int(record["Data"]) for record in answer["Records"]]
        position = answer.get("NextShardIterator")
    assert sorted(found) == list(range(COUNT))
