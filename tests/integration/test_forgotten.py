"""A node whose log ends before what its peers heard comes back under a new id, by itself."""

import glob
import os
import shutil
import time

import pytest
from braid_cluster import Cluster, run_braid, wait_until
from braid_forgotten import HEARD_S, lose_the_end, newest_frame
from braid_records import read_stream

BAD_DATA, FORGOT = 3, 4  # exit statuses
RENEWALS_MAX = 3  # libshard/base/limits.h
WHOLE_S = 60
SEEDS_S = 2  # all have greeted all, and asked again


@pytest.fixture
def cluster():
    with Cluster(nodes=3) as cluster:
        cluster.create_stream("s", shards=2)
        put(cluster, 1, range(20))
        yield cluster


def put(cluster, number, values):
    for value in values:
        cluster.client(number, attempts=5).put_record(StreamName="s", PartitionKey=f"k{value}",
                                                      Data=b"%d" % value)


def ends_by_itself(cluster, number, expected):
    """Starts the node; what it says last."""
    cluster[number].start()
    status = cluster[number].await_end(20)
    text = cluster[number].log_text()
    assert status == expected, (status, text)
    return text.strip().splitlines()[-1]


def forgets(cluster, number):
    said = ends_by_itself(cluster, number, FORGOT)
    assert "started again it comes back by itself, under a new id" in said


def ids(cluster, through):
    """{name: [id, ...]} of the catalogue."""
    found = {}
    for node in cluster.state(through)["nodes"]:
        found.setdefault(node["name"], []).append(node["id"])
    return found


def kept(cluster, number):
    return sorted(os.path.basename(path)
                  for path in glob.glob(os.path.join(cluster[number].data, "forgotten-*")))


def comes_back(cluster, number, old, times=1):
    """It is started once more, as systemd does, and is whole under an id that is not `old`."""
    other = 1 + number % 3
    name = cluster[number].name
    put(cluster, other, range(100, 110))
    cluster.start(number)
    wait_until(lambda: cluster[number].ready() and len(ids(cluster, other)[name]) == 1
               and ids(cluster, other)[name] != old, WHOLE_S, "whole under a new id")
    assert kept(cluster, number) == [f"forgotten-{n + 1}" for n in range(times)]
    for part in ("log", "table"):
        assert os.listdir(os.path.join(cluster[number].data, f"forgotten-{times}", part))
    assert cluster[number].metric("braid_forgotten_bytes") > 0


def check_that_it_counts(cluster, number, values):
    """Without another one it is half of the majority."""
    cluster.kill(1 + (number + 1) % 3)
    put(cluster, number, range(200, 210))
    records = read_stream(cluster.client(number, attempts=5), "s")
    found = sorted(int(record["Data"]) for shard in records.values() for record in shard)
    assert found == sorted([*values, *range(200, 210)])


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_rotten_last_frame_is_told_from_a_torn_one(cluster, number):
    put(cluster, 1, range(50, 55))
    old = ids(cluster, number)[cluster[number].name]
    lose_the_end(cluster, number)
    forgets(cluster, number)
    comes_back(cluster, number, old)
    check_that_it_counts(cluster, number, [*range(20), *range(50, 55), *range(100, 110)])


@pytest.mark.parametrize("lost", ["CURRENT", "MANIFEST-*", "*.sst", "*.log"])
def test_tables_that_lost_a_file_are_put_aside(cluster, lost):
    """RocksDB opens nothing then; who the node was stands in `identity` too."""
    old = ids(cluster, 2)[cluster[2].name]
    if lost == "*.sst":
        cluster.stop(2)
        cluster.start(2)  # which writes what was in memory alone to files
        cluster.await_ready()
    cluster.kill(2)
    files = glob.glob(os.path.join(cluster[2].data, "table", lost))
    assert files
    for path in files:
        os.remove(path)
    forgets(cluster, 2)
    comes_back(cluster, 2, old)
    check_that_it_counts(cluster, 2, [*range(20), *range(100, 110)])


def test_an_old_copy_of_a_data_directory_is_put_aside(cluster):
    data = cluster[2].data
    old = ids(cluster, 2)[cluster[2].name]
    cluster.kill(2)
    shutil.copytree(data, data + ".old")
    cluster.start(2)
    cluster.await_ready()
    put(cluster, 1, range(50, 55))
    time.sleep(HEARD_S)
    cluster.kill(2)
    shutil.rmtree(data)
    os.rename(data + ".old", data)
    forgets(cluster, 2)
    comes_back(cluster, 2, old)
    check_that_it_counts(cluster, 2, [*range(20), *range(50, 55), *range(100, 110)])


def test_a_disk_that_forgets_all_the_time_is_given_up(cluster):
    for times in range(1, RENEWALS_MAX + 1):
        old = ids(cluster, 2)[cluster[2].name]
        lose_the_end(cluster, 2)
        forgets(cluster, 2)
        comes_back(cluster, 2, old, times)
    lose_the_end(cluster, 2)
    for _ in range(2):
        said = ends_by_itself(cluster, 2, BAD_DATA)
        assert "its disk is ill: replace it; then start the node with a new data directory" in said
    assert len(kept(cluster, 2)) == RENEWALS_MAX


def two_that_wait(cluster):
    """2 has lost the end of its log, and of 3 an old copy is started: without both of them no group
    has a majority, and neither gives its old id up.  Returns the directory that 3 had."""
    before = ids(cluster, 1)
    data, right = cluster[3].data, cluster[3].data + ".right"
    cluster.kill(3)
    shutil.copytree(data, data + ".old")
    cluster.start(3)
    cluster.await_ready()
    put(cluster, 1, range(50, 100))  # far more than the copy can write before it notices
    lose_the_end(cluster, 2)
    cluster.kill(3)
    os.rename(data, right)
    os.rename(data + ".old", data)
    for number in (2, 3):
        forgets(cluster, number)
        cluster.start(number)
    for number in (2, 3):
        wait_until(lambda: "waits" in cluster[number].get("/readyz")[1], WHOLE_S, "it waits")
    time.sleep(HEARD_S)
    assert ids(cluster, 1) == before
    return right


def await_all(cluster):
    wait_until(lambda: all(cluster[number].ready() for number in (1, 2, 3))
               and all(len(found) == 1 for found in ids(cluster, 1).values()), WHOLE_S, "whole")


def test_two_that_have_forgotten_wait_for_the_right_directory_of_one(cluster):
    before = ids(cluster, 1)
    right = two_that_wait(cluster)
    cluster.stop(3)
    os.rename(cluster[3].data, cluster[3].data + ".wrong")
    os.rename(right, cluster[3].data)
    cluster.start(3)
    await_all(cluster)
    after = ids(cluster, 1)
    assert after[cluster[3].name] == before[cluster[3].name]
    assert after[cluster[2].name] != before[cluster[2].name]
    check_that_it_counts(cluster, 2, [*range(20), *range(50, 100)])


def test_two_that_have_forgotten_come_in_behind_a_rescue(cluster):
    before = ids(cluster, 1)
    two_that_wait(cluster)
    to_first = {"BRAID_OPERATIONS": cluster[1].operations}
    rescued = run_braid("cluster", "rescue", "--yes", cluster[1].name, env=to_first)
    assert rescued.returncode == 0, rescued
    for shard in range(2):
        rescued = run_braid("shard", "rescue", "s", str(shard), "--yes", f"s/{shard}", env=to_first)
        assert rescued.returncode == 0, rescued
    await_all(cluster)
    after = ids(cluster, 1)
    assert [after[f"node-{n}"] == before[f"node-{n}"] for n in (1, 2, 3)] == [True, False, False]
    put(cluster, 2, range(200, 210))


def test_who_is_removed_meanwhile_does_not_come_back():
    with Cluster(nodes=4) as cluster:
        cluster.create_stream("s", shards=4)
        put(cluster, 1, range(20))
        lose_the_end(cluster, 4)
        forgets(cluster, 4)
        to_first = {"BRAID_OPERATIONS": cluster[1].operations}
        for act in ("drain", "remove"):
            done = run_braid("node", act, cluster[4].name, "--wait", env=to_first)
            assert done.returncode == 0, done
        for _ in range(2):
            assert "it was removed" in ends_by_itself(cluster, 4, BAD_DATA)
        assert cluster[4].name not in ids(cluster, 1)
        assert kept(cluster, 4) == ["forgotten-1"]


def test_three_that_have_lost_a_file_found_nothing_and_go_on_when_it_is_back(cluster, tmp_path):
    before = ids(cluster, 1)
    lost = {}
    for number in (1, 2, 3):
        cluster.kill(number)
    for number in (1, 2, 3):
        lost[number] = newest_frame(cluster[number].data)[0]
        os.rename(lost[number], tmp_path / str(number))
        forgets(cluster, number)
        cluster.start(number)
    for number in (1, 2, 3):
        wait_until(lambda: "waits" in cluster[number].get("/readyz")[1], WHOLE_S, "it waits")
    time.sleep(SEEDS_S)
    for number in (1, 2, 3):
        assert not cluster.state(number)["founded"]
        cluster.stop(number)
        data = cluster[number].data
        for part in ("log", "table"):
            shutil.rmtree(os.path.join(data, part))
            os.rename(os.path.join(data, "forgotten-1", part), os.path.join(data, part))
        os.rename(tmp_path / str(number), lost[number])
    cluster.start_all()
    assert ids(cluster, 1) == before
    check_that_it_counts(cluster, 2, range(20))


def test_a_node_alone_keeps_its_directory(tmp_path):
    """Nobody could give back what it lost: it is refused, and nothing is moved."""
    with Cluster(nodes=1) as cluster:
        cluster.create_stream("s")
        put(cluster, 1, range(20))
        cluster.kill(1)
        names = sorted({*os.listdir(cluster[1].data), "identity"})  # written by each start
        os.rename(newest_frame(cluster[1].data)[0], tmp_path / "segment")
        for _ in range(2):
            assert "new data directory" in ends_by_itself(cluster, 1, BAD_DATA)
        assert sorted(os.listdir(cluster[1].data)) == names


def test_a_cluster_that_loses_power_at_once_accuses_nobody(cluster):
    put(cluster, 1, range(50, 55))
    for _ in range(3):
        for number in (1, 2, 3):
            cluster.kill(number)
        for number in (1, 2, 3):
            cluster.start(number)
        cluster.await_ready()
    assert all(cluster[number].running() for number in (1, 2, 3))
