"""A node that lost its disk comes back empty: every shard has three replicas again, by itself."""

import os
import re
import shutil

import pytest
from braid_cluster import Cluster, wait_until
from braid_records import read_stream

SHARDS = 4
WHOLE_S = 60


@pytest.fixture
def cluster():
    with Cluster(nodes=3) as cluster:
        cluster.create_stream("s", shards=SHARDS)
        yield cluster


def put(cluster, number, values):
    client = cluster.client(number, attempts=10)
    for value in values:
        client.put_record(StreamName="s", PartitionKey=f"k{value}", Data=b"%d" % value + b"." * 500)


def lose_disk(cluster, number):
    node = cluster[number]
    node.kill()
    shutil.rmtree(node.data)
    os.makedirs(node.data)


def joined(cluster, number, epoch):
    """How many groups it has joined in that epoch."""
    return len(set(re.findall(rf"event=group.joined group=(\d+) epoch={epoch} ",
                              cluster[number].log_text())))


def await_whole(cluster, number, epoch):
    """Until each shard is wanted in that epoch, and the node has joined it in each."""

    def look():
        shards = cluster.streams("s")["shards"]
        return (all(shard["epoch"] == epoch and shard["leader"] for shard in shards)
                and joined(cluster, number, epoch) == SHARDS)

    wait_until(look, WHOLE_S, f"every shard in epoch {epoch} with {cluster[number].name}")


def check_all(cluster, number, count):
    records = read_stream(cluster.client(number, attempts=10), "s")
    found = sorted(int(record["Data"].rstrip(b".")) for shard in records.values()
                   for record in shard)
    assert found == list(range(count))


def test_a_node_without_its_disk_gets_its_shards_back(cluster):
    put(cluster, 1, range(200))
    lose_disk(cluster, 2)
    put(cluster, 1, range(200, 250))
    cluster.start(2)
    wait_until(cluster[2].ready, WHOLE_S, "ready")
    assert joined(cluster, 2, 2) == SHARDS  # whoever waits for it may throw the old disk away
    await_whole(cluster, 2, 2)
    put(cluster, 2, range(250, 300))

    # The new copies count: without another member, they are half of the majority.
    cluster.kill(3)
    put(cluster, 1, range(300, 350))
    check_all(cluster, 2, 350)


def test_it_does_so_again_and_again(cluster):
    for round_number in range(3):
        put(cluster, 1, range(round_number * 50, round_number * 50 + 50))
        lose_disk(cluster, 3)
        cluster.start(3)
        await_whole(cluster, 3, round_number + 2)
    cluster.kill(2)
    put(cluster, 1, range(150, 200))
    check_all(cluster, 3, 200)


def test_a_member_that_was_away_at_the_change_comes_in(cluster):
    """Two of three cannot end an epoch without each other; the third hears of it later."""
    put(cluster, 1, range(50))
    lose_disk(cluster, 2)
    cluster.start(2)
    await_whole(cluster, 2, 2)
    cluster.kill(1)  # may have heard of the end by name only
    put(cluster, 3, range(50, 100))
    cluster.start(1)
    cluster.await_ready()
    cluster.kill(3)
    put(cluster, 1, range(100, 150))
    check_all(cluster, 1, 150)


def test_the_catalogue_survives_the_loss_of_each_disk_in_turn(cluster):
    """Its own members change too: at the end none of those that founded it is left."""
    put(cluster, 1, range(50))
    for number in (1, 2, 3):
        lose_disk(cluster, number)
        cluster.start(number)
        await_whole(cluster, number, number + 1)
        wait_until(lambda: "event=catalog.epoch_began epoch=%d" % (number + 1) in
                   cluster[number].log_text(), WHOLE_S, "the catalogue's next epoch")
    cluster.await_ready()

    # Each of the newcomers counts: any two of them are a majority.
    for number, other, name in ((2, 1, "t"), (3, 2, "u")):
        cluster.create_stream(name, shards=2)
        cluster.kill(number)
        cluster.client(other, attempts=10).delete_stream(StreamName=name)
        put(cluster, other, range(number * 50 - 50, number * 50))
        cluster.start(number)
        cluster.await_ready()
    check_all(cluster, 1, 150)
