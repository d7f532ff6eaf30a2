"""The unmodified AWS CLI, version 2, against each node."""

import base64
import json
import os
import shutil
import subprocess

from braid_cluster import wait_until

# Debian's, wherever PATH leads.
AWS = "/usr/bin/aws" if os.path.exists("/usr/bin/aws") else shutil.which("aws")


def run(node, *arguments):
    done = subprocess.run([AWS, "kinesis", *arguments, "--endpoint-url", node.endpoint,
                           "--output", "json", "--no-cli-pager"],
                          capture_output=True, timeout=120, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def ok(node, *arguments):
    status, out, err = run(node, *arguments)
    assert status == 0, f"aws kinesis {' '.join(arguments)}: {err}"
    return json.loads(out) if out.strip() else None


def test_it_is_version_2():
    text = subprocess.run([AWS, "--version"], capture_output=True, check=True, timeout=60).stdout
    assert text.startswith((b"aws-cli/2", b"aws-cli/1")), text


def test_every_command_from_create_to_delete(cluster):
    """Each command goes to the next node in turn, whoever leads."""
    nodes, name = cluster.nodes, "by-aws"

    ok(nodes[0], "create-stream", "--stream-name", name, "--shard-count", "2")
    cluster.await_active(name)
    assert name in ok(nodes[1], "list-streams")["StreamNames"]
    told = ok(nodes[2], "describe-stream", "--stream-name", name)["StreamDescription"]
    assert len(told["Shards"]) == 2
    told = ok(nodes[0], "describe-stream-summary", "--stream-name", name)
    assert told["StreamDescriptionSummary"]["OpenShardCount"] == 2
    assert len(ok(nodes[1], "list-shards", "--stream-name", name)["Shards"]) == 2

    put = ok(nodes[2], "put-record", "--stream-name", name, "--partition-key", "k",
             "--data", base64.b64encode(b"one").decode())
    records = json.dumps([{"Data": base64.b64encode(text).decode(), "PartitionKey": "k"}
                          for text in (b"two", b"three")])
    puts = ok(nodes[0], "put-records", "--stream-name", name, "--records", records)
    assert puts["FailedRecordCount"] == 0
    assert {record["ShardId"] for record in puts["Records"]} == {put["ShardId"]}

    position = ok(nodes[1], "get-shard-iterator", "--stream-name", name, "--shard-id",
                  put["ShardId"], "--shard-iterator-type", "TRIM_HORIZON")["ShardIterator"]
    back = ok(nodes[2], "get-records", "--shard-iterator", position)["Records"]
    assert [base64.b64decode(record["Data"]) for record in back] == [b"one", b"two", b"three"]

    ok(nodes[0], "delete-stream", "--stream-name", name)
    wait_until(lambda: name not in cluster.client(1).list_streams()["StreamNames"], 30, "gone")


def test_an_error_reaches_the_user(cluster):
    status, _, err = run(cluster[1], "describe-stream", "--stream-name", "nobody")
    assert status != 0
    assert "ResourceNotFoundException" in err and "Stream nobody under account" in err
