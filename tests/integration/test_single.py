"""One node for developers: `braidd --dev`."""

import os
import signal
import subprocess
import tempfile
import time

import boto3
import pytest
from botocore.config import Config
from braid_cluster import FATAL, braidd, die_with_parent, free_ports, wait_until
from braid_records import read_stream


class Dev:
    def __init__(self, *arguments):
        ports = free_ports(3)
        self.log = tempfile.TemporaryFile()
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            [braidd(), "--dev", "--limits", "unlimited", "--client-listen", f"127.0.0.1:{ports[0]}",
             "--peer-listen", f"127.0.0.1:{ports[1]}",
             "--operations-listen", f"127.0.0.1:{ports[2]}", *arguments],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            preexec_fn=die_with_parent)
        self.client = boto3.client(
            "kinesis", endpoint_url=f"http://127.0.0.1:{ports[0]}", region_name="us-east-1",
            config=Config(retries={"total_max_attempts": 1}))

    def await_answer(self):
        def answers():
            assert self.process.poll() is None, self.text()
            try:
                self.client.list_streams()
                self.client.create_stream(StreamName="first", ShardCount=1)
                return True
            except self.client.exceptions.ResourceInUseException:
                return True
            except Exception:
                return False

        wait_until(answers, 20, "an answer")
        return time.monotonic() - self.began

    def text(self):
        self.log.seek(0)
        return self.log.read().decode()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(60)
        text = self.text()
        self.log.close()
        assert status == 0, text
        assert not FATAL.search(text), text

    def await_active(self):
        wait_until(lambda: self.client.describe_stream_summary(StreamName="first")
                   ["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE", 20, "ACTIVE")


@pytest.fixture
def nodes():
    started = []
    yield started
    for node in started:
        if node.process.poll() is None:
            node.process.kill()
            node.process.wait()


def test_it_answers_at_once_and_keeps_records(nodes):
    nodes.append(Dev())
    print(f"ready after {nodes[0].await_answer():.2f} s")
    with open(f"/proc/{nodes[0].process.pid}/status", encoding="ascii") as file:
        ignored = next(line for line in file if line.startswith("SigIgn:"))
    assert int(ignored.split()[1], 16) & 1 << (signal.SIGPIPE - 1), ignored
    nodes[0].await_active()
    nodes[0].client.put_record(StreamName="first", PartitionKey="k", Data=b"hello")
    records = read_stream(nodes[0].client, "first")["shardId-000000000000"]
    assert [record["Data"] for record in records] == [b"hello"]
    nodes[0].stop()


def test_a_named_folder_keeps_records_over_a_restart(nodes):
    with tempfile.TemporaryDirectory() as folder:
        data = os.path.join(folder, "data")
        nodes.append(Dev("--data-dir", data))
        nodes[0].await_answer()
        nodes[0].await_active()
        nodes[0].client.put_record(StreamName="first", PartitionKey="k", Data=b"kept")
        nodes[0].stop()
        nodes.append(Dev("--data-dir", data))
        nodes[1].await_answer()
        nodes[1].await_active()
        records = read_stream(nodes[1].client, "first")["shardId-000000000000"]
        assert [record["Data"] for record in records] == [b"kept"]
        nodes[1].stop()


def fill(client):
    """Puts until nothing fits any more; the records that were acknowledged."""
    acknowledged = 0
    for _ in range(1000):
        answer = client.put_records(StreamName="first", Records=[
            {"PartitionKey": "k", "Data": bytes(900_000)}])
        if answer["FailedRecordCount"]:
            # What an SDK tries again.
            assert answer["Records"][0]["ErrorCode"] in (
                "InternalFailure", "ProvisionedThroughputExceededException"), answer
            return acknowledged
        acknowledged += 1
    raise AssertionError("a log of 64 MiB never filled up")


def test_a_full_log_says_so_serves_reads_and_heals(nodes):
    nodes.append(Dev("--segment-bytes", "16777216", "--log-bytes-max", "67108864"))
    node = nodes[0]
    node.await_answer()
    node.await_active()
    # Right after a segment was begun the next one may still be in the making: only twice in a row
    # is full.
    acknowledged = fill(node.client)
    time.sleep(1)
    acknowledged += fill(node.client)
    wait_until(lambda: "event=log.full" in node.text(), 30, "a word about the full log")
    assert len(read_stream(node.client, "first")["shardId-000000000000"]) == acknowledged

    node.client.delete_stream(StreamName="first")
    wait_until(lambda: "event=log.has_room" in node.text(), 60, "room again")
    node.client.create_stream(StreamName="second", ShardCount=1)
    wait_until(lambda: node.client.describe_stream_summary(StreamName="second")
               ["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE", 20, "ACTIVE")
    node.client.put_record(StreamName="second", PartitionKey="k", Data=b"fits")
    node.stop()


def test_a_wrong_command_line_is_said_at_once():
    for arguments, text in ((["--nonsense"], "nonsense"),
                            (["--dev", "--replication", "many"], "replication"),
                            (["--check-config", "--client-listen", "here"], "client-listen")):
        done = subprocess.run([braidd(), *arguments], capture_output=True, timeout=60, check=False)
        assert done.returncode == 2, done
        assert text in done.stderr.decode(), done


def test_a_configuration_can_be_checked():
    done = subprocess.run([braidd(), "--check-config", "--dev"], capture_output=True, timeout=60,
                          check=False)
    assert done.returncode == 0, done
    assert "client-listen" in done.stdout.decode()
