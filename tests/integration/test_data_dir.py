"""A data directory that is not what it should be: one clear sentence, and no harm to the data."""

import configparser
import glob
import os
import shutil
import subprocess
import tempfile

import pytest
from braid_cluster import ROOT, Cluster, braidd, die_with_parent
from braid_forgotten import flip_bit
from braid_ill import IllMachine
from braid_records import read_stream

BLOCK = 4096
FAILED, BAD_DATA = 1, 3  # exit statuses; systemd starts it again after the first
RECORDS = 60


@pytest.fixture(scope="module")
def filled():
    """The data directory of a node that was killed after 60 acknowledged records, each of which
    had a frame of its own."""
    with Cluster(nodes=1) as cluster:
        cluster.create_stream("s")
        client = cluster.client(1)
        for i in range(RECORDS):
            client.put_record(StreamName="s", PartitionKey="k", Data=b"%d" % i + b"." * 5000)
        cluster.kill(1)
        yield cluster[1].data


@pytest.fixture
def cluster(filled):
    """A node that is about to start on a copy of that directory."""
    cluster = Cluster(nodes=1, start=False)
    shutil.rmtree(cluster[1].data)
    shutil.copytree(filled, cluster[1].data)
    yield cluster
    cluster.close()


def refusal(cluster, arguments=(), expected=BAD_DATA):
    """Starts the node, which must end by itself, and returns its last sentence."""
    node = cluster[1]
    node.start(arguments)
    status = node.await_end()
    text = node.log_text()
    assert status == expected, (status, text)
    cluster.check_logs()
    return text.strip().splitlines()[-1]


def numbers(cluster):
    cluster.start_all()
    records = read_stream(cluster.client(1), "s")["shardId-000000000000"]
    return [int(record["Data"].rstrip(b".")) for record in records]


def segments(cluster):
    """Segment files that have been written to, in the order of their names."""
    paths = sorted(glob.glob(os.path.join(cluster[1].data, "log", "*")))
    assert paths, os.listdir(cluster[1].data)
    return paths


def used_blocks(path):
    with open(path, "rb") as file:
        data = file.read()
    return [at for at in range(0, len(data), BLOCK) if data[at:at + BLOCK].strip(b"\0")]


def test_a_whole_directory_starts(cluster):
    assert numbers(cluster) == list(range(RECORDS))


def test_a_directory_of_another_node_is_refused(cluster):
    sentence = refusal(cluster, ["--name", "stranger"])
    assert "belongs to node 'node-1', and this is node 'stranger'" in sentence
    assert numbers(cluster) == list(range(RECORDS))


def test_a_directory_of_a_newer_format_is_refused(cluster):
    path = os.path.join(cluster[1].data, "braid")
    with open(path, encoding="ascii") as file:
        text = file.read()
    with open(path, "w", encoding="ascii") as file:
        file.write(text.replace("format 1", "format 99"))
    assert "newer Braid" in refusal(cluster)
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
    assert numbers(cluster) == list(range(RECORDS))


def test_a_flipped_bit_in_the_middle_of_the_log_is_refused(cluster):
    path = max(segments(cluster), key=lambda path: len(used_blocks(path)))
    blocks = used_blocks(path)
    at = blocks[len(blocks) // 2]
    # A frame's first block: the middle of the log, at the frame's own header.
    with open(path, "rb") as file:
        magic = file.read(4)
        while True:
            file.seek(at)
            if file.read(4) == magic:
                break
            at -= BLOCK
    flip_bit(path, at + 40)
    sentence = refusal(cluster)
    assert os.path.basename(path) in sentence or "segment" in sentence, sentence
    refusal(cluster)  # the first refusal has changed nothing
    flip_bit(path, at + 40)
    assert numbers(cluster) == list(range(RECORDS))


def test_a_torn_last_frame_is_cut_off_and_counted(cluster):
    path = max(segments(cluster), key=lambda path: len(used_blocks(path)))
    last = used_blocks(path)[-1]
    with open(path, "r+b") as file:
        file.seek(last)
        file.write(b"\0" * BLOCK)
    back = numbers(cluster)
    assert back in (list(range(RECORDS)), list(range(RECORDS - 1)))
    assert cluster[1].metric("braid_log_torn_frames") == 1


def test_two_processes_on_one_directory_are_refused(cluster):
    cluster.start_all()
    done = subprocess.run([braidd(), "--config", cluster[1].config], capture_output=True,
                          timeout=60, check=False, preexec_fn=die_with_parent)
    assert done.returncode == FAILED, done
    assert b"another braidd is running on it" in done.stderr


def test_a_file_is_not_a_data_directory():
    with tempfile.NamedTemporaryFile() as file:
        done = subprocess.run([braidd(), "--dev", "--data-dir", file.name], capture_output=True,
                              timeout=60, check=False, preexec_fn=die_with_parent)
        assert done.returncode == BAD_DATA, done
        assert f"data directory {file.name}: it is not a directory" in done.stderr.decode()


def test_a_directory_that_cannot_be_written_is_refused():
    with tempfile.TemporaryDirectory() as folder:
        data = os.path.join(folder, "data")
        os.mkdir(data)
        os.chmod(data, 0o555)
        # Root may write everywhere, so that the test runs a copy as somebody who may not.
        program = shutil.copy(braidd(), folder)
        os.chmod(folder, 0o755)
        user = {"user": "nobody"} if os.getuid() == 0 else {}
        done = subprocess.run([program, "--dev", "--data-dir", data], capture_output=True,
                              timeout=60, check=False, cwd=folder, **user)
        assert done.returncode == FAILED, done
        assert f"data directory {data} cannot be written" in done.stderr.decode()
        assert os.listdir(data) == []


def test_a_start_without_room_is_tried_again(cluster):
    machine = IllMachine(cluster[1])
    machine.set("full", 1)
    assert "make room on it" in refusal(cluster, expected=FAILED)
    machine.set("full", 0)
    assert numbers(cluster) == list(range(RECORDS))


def test_systemd_starts_it_after_any_end_but_those_that_a_restart_cannot_mend():
    unit = configparser.ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str
    assert unit.read(os.path.join(ROOT, "deploy", "systemd", "braidd.service"))
    assert unit["Service"]["Restart"] == "always"
    assert unit["Unit"]["StartLimitIntervalSec"] == "0"  # the default gives up after five
    assert unit["Service"]["RestartPreventExitStatus"] == f"2 {BAD_DATA}"
