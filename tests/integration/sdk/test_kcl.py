"""The Kinesis Client Library as a whole: two workers, each of an application that polls, in version 3's
own mode, and of one with a fan-out consumer, in the mode that goes with version 2, their leases in
tables of a server that speaks DynamoDB.  While they run a
shard is split, two are merged, and one worker is killed; the last records are aggregated as the
Kinesis Producer Library does it.  README.md says more.

$BRAID_SDK is the folder that fetch has filled (default: build/sdk)."""

import collections
import hashlib
import os
import re
import signal
import subprocess
import sys

import pytest
from braid_cluster import (OWN_LIMITS, ROOT, Cluster, die_with_parent, free_ports,
                           wait_until)
from braid_reshard import hash_range, middle_of, shards, wait_active

FETCHED = os.path.abspath(os.environ.get("BRAID_SDK", os.path.join(ROOT, "build", "sdk")))
LOUD = ["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
STREAM = "kcl"
SHARDS = 4
APPLICATIONS = ("polling", "fan-out")
KEYS = [f"key-{number}" for number in range(500)]
ROUNDS = 20       # of one record for each key
AGGREGATED = 2    # of them, the last ones: many keys' records in one
PATIENCE_S = 180
LEASE = ("leaseKey", "leaseOwner", "checkpointOwner", "leaseCounter", "checkpoint")  # told of one

Note = collections.namedtuple("Note", "at worker application shard tenure what rest")


class Leases:
    """The server for the tables of leases."""

    def __init__(self, directory):
        [port] = free_ports(1)
        self.endpoint = f"http://127.0.0.1:{port}"
        with open(os.path.join(directory, "leases"), "wb") as output:
            self.process = subprocess.Popen(
                [os.path.join(FETCHED, "leases", "node"),
                 os.path.join(FETCHED, "leases", "node_modules", "dynalite", "cli.js"),
                 "--host", "127.0.0.1", "--port", str(port),
                 "--createTableMs", "0", "--updateTableMs", "0"],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                preexec_fn=die_with_parent)

    def client(self):
        import boto3

        return boto3.client("dynamodb", endpoint_url=self.endpoint, region_name="us-east-1",
                            aws_access_key_id="any", aws_secret_access_key="any")

    def listed(self):
        """{application: what its table says of each shard}."""
        client = self.client()
        return {name: [" ".join(f"{of}={list(item[of].values())[0]}" for of in LEASE if of in item)
                       for item in client.scan(TableName=name)["Items"] if "checkpoint" in item]
                for name in APPLICATIONS}

    def make_tables(self):
        """As the library makes them, but at once with the index that it adds to those that it has
        made: dynalite adds none to a table that is there."""
        client = self.client()
        wait_until(lambda: answers(client), PATIENCE_S, "the tables' server")
        for name in APPLICATIONS:
            client.create_table(
                TableName=name, BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": attribute, "AttributeType": "S"}
                                      for attribute in ("leaseKey", "leaseOwner")],
                KeySchema=[{"AttributeName": "leaseKey", "KeyType": "HASH"}],
                GlobalSecondaryIndexes=[{
                    "IndexName": "LeaseOwnerToLeaseKeyIndex",
                    "KeySchema": [{"AttributeName": "leaseOwner", "KeyType": "HASH"},
                                  {"AttributeName": "leaseKey", "KeyType": "RANGE"}],
                    "Projection": {"ProjectionType": "KEYS_ONLY"}}])


def answers(client):
    from botocore.exceptions import BotoCoreError

    try:
        client.list_tables()
    except BotoCoreError:
        return False
    return True


class Worker:
    """One process, and the diary of what it has seen."""

    def __init__(self, name, directory, endpoint, leases, key):
        self.name = name
        self.diary = os.path.join(directory, f"{name}.diary")
        self.said = os.path.join(directory, name)
        with open(self.said, "wb") as output:
            self.process = subprocess.Popen(
                ["java", *LOUD, "-cp", os.path.join(FETCHED, "java", "classes") + ":"
                 + os.path.join(FETCHED, "java", "dependency", "*"),
                 "braid.sdk.Main", "worker", name, STREAM, self.diary],
                stdin=subprocess.PIPE, stdout=output, stderr=output, preexec_fn=die_with_parent,
                env={**os.environ, "AWS_ENDPOINT_URL": endpoint,
                     "AWS_ENDPOINT_URL_DYNAMODB": leases.endpoint, "AWS_REGION": "us-east-1",
                     "AWS_ACCESS_KEY_ID": key[0], "AWS_SECRET_ACCESS_KEY": key[1]})

    def notes(self):
        if not os.path.exists(self.diary):
            return []
        with open(self.diary, encoding="utf-8") as file:
            lines = file.read().split("\n")[:-1]  # the last one may be half written, or left so
        found = []
        for line in lines:
            at, application, shard, tenure, what, *rest = line.split(" ")
            found.append(Note(int(at), self.name, application, shard, int(tenure), what, rest))
        return found

    def words(self):
        """The last ones that it said."""
        with open(self.said, encoding="utf-8") as file:
            return file.read()[-4000:]

    def check(self):
        status = self.process.poll()
        if status is not None:
            raise AssertionError(f"{self.name} ended with {status}: {self.words()}")

    def stop(self):
        """Its applications give their leases back."""
        self.process.stdin.close()
        return self.process.wait(PATIENCE_S)


def held(worker):
    """{(application, shard)} that it reads."""
    leases = {}
    for note in worker.notes():
        if note.what == "begins":
            leases[note.tenure] = note.application, note.shard
        elif note.what in ("lost", "ends"):
            leases.pop(note.tenure, None)
    return set(leases.values())


def are_dealt(workers):
    """All shards are read, and each worker reads some of them for the application that deals leases
    by their number."""
    leases = [held(worker) for worker in workers]
    return (len(leases[0] | leases[1]) == SHARDS * len(APPLICATIONS)
            and all(any(of == "fan-out" for of, _ in of_one) for of_one in leases))


def reads_for_all(worker):
    """Whether it has leases of each application."""
    return {of for of, _ in held(worker)} == set(APPLICATIONS)


def look(condition, workers):
    for worker in workers:
        worker.check()
    return condition()


def has_started(worker):
    return {note.application for note in worker.notes()
            if note.what == "started"} == set(APPLICATIONS)


def start_both(directory, cluster, running):
    """One after the other: of two that find empty tables one may not begin."""
    workers = []
    for node in cluster.nodes[:2]:
        worker = Worker(f"worker-{len(workers)}", directory, node.endpoint, running[0], cluster.key)
        workers.append(worker)
        running.append(worker)
        wait_until(lambda: look(lambda: has_started(workers[-1]), workers), PATIENCE_S,
                   f"{worker.name} has started for both applications")
    return workers


def kill_one(workers):
    """A worker that has leases of both applications (of version 3's one worker may have all): it,
    and what it read when it died.  It stands still while its diary is looked at, as leases come
    and go."""
    for worker in filter(reads_for_all, workers):
        worker.check()
        worker.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, worker.process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        if reads_for_all(worker):
            worker.process.kill()
            return worker, held(worker)
        worker.process.send_signal(signal.SIGCONT)
    return None


def are_taken_over(leases, notes, survivor):
    """Whether it was the survivor that began to read each of them last."""
    newest = {(note.application, note.shard): note.worker for note in sorted(notes)
              if note.what == "begins"}
    return all(newest[lease] == survivor for lease in leases)


def put_round(client, number):
    """One record for each key; what was refused is put again before the next round."""
    left = KEYS
    while left:
        answer = client.put_records(StreamName=STREAM, Records=[
            {"PartitionKey": key, "Data": f"{key}:{number}".encode()} for key in left])
        left = [key for key, outcome in zip(left, answer["Records"]) if "ErrorCode" in outcome]


def hash_of(key):
    return int(hashlib.md5(key.encode()).hexdigest(), 16)


def put_aggregated(client, number):
    """As the Kinesis Producer Library: what one shard takes in one record, under its hash key."""
    sys.path.insert(0, os.path.join(FETCHED, "python"))
    from aws_kinesis_agg.aggregator import RecordAggregator
    sys.path.pop(0)

    for shard in shards(client, STREAM, ShardFilter={"Type": "AT_LATEST"}).values():
        first, last = hash_range(shard)
        aggregator = RecordAggregator()
        for key in KEYS:
            if first <= hash_of(key) <= last:
                aggregator.add_user_record(key, f"{key}:{number}".encode())
        partition_key, _, data = aggregator.clear_and_get().get_contents()
        client.put_record(StreamName=STREAM, PartitionKey=partition_key, Data=data,
                          ExplicitHashKey=middle_of(shard))


def play(cluster, workers):
    """Puts all rounds, with what happens between them.  The shards that the killed worker read, and
    the other worker."""
    client = cluster.client(1, attempts=5)
    for number in range(ROUNDS - AGGREGATED):
        put_round(cluster.client(1 + number % 3, attempts=5), number)
        if number == 3:
            listed = shards(client, STREAM, ShardFilter={"Type": "AT_LATEST"})
            first = min(listed.values(), key=hash_range)
            client.split_shard(StreamName=STREAM, ShardToSplit=first["ShardId"],
                               NewStartingHashKey=middle_of(first))
            wait_active(client, STREAM)
        elif number == 7:
            listed = shards(client, STREAM, ShardFilter={"Type": "AT_LATEST"})
            one, other = sorted(listed.values(), key=hash_range)[2:4]
            client.merge_shards(StreamName=STREAM, ShardToMerge=one["ShardId"],
                                AdjacentShardToMerge=other["ShardId"])
            wait_active(client, STREAM)
        elif number == 12:
            victim, killed = wait_until(lambda: kill_one(workers), PATIENCE_S,
                                        "one has leases of both applications")
            [survivor] = [worker for worker in workers if worker is not victim]
    for number in range(ROUNDS - AGGREGATED, ROUNDS):
        put_aggregated(client, number)
    return killed, survivor


def firsts(notes, application):
    """{record: when it was first seen}, a record being a key and a round."""
    seen = {}
    for note in notes:
        if note.application == application and note.what == "record":
            seen.setdefault(note.rest[2], note.at)
    return seen


def await_all(workers, survivor, leases):
    """Until both applications have seen each record; else it says which they lack, and who reads
    what."""
    def seen():
        notes = workers[0].notes() + workers[1].notes()
        return {application: firsts(notes, application) for application in APPLICATIONS}

    def all_seen():
        survivor.check()
        return all(len(records) >= len(KEYS) * ROUNDS for records in seen().values())

    try:
        wait_until(all_seen, PATIENCE_S, "all records seen by both applications")
    except AssertionError as error:
        lacking = {application: collections.Counter(
            f"round {number}" for number in range(ROUNDS) for key in KEYS
            if f"{key}:{number}" not in records) for application, records in seen().items()}
        raise AssertionError(f"{error}: they lack {lacking}; {survivor.name} reads"
                             f" {sorted(held(survivor))} of {leases.listed()}, and said"
                             f" {survivor.words()}") from error


Outcome = collections.namedtuple("Outcome", "notes killed survivor lineage")


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    directory = str(tmp_path_factory.mktemp("kcl"))
    with Cluster(nodes=3, keys={"kcl": "its/secret+key+of+the+tests"},
                 options=OWN_LIMITS) as cluster:
        cluster.create_stream(STREAM, shards=SHARDS)
        running = [Leases(directory)]
        try:
            running[0].make_tables()
            workers = start_both(directory, cluster, running)
            wait_until(lambda: look(lambda: are_dealt(workers), workers), PATIENCE_S,
                       "all leases are dealt")
            killed, survivor = play(cluster, workers)

            await_all(workers, survivor, running[0])
            wait_until(lambda: look(lambda: are_taken_over(
                killed, workers[0].notes() + workers[1].notes(), survivor.name), [survivor]),
                PATIENCE_S, "the killed worker's leases are taken over")
            status = survivor.stop()
            assert status == 0, survivor.words()
            notes = sorted(workers[0].notes() + workers[1].notes())
            lineage = shards(cluster.client(1, attempts=5), STREAM)
        finally:
            for one in running:
                one.process.kill()
                one.process.wait()
        yield Outcome(notes, killed, survivor.name, lineage)


@pytest.mark.parametrize("application", APPLICATIONS)
def test_every_record_is_seen(outcome, application):
    expected = {f"{key}:{number}" for key in KEYS for number in range(ROUNDS)}
    assert set(firsts(outcome.notes, application)) == expected


@pytest.mark.parametrize("application", APPLICATIONS)
def test_each_key_is_seen_in_its_order(outcome, application):
    """Who takes a lease over reads from the last checkpoint on: again, never ahead."""
    seen = firsts(outcome.notes, application)
    for key in KEYS:
        times = [seen[f"{key}:{number}"] for number in range(ROUNDS)]
        assert times == sorted(times), key


@pytest.mark.parametrize("application", APPLICATIONS)
def test_who_has_a_lease_reads_each_record_once_and_in_order(outcome, application):
    newest = collections.defaultdict(lambda: (-1, -1))
    for note in outcome.notes:
        if note.application == application and note.what == "record":
            of = note.worker, note.tenure
            place = int(note.rest[0]), int(note.rest[1])
            assert place > newest[of], note
            newest[of] = place


@pytest.mark.parametrize("application", APPLICATIONS)
def test_children_are_read_when_their_parents_have_ended(outcome, application):
    began, ended = {}, {}
    for note in outcome.notes:
        if note.application == application and note.what == "begins":
            began.setdefault(note.shard, note.at)
        elif note.application == application and note.what == "ends":
            ended.setdefault(note.shard, note.at)
    children = 0
    for name, shard in outcome.lineage.items():
        for parent in ("ParentShardId", "AdjacentParentShardId"):
            if parent in shard:
                children += 1
                assert began[name] > ended[shard[parent]], (name, shard[parent])
    assert children == 4  # two of a split, one of a merge, which has two parents


def test_the_leases_of_a_killed_worker_are_taken_over(outcome):
    assert {application for application, _ in outcome.killed} == set(APPLICATIONS)
    assert are_taken_over(outcome.killed, outcome.notes, outcome.survivor)


@pytest.mark.parametrize("application", APPLICATIONS)
def test_aggregated_records_come_one_by_one(outcome, application):
    """Their parts have one sequence number, and numbers of their own beneath it."""
    parts = {(note.rest[0], note.rest[1]) for note in outcome.notes
             if note.application == application and note.what == "record"
             and int(re.sub(r".*:", "", note.rest[2])) >= ROUNDS - AGGREGATED}
    assert len(parts) == AGGREGATED * len(KEYS)
    assert len({sequence for sequence, _ in parts}) < len(KEYS)
