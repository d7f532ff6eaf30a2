"""All seeds lose their disks at once: the nodes that hold the cluster take them in again."""

import os
import shutil
import signal

from braid_cluster import Cluster, run_braid, wait_until
from braid_records import read_stream

SEEDS, OTHERS = (1, 2, 3), (4, 5)
SHARDS = 2
WHOLE_S = 60
RECORDS = 100


def braid(cluster, *arguments):
    done = run_braid(*arguments, env={"BRAID_OPERATIONS": cluster[4].operations})
    assert done.returncode == 0, done.stderr


def holders(cluster):
    """Names of the nodes in the catalogue's own group."""
    return {node["name"] for node in cluster.state(4)["nodes"] if node["in_catalog"]}


def test_seeds_that_lost_their_disks_together_come_into_the_cluster_that_there_is():
    # Among the first three is a majority of every shard and of the catalogue, until two are drained.
    with Cluster(nodes=5, start=False, options={"founding-wait-ms": "4000"}) as cluster:
        seeds = [f"127.0.0.1:{cluster[number].peer_port}" for number in SEEDS]
        for node in cluster.nodes:
            node.write_config(seeds, cluster.options)
        cluster.start_all()
        cluster_id = cluster.state(4)["cluster"]
        cluster.create_stream("s", shards=SHARDS)
        client = cluster.client(4, attempts=10)
        for number in range(RECORDS):
            client.put_record(StreamName="s", PartitionKey=str(number), Data=b"%d" % number)
        for number in SEEDS[:2]:
            braid(cluster, "node", "drain", f"node-{number}", "--wait", "--timeout", "60")
        wait_until(lambda: holders(cluster) == {"node-3", "node-4", "node-5"}, WHOLE_S,
                   "the catalogue is on the others and one seed")

        logs = {number: len(cluster[number].log_text()) for number in SEEDS}
        for number in SEEDS:
            cluster.kill(number)
            shutil.rmtree(cluster[number].data)
            os.makedirs(cluster[number].data)
        # Nobody tells them at once, and to each other they are a new cluster's.
        for number in OTHERS:
            cluster[number].process.send_signal(signal.SIGSTOP)
        for number in SEEDS:
            cluster.start(number)
        wait_until(lambda: any("event=cluster.founding" in cluster[number].log_text()[length:]
                               for number, length in logs.items()), WHOLE_S, "they would found one")
        for number in OTHERS:
            cluster[number].process.send_signal(signal.SIGCONT)
        cluster.await_ready(WHOLE_S)
        assert {cluster.state(number)["cluster"] for number in (*SEEDS, *OTHERS)} == {cluster_id}
        assert any("event=cluster.shown" in cluster[number].log_text() for number in SEEDS)

        # Node 3 has its places again: they count where one of the others is missing.
        wait_until(lambda: not any(node["replaced"] for node in cluster.state(4)["nodes"]), WHOLE_S,
                   "all is whole")
        cluster.kill(5)
        client.put_record(StreamName="s", PartitionKey="last", Data=b"last")
        found = [record["Data"] for shard in
                 read_stream(cluster.client(1, attempts=10), "s").values() for record in shard]
        assert sorted(found) == sorted([b"%d" % number for number in range(RECORDS)] + [b"last"])
