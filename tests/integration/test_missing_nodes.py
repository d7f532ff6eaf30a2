"""What `braid` says of a cluster that is not whole."""

import json
import shutil
import signal
import time

from braid_cluster import READY_S, Cluster, run_braid, wait_until


def test_a_node_that_says_nothing_is_passed_over():
    with Cluster(nodes=3, start=False) as cluster:
        for number in (1, 2):
            cluster.start(number)
        wait_until(lambda: cluster[1].get("/livez")[0] == cluster[2].get("/livez")[0] == 200,
                   READY_S, "two nodes that live")
        where = {"BRAID_OPERATIONS": f"{cluster[1].operations},{cluster[2].operations}"}
        cluster[1].process.send_signal(signal.SIGSTOP)
        done = run_braid("cluster", "status", env=where)
        assert done.returncode == 0
        assert done.stdout == b"node-2 belongs to no cluster yet: waits for its seeds\n"
        where = {"BRAID_OPERATIONS": cluster[1].operations}
        done = run_braid("cluster", "status", env=where)
        assert done.returncode == 6 and b"is there and says nothing" in done.stderr, done.stderr
        where = {"BRAID_ENDPOINT": cluster[1].endpoint, "BRAID_OPERATIONS": cluster[1].operations}
        for arguments in ("put s", "tail s", "stream list", "stream create s", "stream describe s",
                          "stream set s --retention 30", "stream delete s --yes",
                          "cluster status", "node list", "node add", "node drain n --wait",
                          "node undrain n", "node remove n --wait", "shard rescue s 0"):
            began = time.monotonic()
            done = run_braid(*arguments.split(), "--timeout", "1", stdin=b"x\n", env=where)
            took_s = time.monotonic() - began
            assert done.returncode == 6 and took_s < 5, (arguments, took_s, done.stderr)
        cluster[1].process.send_signal(signal.SIGCONT)


def test_a_cluster_without_a_majority_of_its_catalogue():
    with Cluster(nodes=3) as cluster:
        where = {"BRAID_ENDPOINT": ",".join(node.endpoint for node in cluster.nodes),
                 "BRAID_OPERATIONS": ",".join(node.operations for node in cluster.nodes)}

        def braid(*arguments, stdin=None):
            return run_braid(*arguments, stdin=stdin, env=where)

        braid("stream", "create", "s")

        # A node without its disk comes back as another one of the same name, and is given the old
        # one's place in the catalogue, sooner or later: the table shows what the tree says.
        cluster.kill(3)
        shutil.rmtree(cluster[3].data)
        cluster.start(3)
        cluster.await_ready()
        wait_until(lambda: [node["up"] for node in cluster.state(1)["nodes"]].count(True) == 3,
                   READY_S, "node-1 sees the new node-3")

        def status():
            tree = json.loads(braid("cluster", "status", "-o", "json").stdout)
            return tree["catalog"], tree["nodes"]

        def told_twice_the_same():
            nonlocal catalog, nodes, rows
            catalog, nodes = status()
            table = braid("cluster", "status").stdout.decode()
            rows = {row.split()[-1]: row.split() for row in table.splitlines() if " az" in row}
            return (catalog, nodes) == status() and catalog["leader_id"] is not None

        catalog, nodes, rows = None, None, None
        wait_until(told_twice_the_same, READY_S, "nothing changes while it is looked at")
        assert [node["up"] for node in nodes if node["name"] == "node-3"] in (
            [True], [True, False], [False, True])
        assert catalog["leader_id"] in catalog["member_ids"]
        for node in nodes:
            role = ("leader" if node["id"] == catalog["leader_id"] else
                    "member" if node["id"] in catalog["member_ids"] else "")
            assert {"leader", "member"} & set(rows[node["id"]]) == {role} - {""}, (node, rows)

        # When the new one has its place and two are gone, one of three members is left.
        wait_until(lambda: all(node["up"] for node in status()[1] if node["in_catalog"]), READY_S,
                   "the new node-3 is a member of the catalogue")
        leader = next(node for node in cluster.nodes if node.name == status()[0]["leader"])
        left = next(node for node in cluster.nodes if node.number != leader.number)
        for node in cluster.nodes:
            if node is not left:
                cluster.kill(node.number)
        where["BRAID_ENDPOINT"] = f"{left.endpoint},{leader.endpoint},http://127.0.0.1:1"
        done = braid("stream", "create", "t")
        assert done.returncode == 6, done.stderr
        assert b"the catalogue has no majority: of its 3 members" in done.stderr, done.stderr
        assert b"nothing was done" in done.stderr and b"try again" in done.stderr
        for arguments in (["stream", "describe", "nobody"], ["put", "nobody"]):
            done = braid(*arguments)
            assert done.returncode == 6, (arguments, done.stderr)
            assert b"whether it exists cannot be said now" in done.stderr
        text = braid("cluster", "status").stdout.decode()
        assert "The catalogue has no leader: 1 of its 3 members is up" in text, text
