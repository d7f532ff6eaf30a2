"""The command line `braid`: streams, records, the cluster."""

import http.server
import json
import os
import signal
import socket
import subprocess
import threading
import time

import pytest
from braid_cluster import READY_S, ROOT, braid as program, run_braid, wait_until

SAMPLE = os.path.join(ROOT, "deploy", "sample", "events.jsonl")


@pytest.fixture(scope="module")
def where(cluster):
    return {"BRAID_ENDPOINT": ",".join(node.endpoint for node in cluster.nodes),
            "BRAID_OPERATIONS": ",".join(node.operations for node in cluster.nodes)}


@pytest.fixture
def braid(where):
    def run(*arguments, stdin=None, status=0):
        done = run_braid(*arguments, stdin=stdin, env=where)
        assert done.returncode == status, (arguments, done.returncode, done.stdout, done.stderr)
        return done

    return run


def test_streams_are_created_listed_described_and_deleted(braid):
    braid("stream", "create", "cli-a", "--shards", "2")
    assert b"cli-a" in braid("stream", "list").stdout
    listed = json.loads(braid("stream", "list", "--output", "json").stdout)
    assert "cli-a" in [stream["StreamName"] for stream in listed["StreamSummaries"]]
    assert b"shardId-000000000001" in braid("stream", "describe", "cli-a").stdout
    told = json.loads(braid("stream", "describe", "cli-a", "--output", "json").stdout)
    assert len(told["Shards"]) == 2
    assert told["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE"
    braid("stream", "delete", "cli-a", "--yes")
    braid("stream", "describe", "cli-a", status=4)


def test_what_is_put_comes_back_in_the_order_of_its_key(braid):
    lines = [json.dumps({"user": f"u{i % 5}", "n": i}).encode() for i in range(1200)]
    braid("stream", "create", "cli-b", "--shards", "3")
    report = json.loads(braid("put", "cli-b", "--key-field", "user", "--output", "json",
                              stdin=b"\n".join(lines) + b"\n").stdout)
    assert report["records"] == 1200
    back = braid("tail", "cli-b", "--from-start", "--max", "1200", "--output", "json").stdout
    back = [json.loads(line) for line in back.splitlines()]
    for user in range(5):
        mine = [json.loads(record["Data"]) for record in back
                if record["PartitionKey"] == f"u{user}"]
        assert [record["n"] for record in mine] == list(range(user, 1200, 5))
    assert sorted(record["Data"].encode() for record in back) == sorted(lines)
    braid("stream", "delete", "cli-b", "--yes")


def test_one_key_is_one_shard_in_order(braid):
    braid("stream", "create", "cli-c", "--shards", "3")
    lines = b"".join(b"line %d\n" % i for i in range(50))
    braid("put", "cli-c", "--key", "k", stdin=lines)
    assert braid("tail", "cli-c", "--from-start", "--no-follow").stdout == lines
    braid("stream", "delete", "cli-c", "--yes")


def test_mistakes_have_their_own_exit_codes(braid):
    braid("stream", "create", "cli-d")
    braid("stream", "create", "cli-d", status=5)
    braid("stream", "delete", "cli-d", status=1)  # nobody there to be asked
    braid("stream", "delete", "cli-d", "--yes")
    braid("put", "nobody", stdin=b"x\n", status=4)
    assert b"Stream nobody" in braid("put", "nobody", stdin=b"", status=4).stderr
    braid("tail", "nobody", status=4)
    braid("stream", status=2)
    braid("nonsense", status=2)
    braid("put", status=2)
    braid("stream", "list", "--output", "xml", status=2)
    braid("stream", "list", "--endpoint", "http://127.0.0.1:1", status=3)
    braid("cluster", "status", "--operations", "http://127.0.0.1:1", status=3)


def test_a_line_without_its_key_is_named(braid):
    braid("stream", "create", "cli-f")
    done = braid("put", "cli-f", "--key-field", "a", status=1, stdin=b'{"a": 1}\nnot json\nx\n')
    assert b"line 2 is not JSON" in done.stderr, done
    assert braid("tail", "cli-f", "--from-start", "--no-follow").stdout == b'{"a": 1}\n'
    braid("stream", "delete", "cli-f", "--yes")


def test_a_line_that_is_too_long_is_named_and_those_before_it_are_stored(braid):
    braid("stream", "create", "cli-i")
    longest = b"x" * (1024 * 1024 - 16)  # the key of a line has 16 characters
    done = braid("put", "cli-i", status=1, stdin=b"\n".join([b"one", longest, longest + b"x", b""]))
    assert b"line 3 has 1048561 bytes" in done.stderr, done.stderr
    back = braid("tail", "cli-i", "--from-start", "--no-follow").stdout
    assert sorted(back.split(b"\n"), key=len) == [b"", b"one", longest]
    braid("stream", "delete", "cli-i", "--yes")


def printing(where, arguments, stdout, **options):
    """Runs `braid` with a standard output of its own."""
    return subprocess.run([program(), *arguments], env={**os.environ, **where}, timeout=120,
                          check=False, stdin=subprocess.DEVNULL, stdout=stdout,
                          stderr=subprocess.PIPE, **options)


PRINTING = [["--help"], ["--version"], ["stream", "--help"], ["put", "--help"],
            ["stream", "list"], ["stream", "list", "-o", "json"],
            ["stream", "describe", "cli-g"], ["stream", "describe", "cli-g", "-o", "json"],
            ["cluster", "status"], ["cluster", "status", "-o", "json"],
            ["put", "cli-g", "-o", "json"], ["stream", "create", "cli-h"],
            ["stream", "delete", "cli-h", "--yes", "-o", "json"],
            ["tail", "cli-g", "--from-start", "--max", "2000"],
            ["tail", "cli-g", "--from-start", "--max", "2000", "-o", "json"]]


def test_what_cannot_be_printed_is_an_error(braid, where):
    braid("stream", "create", "cli-g", "--shards", "3")
    braid("put", "cli-g", stdin=b"".join(b"line %d\n" % i for i in range(2000)))
    for arguments in PRINTING:
        with open("/dev/full", "wb") as full:
            done = printing(where, arguments, full)
        assert done.returncode == 7, (arguments, done.stderr)
        assert done.stderr.count(b"\n") == 1 and done.stderr.endswith(
            b": write standard output: No space left on device; what was printed is not whole\n"
        ), (arguments, done.stderr)
    done = printing(where, ["stream", "list"], None, preexec_fn=lambda: os.close(1))
    assert done.returncode == 7 and b"Bad file descriptor" in done.stderr, done
    braid("stream", "delete", "cli-g", "--yes")


@pytest.mark.parametrize("ignored", [False, True])
def test_a_reader_that_went_away_ends_it_in_silence(where, ignored):
    for arguments in (["--help"], ["stream", "list", "-o", "json"], ["cluster", "status"]):
        reading, writing = os.pipe()
        os.close(reading)
        done = printing(where, arguments, writing, restore_signals=False,
                        preexec_fn=lambda: signal.signal(
                            signal.SIGPIPE, signal.SIG_IGN if ignored else signal.SIG_DFL))
        os.close(writing)
        assert (done.returncode, done.stderr) == (-signal.SIGPIPE, b""), (arguments, done)


def test_tail_says_when_there_is_too_little(braid):
    braid("stream", "create", "cli-e")
    braid("put", "cli-e", stdin=b"one\n")
    done = braid("tail", "cli-e", "--from-start", "--max", "2", "--timeout", "1", status=6)
    assert done.stdout == b"one\n"
    braid("stream", "delete", "cli-e", "--yes")


def test_tail_goes_on_in_the_shards_that_a_stream_is_given(braid, where):
    braid("stream", "create", "cli-k")
    lines = [b"%d\n" % i for i in range(300)]
    with subprocess.Popen([program(), "tail", "cli-k", "--from-start", "--max", "300",
                           "--timeout", "60"], env={**os.environ, **where},
                          stdout=subprocess.PIPE) as tail:
        for at, shards in enumerate(("2", "4", "3")):
            braid("put", "cli-k", stdin=b"".join(lines[100 * at:100 * at + 50]))
            told = braid("stream", "set", "cli-k", "--shards", shards, "-o", "json").stdout
            assert json.loads(told) == {"stream": "cli-k", "shards": int(shards)}
            braid("put", "cli-k", stdin=b"".join(lines[100 * at + 50:100 * at + 100]))
        out, _ = tail.communicate(timeout=70)
    assert tail.returncode == 0
    assert sorted(out.splitlines(keepends=True)) == sorted(lines)
    braid("stream", "set", "cli-k", "--shards", "9", status=1)
    braid("stream", "delete", "cli-k", "--yes")


def test_a_shard_is_split_and_two_are_merged(braid):
    braid("stream", "create", "cli-l")
    assert braid("stream", "split", "cli-l", "0").stdout == (
        b"shardId-000000000001\nshardId-000000000002\n")
    told = json.loads(braid("stream", "split", "cli-l", "shardId-000000000001", "--at", "5",
                            "-o", "json").stdout)
    assert told == {"stream": "cli-l",
                    "shards": ["shardId-000000000003", "shardId-000000000004"]}
    shards = json.loads(braid("stream", "describe", "cli-l", "-o", "json").stdout)["Shards"]
    begins = {shard["ShardId"][-1]: shard["HashKeyRange"]["StartingHashKey"] for shard in shards}
    assert begins == {"0": "0", "1": "0", "2": str(1 << 127), "3": "0", "4": "5"}
    assert braid("stream", "merge", "cli-l", "4", "2").stdout == b"shardId-000000000005\n"
    refused = braid("stream", "merge", "cli-l", "5", "4", status=1).stderr
    assert b"shardId-000000000004" in refused
    refused = braid("stream", "split", "cli-l", "3", "--at", "0", status=1).stderr
    assert b"NewStartingHashKey 0" in refused
    braid("stream", "split", "cli-l", "7", status=4)
    for wrong in (["split", "cli-l"], ["split", "cli-l", "one"], ["merge", "cli-l", "3"],
                  ["split", "cli-l", "3", "--at", "x"], ["merge", "cli-l", "3", "5", "1"]):
        braid("stream", *wrong, status=2)
    braid("stream", "delete", "cli-l", "--yes")


def test_a_stream_keeps_its_records_for_as_long_as_is_set(braid):
    braid("stream", "create", "cli-j")
    for hours in ("48", "24", "24"):
        told = braid("stream", "set", "cli-j", "--retention", hours, "-o", "json").stdout
        assert json.loads(told) == {"stream": "cli-j", "retention_hours": int(hours)}
    assert b"keeps records for 26 hours" in braid("stream", "set", "cli-j", "-r", "26").stdout
    told = json.loads(braid("stream", "describe", "cli-j", "-o", "json").stdout)
    assert told["StreamDescriptionSummary"]["RetentionPeriodHours"] == 26
    for wrong in (["--retention", "23"], ["--retention", "8761"], []):
        braid("stream", "set", "cli-j", *wrong, status=2)
    braid("stream", "set", "nowhere", "--retention", "24", status=4)
    braid("stream", "delete", "cli-j", "--yes")


def test_the_cluster_says_who_is_there(braid):
    told = json.loads(braid("cluster", "status", "--output", "json").stdout)
    assert sorted(node["name"] for node in told["nodes"]) == ["node-1", "node-2", "node-3"]
    assert all(node["up"] for node in told["nodes"])
    assert told["catalog"]["leader"] in ("node-1", "node-2", "node-3")
    text = braid("cluster", "status").stdout.decode()
    assert "az3" in text and "leader" in text


def test_each_shard_is_led_by_one_node(braid):
    braid("stream", "create", "cli-i", "--shards", "5")

    def led():
        told = json.loads(braid("cluster", "status", "-o", "json").stdout)
        return sum(node["leads"] for node in told["nodes"]) == told["shards"]

    wait_until(led, READY_S, "as many leaders as shards")  # nodes hear of each other's within 1 s
    braid("stream", "delete", "cli-i", "--yes")


def test_help_is_found_wherever_people_look_for_it(braid):
    whole = braid("--help").stdout
    assert braid("-h").stdout == whole and braid("help").stdout == whole
    verbs = braid("stream", "--help").stdout
    assert b"stream describe NAME" in verbs and b"local up" not in verbs
    for words in (["stream", "-h"], ["stream", "help"], ["help", "stream"]):
        assert braid(*words).stdout == verbs
    assert braid("help", "put").stdout == braid("put", "-h").stdout == braid("put", "--help").stdout
    assert b"there is no 'nonsense'" in braid("help", "nonsense", status=2).stderr
    assert b"there is no verb 'lst'; there are: list, create, describe, set, split, merge, delete" in braid(
        "stream", "lst", status=2).stderr


def test_options_of_all_verbs_may_stand_before_the_noun(braid):
    assert "StreamSummaries" in json.loads(braid("-o", "json", "stream", "list").stdout)
    # The later one counts.
    assert b"{" not in braid("-o", "json", "stream", "list", "--output", "table").stdout
    braid("--endpoint", "http://127.0.0.1:1", "stream", "list", status=3)


def test_what_makes_no_sense_is_a_usage_error(braid):
    assert b"unexpected argument 'x'" in braid("stream", "list", "x", status=2).stderr
    assert b"unexpected argument 'x'" in braid("local", "status", "x", status=2).stderr
    assert b"not both" in braid("tail", "s", "--from-start", "--since", "1h", status=2).stderr
    braid("stream", "list", "--endpoint", "", status=2)
    braid("stream", "list", "--endpoint", "http://[::1", status=2)
    braid("stream", "list", "--endpoint", "127.0.0.1:4567", status=2)
    braid("local", "status", "--dir", "x" * 200, status=2)


def test_the_wrong_port_is_named(braid, cluster):
    done = braid("stream", "list", "--endpoint", cluster[1].operations, status=1)
    assert b"--endpoint names client ports" in done.stderr
    for verb in (["cluster", "status"], ["node", "undrain", "n"], ["shard", "rescue", "s", "0"]):
        done = braid(*verb, "--operations", cluster[1].endpoint, status=1)
        assert b"no answer of an operations port" in done.stderr, done.stderr
    tls = cluster[1].endpoint.replace("http:", "https:")
    assert b"No node answers" in braid("stream", "list", "--endpoint", tls, status=3).stderr


class Page(http.server.BaseHTTPRequestHandler):
    """A node that knows of a survivor, which is another one."""

    survivor = ""

    def do_GET(self):  # its name is the library's
        text = json.dumps({"cluster": "c", "possible": True, "epoch": 1, "nodes": [
            {"name": "n2", "id": "2", "has": "copy", "survivor": True, "asked": False, "last": 9,
             "last_term": 1, "operations_address": self.survivor}]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


def test_a_survivor_that_says_nothing_is_given_up():
    """As any node: its process may be stopped."""
    with socket.socket() as silent, http.server.HTTPServer(("127.0.0.1", 0), Page) as server:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        Page.survivor = "127.0.0.1:%d" % silent.getsockname()[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        began = time.monotonic()
        done = run_braid("cluster", "rescue", "--yes", "n2", "--timeout", "2",
                         env={"BRAID_OPERATIONS": "http://127.0.0.1:%d" % server.server_port})
        took_s = time.monotonic() - began
        server.shutdown()
    assert done.returncode == 6, done.stderr
    assert b"A node is there and says nothing" in done.stderr
    assert took_s < 20, took_s  # the client's own time for a try is 30 s


def test_help_lists_verbs_and_exit_codes(braid):
    text = braid("--help").stdout.decode()
    assert "tail STREAM" in text and "Exit codes" in text
    for verb in (["put"], ["tail"], ["stream", "create"], ["local", "up"], ["cluster", "status"]):
        assert b"--output" in braid(*verb, "--help").stdout
