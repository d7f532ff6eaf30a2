"""docs/runbooks/add-and-drain.md, played: a node comes, the one that it replaces goes."""

import http.server
import os
import re
import threading
import time

import pytest
from braid_cluster import Cluster, run_braid, wait_until
from braid_runbook import Runbook

SHARDS = 4
SPREAD_S = 5  # balancing looks every two seconds


def add(book, cluster, seeds):
    said = book.run("braid node add", node=1).stdout
    assert all(seed in said for seed in seeds), said
    assert "auth = loopback" in lines_of(said), said
    checked = book.run("braidd --check-config --config /etc/braid/braidd.conf", node=4)
    assert cluster[4].name in checked.stdout, checked
    book.run("systemctl enable --now braidd", node=4)
    book.run("until curl -sf http://127.0.0.1:4569/readyz; do sleep 1; done", node=4)
    wait_until(lambda: "node-4" in book.run("braid node list", node=4).stdout, 10, "it is listed")


def lines_of(said):
    """Those for the new node's configuration."""
    return [line.strip() for line in said.splitlines() if line.startswith("    ")]


def check_printed(book, cluster, lines, words, status):
    """What --check-config says of the lines, with the reader's words put in."""
    path = os.path.join(cluster.dir, "printed.conf")
    with open(path, "w", encoding="ascii") as file:
        for line in lines:
            for word, value in words.items():
                line = line.replace(word, value)
            file.write(line + "\n")
    return book.run("braidd --check-config --config /etc/braid/braidd.conf", status=status,
                    words={"/etc/braid/braidd.conf": path})


def ids_said(node):
    return set(re.findall(r"event=peer\.(?:up|lost|gone) node=(\S+)", node.log_text()))


def replicas_on(cluster, name):
    return sum(name in shard["replicas"] for shard in cluster.streams("s")["shards"])


def check_audited(cluster, number, act):
    lines = cluster[number].audited()[-2:]
    assert [(line["act"], line["state"], line["on"]) for line in lines] == [
        (act, "asked", cluster[number].name), (act, "done", cluster[number].name)], lines


def pause(book, cluster):
    book.run("braid cluster balancing pause", node=2)
    for number in (2, 3):
        assert "Balancing is paused since 20" in book.run("braid cluster status",
                                                          node=number).stdout
    assert cluster[2].metric("braid_balancing_paused") == 1
    check_audited(cluster, 2, "balancing.pause")


def resume(book, cluster):
    book.run("braid cluster balancing resume", node=3)
    assert "paused" not in book.run("braid cluster status", node=3).stdout
    check_audited(cluster, 3, "balancing.resume")


def test_what_is_paused_moves_when_balancing_goes_on_and_drains_do_not_wait_for_it():
    with Cluster(nodes=4, start=False) as cluster:
        book = Runbook("add-and-drain", cluster, {"NODE": "node-1"})
        seeds = cluster.start_three(SHARDS)
        pause(book, cluster)
        add(book, cluster, seeds)
        time.sleep(SPREAD_S)
        assert replicas_on(cluster, "node-4") == 0
        resume(book, cluster)
        wait_until(lambda: replicas_on(cluster, "node-4") > 0, 20, "a replica moves to it")
        pause(book, cluster)
        book.run("braid node drain NODE --wait", node=2)
        assert replicas_on(cluster, "node-4") == SHARDS
        # Only what nobody needs any more goes, but that goes by itself.
        wait_until(lambda: cluster[1].metric("braid_copies_left") == 0 and
                   cluster[1].metric("braid_copies_released_total") > 0, 30,
                   "node-1 has let go what it had")
        assert "event=group.released" in cluster[1].log_text()


def test_a_machine_is_replaced_by_another_one():
    with Cluster(nodes=4, start=False) as cluster:
        book = Runbook("add-and-drain", cluster, {"NODE": "node-1"})
        add(book, cluster, cluster.start_three(SHARDS))
        ids = {node["id"] for node in cluster.state()["nodes"]}
        for node in cluster.nodes:
            assert ids_said(node) and ids_said(node) <= ids, (ids, ids_said(node))

        book.run("braid node drain NODE --wait", node=2)
        book.run("braid node remove NODE --wait", node=2)
        assert cluster[1].await_end() == 3
        replicas = [set(shard["replicas"]) for shard in cluster.streams("s")["shards"]]
        assert replicas == [{"node-2", "node-3", "node-4"}] * SHARDS
        book.run("systemctl disable braidd", node=1)
        book.run("rm -rf /var/lib/braid", node=1)
        assert not os.path.exists(cluster[1].data)

        # The machine is a node again, in the same way.
        book.run("systemctl enable --now braidd", node=1)
        cluster.await_node(1)


def test_a_drain_without_another_node_says_what_is_stuck_and_is_taken_back():
    with Cluster(nodes=3) as cluster:
        cluster.create_stream("s", shards=SHARDS)
        book = Runbook("add-and-drain", cluster, {"NODE": "node-3"})
        said = book.run("braid node drain NODE --wait --timeout 10", status=6).stderr
        assert "no other node in az3 without a replica of it is up and has room" in said, said
        cluster.kill(1)
        said = book.run("braid node drain NODE --wait --timeout 10", node=2, status=6).stderr
        assert "1 of the other 2 members are up, and 2 must be" in said, said
        cluster.start(1)
        cluster.await_ready()
        book.run("braid node undrain NODE", node=2)
        wait_until(lambda: not any(node["draining"] for node in cluster.state()["nodes"]), 10,
                   "no node drains")


KEYS = {"AKIDBRAIDTEST": "a-secret-of-a-test"}
WHO_MAY = {
    "loopback": ({}, ["auth = loopback"]),
    "none": ({"auth": "none"}, ["auth = none"]),
    "sigv4": ({"sigv4-regions": "us-east-1", "peers-unproved": "yes"},
              ["auth = sigv4", "sigv4-regions = us-east-1", "peers-unproved = yes"]),
}


@pytest.mark.parametrize("auth", WHO_MAY)
def test_a_node_that_is_added_lets_in_whom_the_others_do(auth):
    options, wanted = WHO_MAY[auth]
    with Cluster(nodes=1, options=options, keys=KEYS if auth == "sigv4" else None) as cluster:
        book = Runbook("add-and-drain", cluster)
        lines = lines_of(book.run("braid node add").stdout)
        said = check_printed(book, cluster, lines, {}, 2).stderr
        assert "'ADDRESS' is not a numeric address" in said, said
        assert ("credentials: FILE: No such file or directory; name the file of access keys" in
                said) == (auth == "sigv4"), said
        words = {"NAME": "node-9", "ZONE": "az2", "ADDRESS": "127.0.0.1",
                 "FILE": cluster.credentials}
        counts = check_printed(book, cluster, lines, words, 0).stdout.splitlines()
        assert set(wanted) < set(counts), counts
        # No address but this machine's for those that trust all who are on it.
        words["ADDRESS"] = "192.0.2.7"
        refused = check_printed(book, cluster, lines, words, 2 if auth == "loopback" else 0)
        assert ("192.0.2.7 is not loopback" in refused.stderr) == (auth == "loopback")


class OlderNode(http.server.BaseHTTPRequestHandler):
    """Does not say who may connect to it."""

    def do_GET(self):
        body = b'{"node": "old", "founded": true, "nodes": []}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def test_who_may_connect_to_an_older_node_is_not_guessed():
    with http.server.HTTPServer(("127.0.0.1", 0), OlderNode) as older, \
            Cluster(nodes=1, start=False) as cluster:
        thread = threading.Thread(target=older.serve_forever)
        thread.start()
        ran = run_braid("node", "add", "--operations", f"http://127.0.0.1:{older.server_port}")
        older.shutdown()
        thread.join()
        lines = [line for line in lines_of(ran.stdout.decode()) if not line.startswith("seeds")]
        assert "auth = AS_ON_THE_OTHER_NODES" in lines, ran
        book = Runbook("add-and-drain", cluster)
        said = check_printed(book, cluster, lines, {"ADDRESS": "127.0.0.1"}, 2).stderr
        assert "auth: 'AS_ON_THE_OTHER_NODES' is none of loopback|none|sigv4" in said, said
