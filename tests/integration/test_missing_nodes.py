"""What `braid` says of a cluster that is not whole."""

import json
import shutil
import signal

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
        cluster[1].process.send_signal(signal.SIGCONT)


def test_a_cluster_without_a_majority_of_its_catalogue():
    with Cluster(nodes=3) as cluster:
        where = {"BRAID_ENDPOINT": ",".join(node.endpoint for node in cluster.nodes),
                 "BRAID_OPERATIONS": ",".join(node.operations for node in cluster.nodes)}

        def braid(*arguments, stdin=None):
            return run_braid(*arguments, stdin=stdin, env=where)

        braid("stream", "create", "s")

        # A node without its disk comes back as another one of the same name.
        cluster.kill(3)
        shutil.rmtree(cluster[3].data)
        cluster.start(3)
        cluster.await_ready()
        wait_until(lambda: [node["up"] for node in cluster.state(1)["nodes"]].count(True) == 3,
                   READY_S, "node-1 sees the new node-3")
        state = json.loads(braid("cluster", "status", "-o", "json").stdout)
        old, new = sorted((node for node in state["nodes"] if node["name"] == "node-3"),
                          key=lambda node: node["up"])
        assert (old["up"], new["up"]) == (False, True)
        assert old["id"] in state["catalog"]["member_ids"]
        assert new["id"] not in state["catalog"]["member_ids"]
        assert state["catalog"]["leader_id"] in state["catalog"]["member_ids"]
        rows = {row.split()[-1]: row.split()
                for row in braid("cluster", "status").stdout.decode().splitlines() if "az" in row}
        assert "member" in rows[old["id"]] and "member" not in rows[new["id"]]
        assert "leader" in rows[state["catalog"]["leader_id"]]

        # With one of the other two gone as well one of three members is left.
        leader = next(node for node in cluster.nodes
                      if node.name == state["catalog"]["leader"])
        cluster.kill(leader.number)
        left = cluster[3 - leader.number]
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
