"""Leaders go back to a node that was away, and to one that is new; no writer has to notice."""

import collections
import re

import pytest
from braid_cluster import Cluster, run_braid, wait_until
from braid_writer import Writer, check_writers

SHARDS = 9
BACK_S = 60
CALM_S = 12  # longer than a node has to be up before it is handed anything
ATTEMPTS = 3  # of a call, as boto3 makes them by itself in its standard mode


@pytest.fixture
def cluster():
    with Cluster(nodes=3) as cluster:
        yield cluster


def leading(cluster):
    """How many shards each node leads, by name: {"node-1": 3, ...}."""
    return collections.Counter(shard["leader"] for shard in cluster.streams("s")["shards"])


def is_even(cluster):
    return leading(cluster) == {node.name: SHARDS // 3 for node in cluster.nodes}


def said_moved(text):
    return sum(int(count) for count in re.findall(r"event=leaders.moved count=(\d+)", text))


def moved_by(cluster):
    """Shards that the first two nodes have handed over."""
    return sum(cluster[number].metric("braid_leaders_moved_total") for number in (1, 2))


def lose_and_start(cluster, number):
    """kill -9; when the others lead all of its shards, it is started again."""
    cluster.kill(number)
    others = {node.name for node in cluster.nodes if node.number != number}
    wait_until(lambda: set(leading(cluster)) == others, 60, "the others lead all shards")
    cluster.start(number)


def balancing(cluster, act):
    ran = run_braid("cluster", "balancing", act, env={"BRAID_OPERATIONS": cluster[1].operations})
    assert ran.returncode == 0, ran.stderr


def test_leaders_go_back_to_a_node_that_was_away_while_writers_write(cluster):
    cluster.create_stream("s", shards=SHARDS)
    wait_until(lambda: is_even(cluster), 60, "a new stream is led evenly")
    balancing(cluster, "pause")
    lose_and_start(cluster, 3)
    cluster.await_ready()
    with pytest.raises(AssertionError, match="not within"):
        wait_until(lambda: "node-3" in leading(cluster), CALM_S, "node-3 leads a shard")
    with (Writer(cluster.client(1, attempts=ATTEMPTS), "w1") as one,
          Writer(cluster.client(2, attempts=ATTEMPTS), "w2") as two):
        wait_until(lambda: min(len(w.acknowledged) for w in (one, two)) > SHARDS, 30,
                   "writers write")
        balancing(cluster, "resume")
        wait_until(lambda: is_even(cluster), BACK_S, "led evenly again")
    # The new leader says so at once, the former one counts it when it hears from that.
    wait_until(lambda: moved_by(cluster) >= SHARDS // 3, 10, "moves are counted")
    moved = moved_by(cluster)
    print(f"{len(one.acknowledged)} and {len(two.acknowledged)} records, {one.retries} and "
          f"{two.retries} attempts more than that, {moved} shards moved")
    # Each of them says so when it looks again.
    wait_until(lambda: sum(said_moved(cluster[number].log_text()) for number in (1, 2)) == moved,
               10, f"{moved} moves are said")
    check_writers(cluster.client(3, attempts=ATTEMPTS), [one, two], SHARDS)


def test_a_node_that_is_added_comes_to_lead_while_writers_write():
    with Cluster(nodes=4, start=False) as cluster:
        cluster.start_three(SHARDS)
        balancing(cluster, "pause")
        cluster.start(4)  # in the zone of node-1: half of what that has comes to it
        cluster.await_ready()
        with Writer(cluster.client(2, attempts=ATTEMPTS)) as writer:
            wait_until(lambda: len(writer.acknowledged) > SHARDS, 30, "it writes")
            assert "node-4" not in leading(cluster)
            balancing(cluster, "resume")
            wait_until(lambda: leading(cluster)["node-4"] >= 2, 2 * BACK_S,
                       "node-4 leads two shards")
            wait_until(lambda: max(leading(cluster).values()) <= SHARDS // 3, BACK_S,
                       "no node leads more than before")
        assert any("event=leaders.spread" in node.log_text() for node in cluster.nodes)
        check_writers(cluster.client(4, attempts=ATTEMPTS), [writer], SHARDS)


def test_a_node_that_is_told_not_to_hands_nothing_back():
    with Cluster(nodes=3, options={"balance-leaders": "no"}) as cluster:
        cluster.create_stream("s", shards=SHARDS)
        lose_and_start(cluster, 3)
        cluster.await_ready()
        # Longer than a node has to be up before it is handed anything.
        with pytest.raises(AssertionError, match="not within"):
            wait_until(lambda: "node-3" in leading(cluster), 15, "node-3 leads a shard")
