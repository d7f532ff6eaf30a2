"""A node whose file system is full, or takes no more for another reason: it leads nothing, serves
reads, and is well again when there is room.  (`log-bytes-max`: test_runbook_full_disk.py.)"""

import contextlib
import errno

from braid_ailing import STREAM, Writer, await_away, await_back, seen, spread
from braid_cluster import Cluster, wait_until
from braid_ill import IllMachine, SmallDisk
from braid_load import Load
from braid_records import read_stream

DISK = "256m"
PUT_MORE = 100
PAUSE_S = 0.1  # of each producer: the test waits for a minute, and reads it all


class Quota:
    """Its file system says that it has room, and refuses new blocks all the same."""

    def __init__(self, node):
        self.machine = IllMachine(node)

    def fill(self):
        self.machine.set("grow_error", errno.EDQUOT)

    def make_room(self):
        self.machine.set("grow_error", 0)


def await_more(load, what):
    before = load.count()
    wait_until(lambda: load.count() > before + PUT_MORE, 60, what)


def fill(cluster, disk, load):
    disk.fill()
    with Writer(cluster, size=900_000):  # fills the files that the log has
        await_away(cluster, 3, "full")
    assert cluster[3].metric("braid_log_has_room") == 0
    assert cluster[3].metric("braid_log_segments_failed_total") > 0
    await_more(load, "puts go on")


def check_serves(cluster, load):
    """Puts, which it passes on, and reads of all that was promised until now."""
    put = cluster.client(3, attempts=3).put_record
    for key in range(20):  # of all shards
        put(StreamName=STREAM, PartitionKey=str(key), Data=b"there is room on the others")
    promised = {text for producer in load.producers for text in list(producer.in_order)}
    read = read_stream(cluster.client(3, attempts=3), "kept")
    assert promised <= {record["Data"].decode() for records in read.values() for record in records}
    assert cluster[3].ready()


def await_room(cluster, load):
    wait_until(lambda: cluster[3].metric("braid_log_has_room") == 1, 60, "it has room")
    await_more(load, "puts go on, with node 3")


@contextlib.contextmanager
def loaded(cluster):
    """A load on a stream that each node leads shards of; at the end all is there."""
    cluster.start_all()
    spread(cluster)
    cluster.create_stream("kept", shards=3)
    wait_until(lambda: seen(cluster, 3)["leads"] == 3, 60, "node 3 leads one of it")
    clients = [cluster.client(number, timeout_s=20) for number in (1, 2, 3)]
    with Load(clients, "kept", pause_s=PAUSE_S) as load:
        yield load
    print(load.describe())
    load.check(cluster.client(3, attempts=3))


def test_a_node_whose_file_system_is_full_leads_nothing_until_there_is_room():
    with Cluster(3, start=False) as cluster:
        disk = SmallDisk(cluster[3], DISK)
        with loaded(cluster) as load:
            fill(cluster, disk, load)
            assert disk.free_bytes() == 0
            check_serves(cluster, load)
            disk.make_room()
            await_room(cluster, load)
            await_back(cluster, 3, leads=3)
            await_more(load, "puts go on, with what it leads")
        assert "event=node.well was=full" in cluster[3].log_text()


def test_a_node_whose_file_system_refuses_blocks_though_it_has_room_goes_on():
    """A quota, or a disk that is thinly provisioned: the file that is being made finds it out."""
    with Cluster(3, start=False) as cluster:
        disk = Quota(cluster[3])
        with loaded(cluster) as load:
            fill(cluster, disk, load)
            check_serves(cluster, load)
            disk.make_room()
            await_room(cluster, load)
