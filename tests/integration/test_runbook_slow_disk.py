"""docs/runbooks/slow-disk.md, played: one node's writes take a second."""

import time

from braid_ailing import Writer, await_away, await_back, is_said, spread
from braid_cluster import Cluster, wait_until
from braid_ill import IllMachine
from braid_runbook import Runbook

WRITE_MS = 1000  # far more than the others' on a busy machine


def test_a_node_with_a_slow_disk_gives_up_its_leaders():
    with Cluster(3, start=False) as cluster:
        book = Runbook("slow-disk", cluster)
        machine = IllMachine(cluster[3])
        cluster.start_all()
        spread(cluster)
        with Writer(cluster) as writer:
            machine.set("write_ms", WRITE_MS)
            await_away(cluster, 3, "slow")
            wait_until(lambda: is_said(book.run("braid cluster status").stdout, cluster, 3), 30,
                       "the status says why")
            said = book.run("curl -s http://127.0.0.1:4569/metrics | grep -E 'braid_(ails|log_w)'",
                            node=3).stdout
            assert "\nbraid_ails 2\n" in said, said
            assert "event=node.ails what=slow" in book.run("journalctl -u braidd -n 50",
                                                           node=3).stdout
            assert cluster[3].metric("braid_log_write_microseconds_now") > WRITE_MS * 100
            began = time.monotonic()
            wait_until(lambda: len(writer.since(began)) >= 50, 60, "puts that go on")
            after = writer.since(began)
            # Nobody waits for the slow disk.
            assert after[len(after) // 2] < WRITE_MS / 2000, after
            machine.set("write_ms", 0)
            await_back(cluster, 3)
            assert "ailing" not in book.run("braid cluster status").stdout
        assert "event=node.well was=slow" in cluster[3].log_text()
