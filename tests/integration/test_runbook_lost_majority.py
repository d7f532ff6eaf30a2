"""docs/runbooks/lost-majority.md, played: two of a shard's three nodes are lost, and it goes on; so
does the catalogue."""

import json
import os
import re
import shutil
import signal

import pytest
from braid_cluster import Cluster, wait_until
from braid_runbook import Runbook

SHARDS = 6
GAP = 1 << 32  # entries
ORDINAL_BITS = 9


def place(number):
    """What a sequence number has between creation time and put time: the record's place."""
    return (int(number) >> 80) & ((1 << 64) - 1)


@pytest.fixture
def four():
    """Three keep the catalogue; a shard lies on one of node-1 and node-4, and on the other two."""
    with Cluster(nodes=4, options={"replication": "3", "replace-after-s": "600"}) as cluster:
        cluster.create_stream("s", shards=SHARDS)
        yield cluster


def state(book, node):
    return book.run(
        "curl -s 'http://127.0.0.1:4569/streams?name=STREAM' | tr '{' '\\n'",
        node=node).stdout


def shards_on(cluster, names):
    return [shard["number"] for shard in cluster.streams("s")["shards"]
            if set(names) <= set(shard["replicas"])]


def replicas(cluster, number):
    shards = cluster.streams("s")["shards"]
    return next(shard["replicas"] for shard in shards if shard["number"] == number)


def keys_of(client):
    """An explicit hash key in each shard, by its number."""
    shards = client.list_shards(StreamName="s")["Shards"]
    return {int(shard["ShardId"][-12:]): shard["HashKeyRange"]["StartingHashKey"]
            for shard in shards}


def put(client, key, text):
    return client.put_record(StreamName="s", PartitionKey="k", ExplicitHashKey=key,
                             Data=text)["SequenceNumber"]


def read(client, number, **start):
    iterator = client.get_shard_iterator(
        StreamName="s", ShardId=f"shardId-{number:012}",
        **(start or {"ShardIteratorType": "TRIM_HORIZON"}))["ShardIterator"]
    found = []

    def at_end():
        nonlocal iterator
        answer = client.get_records(ShardIterator=iterator, Limit=1000)
        found.extend((record["Data"], record["SequenceNumber"]) for record in answer["Records"])
        iterator = answer["NextShardIterator"]
        return not answer["Records"] and answer["MillisBehindLatest"] == 0

    wait_until(at_end, 60, f"the end of shard {number}")
    return found


class Loss:
    """Who is lost, who survives: chosen so that the catalogue keeps its majority."""

    def __init__(self, cluster):
        names = cluster.state()["catalog"]["members"]
        out = next(node.number for node in cluster.nodes if node.name not in names)
        also, self.survivor = {1: (3, 2), 4: (3, 2), 2: (1, 3), 3: (1, 2)}[out]
        self.nodes = [out, also]
        self.other = next(number for number in (1, 2, 3, 4)
                          if number not in (*self.nodes, self.survivor))
        self.names = [cluster[number].name for number in self.nodes]
        self.shards, self.keys, self.newest = [], {}, {}


def confirm(book, node, words, status):
    book.run("braid shard rescue STREAM SHARD --yes STREAM/SHARD", node=node, status=status,
             words=words)


def rescue(book, loss):
    """Looks at each lost shard, tries what must be refused, and lets it go on."""
    node = loss.other
    wait_until(lambda: state(book, node).count('"leader":null') >= len(loss.shards), 30,
               "the lost shards have no leader")
    for number in loss.shards:
        words = {"SHARD": number, "STREAM/SHARD": f"s/{number}"}
        shown = book.run("braid shard rescue STREAM SHARD < /dev/null", node=node, status=2,
                         words=words).stderr
        survives = [line for line in shown.splitlines() if "THE SURVIVOR" in line]
        assert len(survives) == 1 and f"node-{loss.survivor} " in survives[0], shown
        assert "LOST FOR GOOD" in shown and all(name in shown for name in loss.names), shown
        confirm(book, node, {**words, "STREAM/SHARD": "s/99"}, status=2)
        confirm(book, node, words, status=0)


def audited(cluster, book, loss):
    tail = book.run("tail -n 2 /var/lib/braid/audit.log", node=loss.other).stdout.splitlines()
    assert [json.loads(line)["state"] for line in tail] == ["asked", "done"], tail
    done = [line for line in cluster[loss.other].audited() if line["state"] == "done"]
    assert [line["shard"] for line in done] == loss.shards
    for line in done:
        assert line["act"] == "shard.rescue" and line["stream"] == "s" and line["by"], line
        assert [node["name"] for node in line["nodes"]
                if node["survivor"]] == [f"node-{loss.survivor}"], line
        assert set(loss.names) <= {node["name"] for node in line["nodes"]}, line


def lose(cluster):
    """Records in all shards, then two nodes are gone."""
    loss = Loss(cluster)
    client = cluster.client(loss.other, attempts=10)
    loss.keys = keys_of(client)
    for number, key in loss.keys.items():
        for i in range(20):
            loss.newest[number] = put(client, key, f"{number}-{i}".encode())
    loss.shards = shards_on(cluster, loss.names)
    assert loss.shards and len(loss.shards) < SHARDS, loss.shards
    for number in loss.nodes:
        cluster.kill(number)
    return loss


def has_come_in(cluster, loss, number):
    """Until then the survivor is needed for a majority, and a look does not call the shard well."""
    page = json.loads(cluster[loss.other].get(f"/shards/rescue?stream=s&shard={number}")[1])
    members = [node for node in page["nodes"] if node["member"]]
    return len(members) == 2 and all(
        node["has"] == "copy" and node["whole"] and node["epoch"] == page["epoch"]
        for node in members)


def goes_on(cluster, book, loss):
    """All that the survivor had is there, and new numbers come behind the gap.  No shard needs a
    rescue any more when its other replica has come in."""
    client = cluster.client(loss.other, attempts=10)
    for number in loss.shards:
        last = loss.newest[number]
        newer = put(client, loss.keys[number], b"new")
        assert int(newer) > int(last)
        jump = (place(newer) >> ORDINAL_BITS) - (place(last) >> ORDINAL_BITS)
        assert GAP < jump < GAP + 1000, jump
        found = read(client, number)
        assert [data for data, _ in found] == [f"{number}-{i}".encode() for i in range(20)] + \
            [b"new"], found
        behind = read(client, number, ShardIteratorType="AFTER_SEQUENCE_NUMBER",
                      StartingSequenceNumber=last)
        assert behind == [(b"new", newer)], behind
        wait_until(lambda at=number: has_come_in(cluster, loss, at), 30, "the other one is filled")
        confirm(book, loss.other, {"SHARD": number, "STREAM/SHARD": f"s/{number}"}, status=1)


def test_two_disks_are_lost_and_the_shards_go_on(four):
    book = Runbook("lost-majority", four, {"STREAM": "s"})
    healthy = book.run("braid shard rescue STREAM SHARD < /dev/null", status=1,
                       words={"SHARD": 0})
    assert "needs no rescue" in healthy.stderr, healthy.stderr
    loss = lose(four)
    assert " down " in book.run("braid cluster status", node=loss.other).stdout
    rescue(book, loss)
    goes_on(four, book, loss)
    audited(four, book, loss)

    for number in loss.nodes:  # with nothing
        shutil.rmtree(four[number].data)
        os.makedirs(four[number].data)
        four.start(number)
    wait_until(lambda: all(len(replicas(four, number)) == 3 for number in loss.shards), 60,
               "each shard has three replicas again")
    four.await_ready()
    wait_until(lambda: '"leader":null' not in state(book, loss.other), 30, "all are led")
    client = four.client(loss.other, attempts=10)
    four.kill(loss.survivor)  # it counts no more than others
    for number in loss.shards:
        put(client, loss.keys[number], b"newer")
        assert [data for data, _ in read(client, number)][-2:] == [b"new", b"newer"]


def test_a_lost_node_comes_back_with_its_data_and_is_kept_out(four):
    book = Runbook("lost-majority", four, {"STREAM": "s"})
    loss = lose(four)
    rescue(book, loss)
    goes_on(four, book, loss)
    for number in loss.nodes:
        four.start(number)
    for node in (four[number] for number in loss.nodes):
        wait_until(lambda node=node: node.log_text().count("event=group.rescued_aside") >=
                   len(loss.shards), 60, "its copies are put aside")
    four.await_ready()
    for number in loss.shards:
        assert not set(loss.names) & set(replicas(four, number))
    client = four.client(loss.nodes[0], attempts=10)  # it knows where the shards are
    for number, key in loss.keys.items():
        put(client, key, b"last")
        assert read(client, number)[-1][0] == b"last"
    for number in loss.shards:
        assert len(read(client, number)) == 22


@pytest.fixture
def three():
    with Cluster(nodes=3, options={"replace-after-s": "600"}) as cluster:
        cluster.create_stream("s", shards=SHARDS)
        yield cluster


def empty(cluster, number):
    shutil.rmtree(cluster[number].data)
    os.makedirs(cluster[number].data)
    cluster.start(number)


def catalogue(cluster, number):
    return (cluster.state(number) or {"catalog": {"leader": "?"}})["catalog"]


def nodes_known(cluster, number):
    return len((cluster.state(number) or {"nodes": []})["nodes"])


def lose_all_but(cluster, survivor):
    client = cluster.client(survivor, attempts=10)
    keys = keys_of(client)
    newest = {}
    for number, key in keys.items():
        for i in range(20):
            newest[number] = put(client, key, f"{number}-{i}".encode())
    wait_until(lambda: cluster[survivor].metric("braid_catalog_index") ==
               max(node.metric("braid_catalog_index") for node in cluster.nodes), 10, "it has all")
    for number in (1, 2, 3):
        if number != survivor:
            cluster.kill(number)
    wait_until(lambda: catalogue(cluster, survivor)["leader"] is None, 30, "nobody leads")
    return client, keys, newest


def rescue_catalogue(cluster, book, survivor):
    """Looks, tries what must be refused, and lets it go on; done twice it is refused."""
    name = cluster[survivor].name
    shown = book.run("braid cluster rescue < /dev/null", node=survivor, status=2).stderr
    assert [line for line in shown.splitlines() if "THE SURVIVOR" in line][0].startswith(
        f"  {name} "), shown
    streams = cluster.state(survivor)["streams"]
    assert f" with {streams} stream{'s' * (streams != 1)}. LOST FOR GOOD" in shown, shown
    book.run("braid cluster rescue --yes NODE", node=survivor, status=2, words={"NODE": "else"})
    book.run("braid cluster rescue --yes NODE", node=survivor, words={"NODE": name})
    wait_until(lambda: catalogue(cluster, survivor)["leader"] == name, 20, "the catalogue is led")
    again = book.run("braid cluster rescue --yes NODE", node=survivor, status=1,
                     words={"NODE": name}).stderr
    assert "needs no rescue" in again, again
    tail = book.run("tail -n 2 /var/lib/braid/audit.log", node=survivor).stdout.splitlines()
    lines = [json.loads(line) for line in tail]
    assert [(line["act"], line["state"]) for line in lines] == [
        ("cluster.rescue", "asked"), ("cluster.rescue", "done")], tail
    assert [node["name"] for node in lines[1]["nodes"] if node["survivor"]] == [name], tail
    assert cluster[survivor].metric("braid_catalog_rescues") == 1


def rescue_shards(cluster, book, survivor):
    for number in range(SHARDS):
        words = {"SHARD": number, "STREAM/SHARD": f"s/{number}"}
        book.run("braid shard rescue STREAM SHARD < /dev/null", node=survivor, status=2,
                 words=words)
        for _ in range(5):  # nodes come, and places are kept for them: it is not as it was seen
            ran = book.run("braid shard rescue STREAM SHARD --yes STREAM/SHARD", node=survivor,
                           status=None, words=words)
            if "look again" not in ran.stderr:
                break
        assert ran.returncode == 0, ran.stderr


def whole(cluster, number):
    state = cluster.state(number)
    return state is not None and len(state["catalog"]["members"]) == 3 and len(state["nodes"]) == 3 and all(
        node["up"] and not node["replaced"] for node in state["nodes"])


def ids_shown(book, name):
    """The nodes of that name which a look at the catalogue lists."""
    shown = book.run("braid cluster rescue < /dev/null", node=2, status=None).stderr
    return re.findall(rf"^  {name} \((\w+)\): ", shown, re.M)


def test_two_disks_of_three_are_lost_and_the_whole_cluster_goes_on(three):
    book = Runbook("lost-majority", three, {"STREAM": "s"})
    healthy = book.run("braid cluster rescue < /dev/null", status=1)
    assert "needs no rescue" in healthy.stderr, healthy.stderr
    client, keys, newest = lose_all_but(three, 2)
    assert "lost-majority" in book.run("braid cluster status", node=2).stdout
    for number in (1, 3):  # with nothing: they are no members, and have nothing to say
        empty(three, number)
    wait_until(lambda: nodes_known(three, 1) == 3, 30, "a new node has the old model")
    seen = three.state(2)["nodes"]
    old = {node["name"]: node["id"] for node in seen}
    assert len(seen) == 3 and [node["name"] for node in seen if node["up"]] == ["node-2"], seen
    for name in ("node-1", "node-3"):
        wait_until(lambda name=name: old[name] in ids_shown(book, name) and
                   len(ids_shown(book, name)) == 2, 30, f"the old and the new {name}")
    wait_until(lambda: any("node-2 " in line and "THE SURVIVOR" in line for line in book.run(
        "braid cluster rescue < /dev/null", node=1, status=None).stderr.splitlines()), 30,
               "asked elsewhere it names the same node")  # \"look again\" at first, if it is busy
    rescue_catalogue(three, book, 2)
    rescue_shards(three, book, 2)
    wait_until(lambda: all(len(replicas(three, number)) == 3 for number in range(SHARDS)), 90,
               "each shard has three replicas again")
    wait_until(lambda: whole(three, 2), 60, "the catalogue has three members, no other node")
    three.await_ready()
    for number, key in keys.items():
        newer = put(client, key, b"new")
        assert int(newer) > int(newest[number])
        assert [data for data, _ in read(client, number)] == [
            f"{number}-{i}".encode() for i in range(20)] + [b"new"]
    three.create_stream("t", shards=2, number=3)
    groups = [shard["group"] for shard in three.streams("t")["shards"]]
    assert all(group >= GAP for group in groups), groups
    three.kill(2)  # it counts no more than others
    client = three.client(1, attempts=10)
    wait_until(lambda: catalogue(three, 1)["leader"] in ("node-1", "node-3"), 30, "it is led")
    client.delete_stream(StreamName="t")
    for number, key in keys.items():
        put(client, key, b"newer")
        assert [data for data, _ in read(client, number)][-2:] == [b"new", b"newer"]


def test_what_old_members_alone_knew_is_put_aside_and_said(three):
    """A stream that the survivor never heard of; the two come back with all that they had."""
    book = Runbook("lost-majority", three, {"STREAM": "s"})
    client = three.client(1, attempts=10)
    three[2].process.send_signal(signal.SIGSTOP)  # it counts as up for a moment, and hears nothing
    client.create_stream(StreamName="unheard", ShardCount=2)
    wait_until(lambda: client.describe_stream_summary(StreamName="unheard")[
        "StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE", 30, "it is there")
    client.put_record(StreamName="unheard", PartitionKey="k", Data=b"x")
    for number in (2, 1, 3):
        three.kill(number)
    three.start(2)
    wait_until(lambda: three.state(2) is not None, 30, "node 2 is there, with its log alone")
    rescue_catalogue(three, book, 2)
    rescue_shards(three, book, 2)
    three.start(1)
    wait_until(lambda: "event=catalog.rescued_aside" in three[1].log_text(), 60, "it says so")
    line = next(line for line in three[1].log_text().splitlines() if "catalog.rescued_aside" in line)
    assert "unheard" in line and "streams_lost=1" in line, line
    wait_until(lambda: three[1].log_text().count("event=group.put_aside") == 2, 30, "its groups")
    three.start(3)
    wait_until(lambda: "event=catalog.rescued_aside" in three[3].log_text(), 60, "likewise")
    wait_until(lambda: whole(three, 2), 60, "all are members again")
    three.create_stream("unheard", shards=2, number=3)
    client = three.client(3, attempts=10)
    assert client.get_records(ShardIterator=client.get_shard_iterator(
        StreamName="unheard", ShardId="shardId-000000000000",
        ShardIteratorType="TRIM_HORIZON")["ShardIterator"])["Records"] == []


def test_a_rescued_survivor_is_killed_and_goes_on_where_it_was(three):
    book = Runbook("lost-majority", three, {"STREAM": "s"})
    lose_all_but(three, 2)
    rescue_catalogue(three, book, 2)
    three.kill(2)
    three.start(2)
    wait_until(lambda: catalogue(three, 2)["leader"] == "node-2", 30, "a start goes on from there")
    assert three[2].metric("braid_catalog_rescues") == 1
