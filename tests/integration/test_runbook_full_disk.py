"""docs/runbooks/full-disk.md, played: one node's log is full."""

from braid_ailing import STREAM, Writer, await_away, await_back, is_said, spread
from braid_cluster import Cluster, wait_until
from braid_runbook import Runbook


def test_a_node_with_a_full_disk_gives_up_its_leaders():
    with Cluster(3, start=False) as cluster:
        book = Runbook("full-disk", cluster, {"STREAM": "old"})
        seeds = [f"127.0.0.1:{node.peer_port}" for node in cluster.nodes]
        cluster[3].write_config(seeds, {**cluster.options, "log-bytes-max": "64M"})
        cluster.start_all()
        spread(cluster)
        cluster.create_stream("old")
        with Writer(cluster, size=900_000):
            await_away(cluster, 3, "full")
            wait_until(lambda: is_said(book.run("braid cluster status").stdout, cluster, 3), 30,
                       "the status says why")
        said = book.run("curl -s http://127.0.0.1:4569/metrics | grep -E 'braid_(ails|log_)'",
                        node=3).stdout
        assert "\nbraid_log_has_room 0\n" in said and "\nbraid_ails 1\n" in said, said
        book.run("df -h /var/lib/braid", node=3)
        for key in range(20):  # of all shards
            cluster.client(3, attempts=3).put_record(StreamName=STREAM, PartitionKey=str(key),
                                                     Data=b"there is room on the others")
        # The catalogue takes a deletion, here too.
        book.run("braid stream delete STREAM --yes", node=3)
        cluster[3].write_config(seeds, cluster.options)  # without log-bytes-max
        book.run("systemctl restart braidd", node=3)
        book.run("until curl -sf http://127.0.0.1:4569/readyz; do sleep 1; done", node=3)
        await_back(cluster, 3)
        assert "ailing" not in book.run("braid cluster status").stdout
