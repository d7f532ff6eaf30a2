"""docs/runbooks/wrong-clock.md, played: one node's clock is 7 s behind, or an hour ahead."""

import datetime
import time

import pytest
from braid_ailing import STREAM, await_away, await_back, is_said, seen, spread
from braid_cluster import Cluster, wait_until
from braid_ill import IllMachine
from braid_runbook import Runbook

BEHIND_MS, AHEAD_MS = -7000, 3600000


@pytest.fixture
def three():
    """The cluster, the book, and node 3's machine."""
    with Cluster(3, start=False) as cluster:
        machine = IllMachine(cluster[3])
        cluster.start_all()
        spread(cluster)
        yield cluster, Runbook("wrong-clock", cluster), machine


def see(cluster, book, off_ms):
    await_away(cluster, 3, "clock")
    wait_until(lambda: is_said(book.run("braid cluster status").stdout, cluster, 3), 30,
               "the status says why")
    said = book.run("curl -s http://127.0.0.1:4569/metrics | grep -E 'braid_(ails|clock)'",
                    node=3).stdout
    assert "\nbraid_ails 3\n" in said, said
    assert abs(cluster[3].metric("braid_clock_off_milliseconds") - off_ms) < 1000
    assert abs(cluster[1].metric("braid_clock_off_milliseconds")) < 2000
    assert seen(cluster, 1)["ails"] is None


def put_right(cluster, book):
    assert "synchronized: no" in book.run("timedatectl", node=3).stdout
    book.run("chronyc makestep", node=3)
    assert "synchronized: yes" in book.run("timedatectl", node=3).stdout
    await_back(cluster, 3)
    assert "ailing" not in book.run("braid cluster status").stdout


def test_a_node_with_a_wrong_clock_leads_nothing(three):
    cluster, book, machine = three
    machine.set("clock_ms", BEHIND_MS)
    see(cluster, book, BEHIND_MS)
    put_right(cluster, book)


def records(client, number, **start):
    """All that the shard has from there on."""
    iterator = client.get_shard_iterator(StreamName=STREAM, ShardId=f"shardId-{number:012}",
                                         **start)["ShardIterator"]
    found = []
    while True:
        page = client.get_records(ShardIterator=iterator)
        found += page["Records"]
        if page["MillisBehindLatest"] == 0 and not page["Records"]:
            return found
        iterator = page["NextShardIterator"]


def key_of(client, number):
    """A hash key of the shard."""
    shard = client.list_shards(StreamName=STREAM)["Shards"][number]
    return shard["HashKeyRange"]["StartingHashKey"]


def test_what_was_written_with_times_ahead_stays_so(three):
    cluster, book, machine = three
    client = cluster.client(1, attempts=10)
    shards = cluster.streams(STREAM)["shards"]
    number = next(shard["number"] for shard in shards if shard["leader"] == cluster[3].name)
    key = key_of(client, number)
    right = time.time()

    def put(data):
        client.put_record(StreamName=STREAM, PartitionKey="k", ExplicitHashKey=key, Data=data)
        last = records(client, number, ShardIteratorType="TRIM_HORIZON")[-1]
        assert last["Data"] == data
        return last["ApproximateArrivalTimestamp"].timestamp() - right

    assert put(b"before") < 600
    machine.set("clock_ms", AHEAD_MS)
    wait_until(lambda: put(b"ahead") > 3000, 10, "its leader gives times ahead")
    see(cluster, book, AHEAD_MS)
    assert put(b"by another leader") > 3000
    put_right(cluster, book)
    assert put(b"by a right clock") > 3000

    # Nobody who reads in order notices; by time they are found where they say that they are.
    found = records(client, number, ShardIteratorType="TRIM_HORIZON")
    times = [record["ApproximateArrivalTimestamp"] for record in found]
    assert times == sorted(times)
    assert [record["Data"] for record in found][-2:] == [b"by another leader", b"by a right clock"]
    now = datetime.datetime.now(datetime.timezone.utc)  # a time that is yet to come is refused
    by_time = records(client, number, ShardIteratorType="AT_TIMESTAMP", Timestamp=now)
    assert by_time == [record for record in found
                       if record["ApproximateArrivalTimestamp"].timestamp() > right + 1800]
    assert by_time and by_time[-1]["Data"] == b"by a right clock"
