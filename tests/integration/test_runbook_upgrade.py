"""docs/runbooks/upgrade.md, played: nodes get the newer build one after the other, one goes back."""

import pathlib
import re

from braid_cluster import Cluster, wait_until
from braid_runbook import Runbook

OLDER = {"cluster-version-max": "1"}
HEADER = pathlib.Path(__file__).parents[2] / "daemon/catalog/version.h"
KNOWN = int(re.search(r"#define VERSION_KNOWN (\d+)u", HEADER.read_text("utf-8")).group(1))


def install(cluster, number, older):
    """The build whose process starts next on the machine."""
    seeds = [f"127.0.0.1:{node.peer_port}" for node in cluster.nodes[:3]]
    cluster[number].write_config(seeds, {**cluster.options, **(OLDER if older else {})})


def versions(cluster):
    return [cluster.state(node.number)["cluster_version"] for node in cluster.nodes]


def await_ready(book, number):
    book.run("until curl -sf http://127.0.0.1:4569/readyz; do sleep 1; done", node=number)


def upgrade_node(book, cluster, number):
    install(cluster, number, older=False)
    book.run("systemctl restart braidd", node=number)
    await_ready(book, number)


def refused(book, who):
    def look():
        said = book.run("braid cluster upgrade", node=1, status=6).stderr
        return all(name in said for name in who)

    wait_until(look, 20, f"it names {who}")


def test_an_upgrade_node_by_node_and_a_way_back_before_it():
    with Cluster(3, start=False) as cluster:
        book = Runbook("upgrade", cluster)
        for number in (1, 2, 3):
            install(cluster, number, older=True)
        cluster.start_all()
        cluster.create_stream("s", shards=2)
        assert versions(cluster) == [1, 1, 1]
        assert "cluster version 1" in book.run("braid cluster status").stdout
        book.run("braid cluster upgrade")  # nobody knows more: nothing happens
        assert versions(cluster) == [1, 1, 1]

        upgrade_node(book, cluster, 1)
        refused(book, ["node-2 knows 1", "node-3 knows 1"])
        install(cluster, 1, older=True)  # the way back
        book.run("systemctl restart braidd", node=1)
        await_ready(book, 1)
        cluster.create_stream("between")

        for number in (1, 2, 3):
            upgrade_node(book, cluster, number)
        cluster.kill(3)
        wait_until(lambda: "node-3 is down" in
                   book.run("braid cluster upgrade", node=1, status=6).stderr, 20, "it is down")
        book.run("systemctl start braidd", node=3)
        await_ready(book, 3)
        wait_until(lambda: f"All nodes know version {KNOWN}" in
                   book.run("braid cluster status").stdout, 20, "all have said so")
        assert f"version {KNOWN}" in book.run("braid cluster upgrade").stdout
        wait_until(lambda: versions(cluster) == [KNOWN] * 3, 20, "all have it")
        assert [(line["act"], line["state"], line["version"]) for line in cluster[1].audited()] == [
            ("cluster.upgrade", state, KNOWN) for state in ("asked", "done")]
        book.run("braid cluster upgrade", node=2)
        assert all(node["knows"] == KNOWN for node in cluster.state(1)["nodes"])

        go_back_too_late(book, cluster)


def go_back_too_late(book, cluster):
    cluster.stop(2)
    install(cluster, 2, older=True)
    for _ in range(2):
        cluster.start(2)
        assert cluster[2].await_end() == 3
    said = cluster[2].log_text()
    assert "this braidd knows versions up to 1" in said or "does not know" in said, said[-2000:]
    install(cluster, 2, older=False)
    book.run("systemctl start braidd", node=2)
    await_ready(book, 2)


def test_an_older_node_does_not_come_in():
    with Cluster(4, start=False) as cluster:
        for number in (1, 2, 3, 4):
            install(cluster, number, older=number == 4)
        for number in (1, 2, 3):
            cluster.start(number)
        cluster.await_ready()
        cluster.start(4)
        assert cluster[4].await_end() == 3
        assert (f"the cluster is at version {KNOWN}, and this braidd knows versions up to 1" in
                cluster[4].log_text())
        assert [node["name"] for node in cluster.state(1)["nodes"]] == ["node-1", "node-2",
                                                                       "node-3"]
