"""A node whose log ends before what its peers heard: it says so, ends with 3, and stays ended."""

import glob
import os
import shutil
import struct
import time

import pytest
from braid_cluster import Cluster
from braid_records import read_stream

BAD_DATA = 3  # exit status
BLOCK = 4096
MAGIC = b"braid-fr"
NUMBER_AT = 48
WORDS = "start the node with a new data directory (the other members fill it) and keep this one"
HEARD_S = 0.4  # four heartbeats: each node has told the others how far its log is durable


@pytest.fixture
def cluster():
    with Cluster(nodes=3) as cluster:
        cluster.create_stream("s", shards=2)
        put(cluster, 1, range(20))
        yield cluster


def put(cluster, number, values):
    for value in values:
        cluster.client(number, attempts=5).put_record(StreamName="s", PartitionKey=f"k{value}",
                                                      Data=b"%d" % value)


def newest_frame(data):
    """File and offset of the last frame that was written."""
    found = []
    for path in glob.glob(os.path.join(data, "log", "*")):
        with open(path, "rb") as file:
            offset = 0
            while head := file.read(BLOCK):
                if head.startswith(MAGIC):
                    found.append((struct.unpack_from(">Q", head, NUMBER_AT)[0], path, offset))
                offset += BLOCK
    return max(found)[1:]


def flip_bit(path, offset):
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 0x10]))


def ends_by_itself(cluster, number):
    """Starts the node; what it says last."""
    cluster[number].start()
    status = cluster[number].await_end(20)
    text = cluster[number].log_text()
    assert status == BAD_DATA, (status, text)
    return text.strip().splitlines()[-1]


def check_that_it_is_out(cluster, number):
    others = [other for other in (1, 2, 3) if other != number]
    put(cluster, others[0], range(100, 110))
    again = ends_by_itself(cluster, number)
    assert WORDS in again or "is lost" in again, again
    for other in others:
        records = read_stream(cluster.client(other, attempts=5), "s")
        values = sorted(int(record["Data"]) for shard in records.values() for record in shard)
        assert values == sorted([*range(20), *range(50, 55), *range(100, 110)])


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_rotten_last_frame_is_told_from_a_torn_one(cluster, number):
    put(cluster, 1, range(50, 55))
    time.sleep(HEARD_S)
    cluster.kill(number)
    path, offset = newest_frame(cluster[number].data)
    flip_bit(path, offset + NUMBER_AT + 7)
    said = ends_by_itself(cluster, number)
    # "is lost": its tables already knew that an entry of that frame was applied.
    assert WORDS in said or "is lost" in said, said
    check_that_it_is_out(cluster, number)


def test_an_old_copy_of_a_data_directory_is_refused(cluster):
    data = cluster[2].data
    cluster.kill(2)
    shutil.copytree(data, data + ".old")
    cluster.start(2)
    cluster.await_ready()
    put(cluster, 1, range(50, 55))
    time.sleep(HEARD_S)
    cluster.kill(2)
    shutil.rmtree(data)
    os.rename(data + ".old", data)
    assert WORDS in ends_by_itself(cluster, 2)
    check_that_it_is_out(cluster, 2)


def test_a_cluster_that_loses_power_at_once_accuses_nobody(cluster):
    put(cluster, 1, range(50, 55))
    for _ in range(3):
        for number in (1, 2, 3):
            cluster.kill(number)
        for number in (1, 2, 3):
            cluster.start(number)
        cluster.await_ready()
    assert all(cluster[number].running() for number in (1, 2, 3))
