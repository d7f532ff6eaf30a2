"""A flipped bit in a payload of the log: found without a reader, said, and repaired from a peer."""

import glob
import os
import re

from braid_cluster import Cluster, wait_until
from braid_records import read_stream

RECORD_BYTES = 500_000
RECORDS = 40  # more than one segment of 16 MiB
SEARCH = {"scrub-period-s": "1", "scrub-bytes-per-s": "1G"}


def data(number):
    """Bytes that are nowhere else."""
    return (b"<%08d>" % number) * (RECORD_BYTES // 10)


def put_all(cluster):
    client = cluster.client(1, attempts=5)
    for number in range(RECORDS):
        client.put_record(StreamName="s", PartitionKey="k", Data=data(number))


def flip(node, number):
    """One bit in the middle of the record's payload; (file, offset)."""
    for path in sorted(glob.glob(os.path.join(node.data, "log", "segment-*"))):
        with open(path, "r+b") as file:
            at = file.read().find(data(number))
            if at < 0:
                continue
            at += RECORD_BYTES // 2
            file.seek(at)
            byte = file.read(1)[0]
            file.seek(at)
            file.write(bytes([byte ^ 4]))
            return os.path.basename(path), at
    raise AssertionError(f"record {number} is nowhere in {node.data}")


def has_whole(node, number):
    """Whether the record's bytes are in the node's own files."""
    for path in glob.glob(os.path.join(node.data, "log", "segment-*")):
        with open(path, "rb") as file:
            if data(number) in file.read():
                return True
    return False


def numbers(cluster, at):
    records = read_stream(cluster.client(at), "s")["shardId-000000000000"]
    return [int(record["Data"][1:9]) for record in records
            if record["Data"] == data(int(record["Data"][1:9]))]


def line(node, event):
    """The last line about an event; "" when there is none."""
    found = re.findall(rf"^.*event={re.escape(event)} .*$", node.log_text(), re.M)
    return found[-1] if found else ""


def test_a_damaged_entry_is_fetched_from_a_peer_and_whole_again():
    with Cluster(nodes=3, options=SEARCH) as cluster:
        cluster.create_stream("s")
        put_all(cluster)
        node = cluster[2]
        wait_until(lambda: node.metric("braid_log_segments_full") >= 1, 60, "a segment is filed")
        assert node.metric("braid_log_entries_repaired_total") == 0
        cluster.kill(2)
        file, _ = flip(node, 3)
        assert not has_whole(node, 3)
        cluster.start(2)
        cluster.await_node(2)
        wait_until(lambda: node.metric("braid_log_entries_repaired_total") == 1, 60, "repaired")
        said = line(node, "log.entry_damaged")
        assert file in said and "stream=s shard=0 records=1 from=" in said, said
        assert "another replica" in line(node, "log.entry_repaired")
        assert node.metric("braid_log_entries_damaged") == 0
        for at in (1, 2, 3):
            assert numbers(cluster, at) == list(range(RECORDS))
        for at in (1, 3):
            assert cluster[at].metric("braid_log_corrupt_entries_total") == 0
        cluster.kill(2)
        assert has_whole(node, 3)


def test_a_single_node_says_what_is_lost_and_goes_on():
    with Cluster(nodes=1, options=SEARCH) as cluster:
        cluster.create_stream("s")
        put_all(cluster)
        node = cluster[1]
        cluster.kill(1)
        file, _ = flip(node, 3)
        cluster.start(1)
        cluster.await_node(1)
        said = wait_until(lambda: line(node, "log.entry_damaged"), 60, "damage is found")
        assert file in said and "stream=s shard=0 records=1 from=" in said, said
        assert "this node has the only replica: these records cannot be given back" in said
        assert "let readers go on AFTER_SEQUENCE_NUMBER of the last of them" in said
        wait_until(lambda: "still_damaged=1" in line(node, "log.scrubbed"), 60, "end of a pass")
        assert node.metric("braid_log_entries_damaged") == 1
        assert node.metric("braid_log_entries_repaired_total") == 0
        client = cluster.client(1)
        last = re.search(r" to=(\d+)", said).group(1)
        iterator = client.get_shard_iterator(
            StreamName="s", ShardId="shardId-000000000000",
            ShardIteratorType="AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=last)
        answer = client.get_records(ShardIterator=iterator["ShardIterator"], Limit=1)
        assert answer["Records"][0]["Data"] == data(4)
