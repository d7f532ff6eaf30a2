"""docs/runbooks/lost-node.md, played: a node dies, loses its disk, and is gone for good."""

import glob
import os

import pytest
from braid_cluster import Cluster, wait_until
from braid_forgotten import flip_bit, lose_the_end
from braid_runbook import Runbook

SHARDS = 4


@pytest.fixture
def three():
    with Cluster(nodes=3, options={"replace-after-s": "600"}) as cluster:
        cluster.create_stream("s", shards=SHARDS)
        yield cluster


def write(cluster, number):
    client = cluster.client(number, attempts=10)
    for key in range(20):
        client.put_record(StreamName="s", PartitionKey=f"k{key}", Data=b"data")


def see(book, lost):
    """The first block: another node's view, and the lost one's own words."""
    status = book.run("braid cluster status", node=1).stdout
    assert any(lost.name in line and " down " in line for line in status.splitlines()), status
    said = book.run("journalctl -u braidd -n 50", node=lost.number).stdout
    assert "event=" in said


def all_is_well(cluster, book):
    cluster.await_ready()

    def look():
        status = book.run("braid cluster status").stdout
        return " down " not in status and "waits" not in status and "replaced" not in status

    wait_until(look, 60, "all are up, nobody waits")
    write(cluster, 1)


def test_a_node_that_died_is_started_again(three):
    book = Runbook("lost-node", three)
    three.kill(3)
    write(three, 1)
    see(book, three[3])
    book.run("systemctl start braidd", node=3)
    book.run("until curl -sf http://127.0.0.1:4569/readyz; do sleep 1; done", node=3)
    all_is_well(three, book)


def test_a_node_without_its_disk_starts_with_nothing(three):
    book = Runbook("lost-node", three)
    three.kill(2)
    write(three, 1)
    see(book, three[2])
    book.run("systemctl stop braidd", node=2)  # it may have been started anew by systemd
    book.run("mv /var/lib/braid /var/lib/braid.old", node=2)
    book.run("systemctl start braidd", node=2)
    book.run("until curl -sf http://127.0.0.1:4569/readyz; do sleep 1; done", node=2)
    listed = book.run("braid node list").stdout
    assert listed.count("node-2") in (1, 2), listed
    all_is_well(three, book)

    # It counts: without another one it is half of the majority.
    three.kill(3)
    write(three, 2)


def test_a_node_with_damaged_rows_is_restarted_while_the_others_are_up():
    with Cluster(nodes=3, options={"replace-after-s": "600", "scrub-period-s": "1"}) as cluster:
        cluster.create_stream("s", shards=SHARDS)
        book = Runbook("lost-node", cluster)
        write(cluster, 1)
        cluster.stop(2)
        cluster.start(2)  # which writes rows that were in memory alone to files
        cluster.await_ready()
        files = glob.glob(os.path.join(cluster[2].data, "table", "*.sst"))
        assert files
        for path in files:
            flip_bit(path, 12)
        wait_until(lambda: "event=log.rows_damaged" in cluster[2].log_text(), 30, "found")
        assert cluster[2].running()
        assert " down " not in book.run("braid cluster status", node=1).stdout
        book.run("systemctl restart braidd", node=2)
        assert cluster[2].await_end(20) == 4
        cluster.start(2)  # as systemd does
        all_is_well(cluster, book)
        assert os.path.isdir(os.path.join(cluster[2].data, "forgotten-1"))


def test_a_node_that_has_forgotten_comes_back_by_itself(three):
    book = Runbook("lost-node", three)
    write(three, 1)
    lose_the_end(three, 2)
    write(three, 1)
    three.start(2)
    assert three[2].await_end(20) == 4
    assert "event=node.renewed" in book.run("journalctl -u braidd -n 50", node=2).stdout
    three.start(2)  # as systemd does
    wait_until(lambda: "event=data.kept" in three[2].log_text(), 20, "it says what it keeps")
    assert "forgotten-1" in book.run("ls -d /var/lib/braid/forgotten-*", node=2).stdout
    assert book.run("curl -s http://127.0.0.1:4569/readyz", node=2).stdout
    all_is_well(three, book)
    assert "promises it forgot,\nin 1 directory forgotten-N" in book.run("braid cluster status",
                                                                       node=2).stdout
    assert "promises it forgot" not in book.run("braid cluster status", node=1).stdout
    book.run("rm -r /var/lib/braid/forgotten-1", node=2)
    three.stop(2)
    three.start(2)
    three.await_ready()
    assert three[2].metric("braid_forgotten_bytes") == 0


def test_a_machine_that_is_gone_is_drained_and_removed():
    with Cluster(nodes=4, options={"replace-after-s": "600"}) as cluster:
        cluster.create_stream("s", shards=SHARDS)
        book = Runbook("lost-node", cluster, {"NODE": "node-4"})
        cluster.kill(4)
        write(cluster, 2)
        see(book, cluster[4])
        book.run("braid node drain NODE --wait")
        book.run("braid node remove NODE --wait")
        assert "node-4" not in book.run("braid node list").stdout
        all_is_well(cluster, book)
