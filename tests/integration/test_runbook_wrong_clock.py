"""docs/runbooks/wrong-clock.md, played: one node's clock is 7 s behind."""

from braid_ailing import await_away, await_back, is_said, seen, spread
from braid_cluster import Cluster, wait_until
from braid_ill import IllMachine
from braid_runbook import Runbook


def test_a_node_with_a_wrong_clock_leads_nothing():
    with Cluster(3, start=False) as cluster:
        book = Runbook("wrong-clock", cluster)
        machine = IllMachine(cluster[3])
        cluster.start_all()
        spread(cluster)
        machine.set("clock_ms", -7000)
        await_away(cluster, 3, "clock")
        wait_until(lambda: is_said(book.run("braid cluster status").stdout, cluster, 3), 30,
                   "the status says why")
        said = book.run("curl -s http://127.0.0.1:4569/metrics | grep -E 'braid_(ails|clock)'",
                        node=3).stdout
        assert "\nbraid_ails 3\n" in said, said
        assert -8000 < cluster[3].metric("braid_clock_off_milliseconds") < -6000
        assert abs(cluster[1].metric("braid_clock_off_milliseconds")) < 2000
        assert seen(cluster, 1)["ails"] is None
        machine.set("clock_ms", 0)
        await_back(cluster, 3)
        assert "ailing" not in book.run("braid cluster status").stdout
