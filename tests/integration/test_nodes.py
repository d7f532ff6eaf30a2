"""Nodes come and go: drained, removed, given up when they stay away; nobody who writes notices."""

import json
import re
import shutil
import socket
import time
import urllib.error
import urllib.request

import pytest
from braid_cluster import Cluster, Node, free_ports, run_braid, wait_until
from braid_writer import Writer, check_writers

SHARDS = 4
MOVED_S = 60
IMAGE_S = 4  # within it what a node knows of the catalogue is on its disk
MOVED_BYTES = 12 << 20
MOVE_BYTES_PER_S = 2 << 20
PULL_BYTES_MAX = 4 << 20  # FILL_BYTES_MAX
BURST_S = 0.1  # ALLOWANCE_BURST_MS
PUT_RECORDS = 32
PUT_BYTES = 2 << 20
ATTEMPTS = 10  # of a call: a shard takes no puts while its members change


def braid(cluster, *arguments, number=1):
    return run_braid(*arguments, env={"BRAID_OPERATIONS": cluster[number].operations})


def node_of(cluster, number):
    """The node's row in /cluster, as the first node that answers sees it; None: it has none."""
    state = cluster.state()
    rows = [row for row in state["nodes"] if row["name"] == cluster[number].name]
    return rows[0] if rows else None


def members(cluster):
    return [set(shard["replicas"]) for shard in cluster.streams("s")["shards"]]


def writes(cluster, number):
    return Writer(cluster.client(number, attempts=ATTEMPTS))


def check(writer, cluster, number):
    check_writers(cluster.client(number, attempts=ATTEMPTS), [writer], SHARDS)


def check_audited(cluster, acts, number, asked=1):
    """What the audit log of the node that was asked has, of the node `number`, are `acts`."""
    lines = [line for line in cluster[asked].audited() if line["node"] == cluster[number].name]
    assert [(line["act"], line["state"]) for line in lines] == [
        (act, state) for act in acts for state in ("asked", "done")], lines
    for line in lines:
        assert line["by"] and line["on"] == cluster[asked].name and line["id"] == lines[0]["id"]


@pytest.fixture
def four():
    """Four nodes in three zones: node-1 and node-4 stand in one."""
    with Cluster(nodes=4, options={"replication": "3", "replace-after-s": "2",
                                   "balance-replicas": "no"}) as cluster:
        cluster.create_stream("s", shards=SHARDS)
        yield cluster


def test_a_drained_node_gives_its_shards_away_and_is_removed(four):
    before = members(four)
    assert any("node-4" in shard for shard in before), before
    with writes(four, 2) as writer:
        wait_until(lambda: len(writer.acknowledged) > 20, 30, "it writes")
        drained = braid(four, "node", "drain", "node-4", "--wait", "--timeout", "60",
                        "--output", "json")
        assert drained.returncode == 0, drained.stderr
        assert json.loads(drained.stdout) == {"node": "node-4", "status": "drained"}
        assert all(shard == {"node-1", "node-2", "node-3"} for shard in members(four))
        assert node_of(four, 4)["draining"]
        four.create_stream("new", shards=SHARDS)
        replicas = [shard["replicas"] for shard in four.streams("new")["shards"]]
        assert not any("node-4" in shard for shard in replicas), replicas

        removed = braid(four, "node", "remove", "node-4", "--wait")
        assert removed.returncode == 0, removed.stderr
        assert four[4].await_end() == 3  # its data directory is not to be used again
        assert "this node was removed from its cluster" in four[4].log_text()
        wait_until(lambda: node_of(four, 4) is None, 10, "its row goes on every node")
    check(writer, four, 1)

    check_audited(four, ["node.drain", "node.remove"], 4)
    again = braid(four, "node", "drain", "node-4")
    assert again.returncode == 4 and b"there is no node 'node-4'" in again.stderr, again.stderr


def fetched(cluster, number, move):
    """Bytes that the node has fetched by moves, or for what was lost, by its log."""
    found = re.findall(rf"event=group\.joined .* fetched_bytes=(\d+) move={move}\b",
                       cluster[number].log_text())
    return sum(int(count) for count in found)


def put_bytes(cluster, count):
    client = cluster.client(2, attempts=ATTEMPTS)
    for turn in range(count // PUT_BYTES):
        client.put_records(StreamName="s", Records=[
            {"PartitionKey": f"{turn} {at}", "Data": bytes(PUT_BYTES // PUT_RECORDS)}
            for at in range(PUT_RECORDS)])


def put_and_start_the_fourth(cluster):
    cluster.start_three(SHARDS)
    put_bytes(cluster, MOVED_BYTES)
    cluster.start(4)
    cluster.await_ready()
    wait_until(lambda: all(node["up"] for node in cluster.state(4)["nodes"]), 10,
               "node-4 sees the others")


def test_a_drain_is_held_to_its_limit_and_a_lost_disk_is_not():
    """Node 4 comes when all is there, so that it has to fetch all that node 1 has."""
    with Cluster(nodes=4, start=False, options={
            "limits": "unlimited", "balance-replicas": "no",
            "move-bytes-per-s": str(MOVE_BYTES_PER_S)}) as cluster:
        put_and_start_the_fourth(cluster)

        began = time.monotonic()
        drained = braid(cluster, "node", "drain", "node-1", "--wait", "--timeout", "120", number=2)
        took_s = time.monotonic() - began
        assert drained.returncode == 0, drained.stderr
        moved = fetched(cluster, 4, "yes")
        assert moved > MOVED_BYTES and fetched(cluster, 4, "no") == 0
        # Who asks gets all that it asks for, and the next one waits until that is paid.
        least_s = (moved - PULL_BYTES_MAX) / MOVE_BYTES_PER_S - BURST_S
        assert took_s > least_s > 2, (took_s, least_s)

        cluster.kill(2)
        shutil.rmtree(cluster[2].data)
        cluster.start(2)
        wait_until(lambda: fetched(cluster, 2, "no") > MOVED_BYTES, MOVED_S, "node-2 has all again")
        assert fetched(cluster, 2, "yes") == 0


def test_a_shard_on_its_way_to_a_node_that_is_down_is_named():
    """What went has no row any more; it is no more whole for that."""
    with Cluster(nodes=4, start=False, options={
            "limits": "unlimited", "balance-replicas": "no", "replace-after-s": "600",
            "move-bytes-per-s": str(256 << 10)}) as cluster:
        put_and_start_the_fourth(cluster)
        assert braid(cluster, "node", "drain", "node-1", number=2).returncode == 0

        def why():
            return {shard["why"] for shard in page(cluster, "node-1", 2)["shards"]}

        wait_until(lambda: "is on its way to node node-4, which is being filled" in why(), 30,
                   "the first shard is on its way")
        cluster.kill(4)
        down = "is on its way, and node node-4, one of its members, is down: start it"
        wait_until(lambda: down in why(), 30, "who gets it is down")
        assert not page(cluster, "node-1", 2)["drained"]
        told = braid(cluster, "node", "drain", "node-1", "--wait", "--timeout", "1", number=2)
        assert told.returncode == 6 and down.encode() in told.stderr, told.stderr


def page(cluster, name, number):
    url = f"{cluster[number].operations}/nodes?name={name}"
    with urllib.request.urlopen(url, timeout=5) as answer:
        return json.load(answer)


def test_a_member_of_the_catalogue_is_drained_and_removed(four):
    """Node 1 founded the cluster; node 4, of the same zone, takes its place there too."""
    with writes(four, 2) as writer:
        wait_until(lambda: len(writer.acknowledged) > 20, 30, "it writes")
        drained = braid(four, "node", "drain", "node-1", "--wait", "--timeout", "60", number=2)
        assert drained.returncode == 0, drained.stderr
        assert not node_of(four, 1)["in_catalog"]
        assert node_of(four, 4)["in_catalog"]
        removed = braid(four, "node", "remove", "node-1", "--wait", number=2)
        assert removed.returncode == 0, removed.stderr
        assert four[1].await_end() == 3
    check(writer, four, 2)

    # It counts: without another one it is half of the majority.
    four.create_stream("later", shards=1, number=2)
    four.kill(3)
    four.client(2, attempts=ATTEMPTS).delete_stream(StreamName="later")


def test_a_node_that_stays_away_is_given_up(four):
    with writes(four, 2) as writer:
        wait_until(lambda: len(writer.acknowledged) > 20, 30, "it writes")
        four.kill(4)
        wait_until(lambda: all(shard == {"node-1", "node-2", "node-3"}
                               for shard in members(four)), MOVED_S, "node-1 has its places")
        wait_until(lambda: fetched(four, 1, "no") > 0, MOVED_S, "node-1 fetches what it had")
        wait_until(lambda: four.state()["moving"] == 0, MOVED_S, "nothing moves any more")
        assert any("event=node.given_up name=node-4" in node.log_text() for node in four.nodes)
        assert fetched(four, 1, "yes") == 0  # that is no mere move
    check(writer, four, 1)

    # It comes back as a node with nothing on it, and can be removed or used.
    four.start(4)
    four.await_ready()
    wait_until(lambda: node_of(four, 4)["up"], 10, "it is up")
    assert (node_of(four, 4)["replicas"], node_of(four, 4)["dead"]) == (0, False)
    not_drained = braid(four, "node", "remove", "node-4")
    assert not_drained.returncode == 1 and b"is not drained" in not_drained.stderr

    # The copies that were made count: without another node they are half of the majority.
    four.kill(2)
    four.client(3, attempts=ATTEMPTS).put_record(StreamName="s", PartitionKey="k", Data=b"last")


def test_who_names_what_there_is_not_is_told_what(four):
    def said(*arguments, status=4):
        ran = braid(four, *arguments)
        assert ran.returncode == status, ran
        return ran.stderr.decode()

    for verb in ("drain", "undrain", "remove"):
        told = said("node", verb, "nobody")
        assert "there is no node 'nobody'" in told and "'braid node list'" in told, told
    told = said("shard", "rescue", "none", "0")
    assert "there is no stream 'none'" in told and "'braid stream list'" in told, told
    told = said("shard", "rescue", "s", "99")
    assert "stream s has no shard 99" in told and "'braid stream describe STREAM'" in told, told
    assert four[1].get("/shards/rescue")[0] == 404
    assert "which shard?" in four[1].get("/shards/rescue")[1]
    assert "which node?" in four[1].get("/nodes")[1]
    # A member of the catalogue that is well: what is to be done first is said.
    told = said("node", "remove", "node-3", status=1)
    assert "drain it first" in told and "'braid node drain node-3 --wait'" in told, told


def test_a_dead_node_without_replicas_is_removed_and_others_are_refused(four):
    four.kill(4)
    wait_until(lambda: node_of(four, 4)["dead"] and node_of(four, 4)["replicas"] == 0, MOVED_S,
               "node-4 is given up")
    removed = braid(four, "node", "remove", "node-4", "--wait")
    assert removed.returncode == 0, removed.stderr
    assert node_of(four, 4) is None

    # Nobody of its zone can take its replicas, nor its place in the catalogue.
    drain = braid(four, "node", "drain", "node-3", "--wait", "--timeout", "1")
    assert drain.returncode == 6, drain.stderr
    assert b"no other node in az3 without a replica of it is up and has room" in drain.stderr
    added = braid(four, "node", "add").stdout.decode()  # who is to leave is no seed for others
    seeds = json.loads(braid(four, "node", "add", "--output", "json").stdout)["seeds"]
    assert seeds and all(seed in added for seed in seeds), added
    shown = [word.strip(",") for word in added.split()]
    assert f"127.0.0.1:{four[3].peer_port}" not in [*seeds, *shown], added
    remove = braid(four, "node", "remove", "node-3")
    assert remove.returncode == 1 and b"catalogue's own group" in remove.stderr, remove.stderr
    assert braid(four, "node", "undrain", "node-3").returncode == 0
    assert not node_of(four, 3)["draining"]
    check_audited(four, ["node.drain", "node.remove"], 4)
    check_audited(four, ["node.drain", "node.undrain"], 3)  # what was refused is not in it


def test_a_node_that_was_removed_while_it_was_down_is_refused_and_nobody_asks_for_it():
    with Cluster(nodes=4, start=False, options={"replication": "3"}) as cluster:
        seeds = [f"127.0.0.1:{cluster[number].peer_port}" for number in (1, 2, 3)]
        for node in cluster.nodes:
            node.write_config(seeds, cluster.options)  # a seed would be asked for ever
        cluster.start_all()
        cluster.create_stream("s", shards=SHARDS)
        removed_while_down(cluster)


def removed_while_down(four):
    wait_until(lambda: node_of(four, 4)["replicas"] > 0, 30, "node-4 has replicas")
    time.sleep(IMAGE_S)  # it knows of its own row after a kill, too
    four.kill(4)
    drained = braid(four, "node", "drain", "node-4", "--wait", "--timeout", "60")
    assert drained.returncode == 0, drained.stderr
    removed = braid(four, "node", "remove", "node-4", "--wait")
    assert removed.returncode == 0, removed.stderr

    with socket.socket() as listener:  # where it was
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", four[4].peer_port))
        time.sleep(1)  # an attempt that was under way; a pause is 500 ms at most
        listener.listen()
        listener.settimeout(2)
        with pytest.raises(TimeoutError):
            listener.accept()

    four.start(4)
    assert four[4].await_end() == 3
    assert "this node was removed from its cluster" in four[4].log_text()
    four.start(4)
    assert four[4].await_end() == 3
    assert node_of(four, 4) is None

    shutil.rmtree(four[4].data)
    four.start(4)
    four.await_ready()
    wait_until(lambda: node_of(four, 4), 10, "with an empty directory it is a node again")


@pytest.mark.parametrize("runs", [True, False])
def test_a_process_that_lost_its_name_ends_and_does_not_take_it_back(four, runs):
    """Two processes of one name: the later one has it, with all places."""
    old = four[4]
    later = Node(5, four.dir, free_ports(3))
    later.name, later.az = old.name, old.az
    later.write_config([f"127.0.0.1:{node.peer_port}" for node in four.nodes[:3]], four.options)
    time.sleep(IMAGE_S)
    if not runs:
        four.kill(4)
    try:
        later.start()
        wait_until(later.ready, 60, "the later one is ready")
        if not runs:
            wait_until(lambda: [node["replaced"] for node in four.state(1)["nodes"]
                                if node["name"] == "node-4"] == [False], 60, "one row is left")
            four.start(4)
        assert old.await_end() == 3
        assert "has taken" in old.log_text()
        four.start(4)
        assert old.await_end() == 3
        rows = [node for node in four.state(1)["nodes"] if node["name"] == "node-4"]
        assert [(row["up"], row["replaced"]) for row in rows] == [(True, False)]
        assert later.stop() == 0
    finally:
        if later.running():
            later.kill()


def test_the_shards_of_a_node_are_told_page_by_page(four):
    four.create_stream("many", shards=450)
    seen, after, pages = [], 0, 0
    while pages == 0 or after != 0:
        status, text = four[2].get(f"/nodes?name=node-2&after={after}")
        assert status == 200, text
        page = json.loads(text)
        groups = [shard["group"] for shard in page["shards"]]
        assert groups == sorted(groups) and len(groups) <= 200
        assert page["shards_left_out"] == page["replicas"] - len(seen) - len(groups)
        seen += groups
        after, pages = page["shards_next"], pages + 1
    assert pages == 3 and len(seen) == len(set(seen)) == page["replicas"] == 450 + SHARDS
    assert four[2].get("/nodes?name=node-2&after=x")[0] == 200
    assert four[2].get("/nodes?after=3")[0] == 404


def test_a_node_that_is_asked_to_remove_itself_says_what_is_known(four):
    drained = braid(four, "node", "drain", "node-4", "--wait", number=4)
    assert drained.returncode == 0, drained.stderr
    removed = braid(four, "node", "remove", "node-4", "--wait", number=4)
    assert removed.returncode in (0, 6), removed.stderr
    assert removed.returncode == 0 or b"at another node" in removed.stderr, removed.stderr
    assert four[4].await_end() == 3
    assert node_of(four, 4) is None


def test_three_nodes_wait_for_the_one_that_is_away_and_say_so():
    with Cluster(nodes=3, options={"replace-after-s": "1"}) as cluster:
        cluster.create_stream("s", shards=1)
        cluster.kill(3)
        wait_until(lambda: node_of(cluster, 3)["dead"], 30, "node-3 is down for too long")
        status = braid(cluster, "cluster", "status").stdout.decode()
        assert "node-3 is dead and has 1 replica still:" in status, status
        assert "no other node in az3" in status and "waits for it: start node-3 again" in status, status
        assert cluster.streams("s")["shards"][0]["epoch"] == 1
        cluster.start(3)
        cluster.await_ready()
        wait_until(lambda: node_of(cluster, 3)["up"], 10, "node-3 is up")
        status = braid(cluster, "cluster", "status").stdout.decode()
        assert "wait" not in status and "dead" not in status, status


def test_a_node_that_is_added_gets_replicas_of_its_zone():
    with Cluster(nodes=4, start=False) as cluster:
        seeds = cluster.start_three(SHARDS)
        added = braid(cluster, "node", "add", "--output", "json")
        assert sorted(json.loads(added.stdout)["seeds"]) == sorted(seeds)

        cluster.start(4)  # with those seeds
        cluster.await_ready()
        with writes(cluster, 2) as writer:
            wait_until(lambda: node_of(cluster, 4)["replicas"] == SHARDS // 2, MOVED_S,
                       "node-4 has half of what node-1 had")
            wait_until(lambda: cluster.state()["moving"] == 0, MOVED_S, "nothing moves any more")
        check(writer, cluster, 4)
        assert node_of(cluster, 1)["replicas"] == SHARDS // 2
        listed = braid(cluster, "node", "list").stdout.decode()
        assert "node-4" in listed and "az1" in listed, listed


def test_changes_are_taken_from_json_only_and_from_known_paths(four):
    def post(path, content_type):
        request = urllib.request.Request(four[1].operations + path, data=b"{}",
                                         headers={"Content-Type": content_type})
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.status
        except urllib.error.HTTPError as fault:
            return fault.code

    assert post("/nodes/drain?name=node-4", "text/plain") == 415
    assert post("/nodes/explode?name=node-4", "application/json") == 405
    assert post("/nodes/drain?name=node%2d4", "application/json") == 200
    assert node_of(four, 4)["draining"]
    assert post("/nodes/undrain?name=node-4&by=%ff", "application/json") == 400
    assert post("/nodes/undrain?name=node-4&by=J%c3%bcrgen", "application/json") == 200
    assert [line["by"] for line in four[1].audited()] == [None, None, "J\u00fcrgen", "J\u00fcrgen"]
    for name in ("", "?name=", "?name=%", "?name=%4", "?name=%00", "?name=" + "n" * 300):
        assert post("/nodes/drain" + name, "application/json") == 404, name
