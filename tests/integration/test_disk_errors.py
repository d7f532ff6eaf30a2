"""The disk of one node's log fails under load: its process ends at once, and no promise with it."""

import errno
import os
import re

import pytest
from braid_ailing import Writer, seen, spread
from braid_cluster import Cluster, wait_until
from braid_ill import IllMachine
from braid_load import Load

FAILED = 1  # daemon/README.md, exit status
PUT_MORE = 100
SEGMENT = "/log/segment-[0-9a-f]{16}"


@pytest.fixture
def ill():
    """(cluster, the machine of node 3, a load on a stream that each node leads shards of)"""
    with Cluster(3, start=False) as cluster:
        machine = IllMachine(cluster[3])
        cluster.start_all()
        spread(cluster)
        cluster.create_stream("kept", shards=3)
        wait_until(lambda: seen(cluster, 3)["leads"] == 3, 60, "node 3 leads one of it")
        yield cluster, machine, Load([cluster.client(number, timeout_s=20) for number in (1, 2, 3)],
                                     "kept")


def await_more(load, what):
    before = load.count()
    wait_until(lambda: load.count() > before + PUT_MORE, 60, what)


def await_failed(cluster, where):
    """Node 3 ends by itself, with one sentence of where in its data it failed."""
    assert cluster[3].await_end() == FAILED, cluster[3].log_text()[-2000:]
    *_, failed, last = cluster[3].log_text().splitlines()
    assert re.fullmatch(rf"braidd: .*{re.escape(cluster[3].data)}{where}: "
                        + os.strerror(errno.EIO), last), last
    return failed


def await_whole(cluster, load):
    """It joins by itself, and counts: without node 1 it is half of the majority."""
    cluster.start(3)
    cluster.await_ready()
    await_more(load, "puts go on, with node 3")
    cluster.kill(1)
    await_more(load, "puts go on, without node 1")


def check_promises(cluster, load):
    print(load.describe())
    found = load.check(cluster.client(3, attempts=3))
    assert load.check(cluster.client(2, attempts=3)) == found


def test_a_node_whose_writes_fail_ends_and_comes_back_on_a_good_disk(ill):
    cluster, machine, load = ill
    with load:
        await_more(load, "puts")
        machine.set("write_error", errno.EIO)
        assert "event=node.failed" in await_failed(cluster, SEGMENT + " at [0-9]+")
        await_more(load, "the others take puts")

        # As a service manager would, though nothing has been mended.
        cluster.start(3)
        await_failed(cluster, "/log")
        machine.set("write_error", 0)
        await_whole(cluster, load)
    check_promises(cluster, load)


def test_a_node_whose_syncs_fail_ends_and_comes_back_on_a_good_disk(ill):
    """Where writes are durable by themselves new files are synced, which large puts want."""
    cluster, machine, load = ill
    with load:
        with Writer(cluster, size=900_000, numbers=(1, 2)):
            await_more(load, "puts")
            machine.set("sync_error", errno.EIO)
            await_failed(cluster, SEGMENT + r"\.new: (sync|write at [0-9]+)")
            await_more(load, "the others take puts")
        machine.set("sync_error", 0)
        await_whole(cluster, load)
    check_promises(cluster, load)
