"""Producers that remember every attempt, and the proof that a stream holds what they were promised.

Each producer has one partition key and puts numbered records one after the other, at whatever node
answers; a record that was not acknowledged is put again as a new attempt.  So afterwards, for each
attempt, the stream must hold

    acknowledged   exactly one record, in the shard and under the number that were promised
    refused        none or one: the outcome was unknown
    and nothing that nobody put
"""

import collections
import random
import threading
import time

from botocore.exceptions import BotoCoreError, ClientError
from braid_records import read_stream

BATCH = 20  # records of one PutRecords; every other call is a PutRecord
PASSING = {"ProvisionedThroughputExceededException", "InternalFailure", "ServiceUnavailable",
           "ServiceUnavailableException", "LimitExceededException", "500", "503"}


class Producer:
    def __init__(self, clients, stream, name, seed, pause_s):
        self.clients, self.stream, self.key = clients, stream, name
        self.pause_s = pause_s
        self.chance = random.Random(f"{seed}-{name}")
        self.next = 0
        self.attempts = set()
        self.acknowledged = {}  # attempt -> (shard, sequence number)
        self.in_order = []      # attempts, as they were acknowledged
        self.broken = []        # errors that no cluster may answer
        self.trouble = collections.Counter()
        self.acknowledged_at = time.monotonic()
        self.longest_s = 0.0    # between two acknowledgements

    def attempt(self, number, again):
        text = f"{self.key}/{number}/{again}"
        self.attempts.add(text)
        return text

    def promise(self, text, answer):
        self.acknowledged[text] = (answer["ShardId"], int(answer["SequenceNumber"]))
        self.in_order.append(text)
        now = time.monotonic()
        self.longest_s = max(self.longest_s, now - self.acknowledged_at)
        self.acknowledged_at = now

    def put(self, waiting, again):
        """One call with the records of these numbers; those that were not acknowledged."""
        client = self.chance.choice(self.clients)
        texts = [self.attempt(number, again) for number in waiting]
        try:
            if len(waiting) == 1:
                self.promise(texts[0], client.put_record(
                    StreamName=self.stream, PartitionKey=self.key, Data=texts[0].encode()))
                return []
            answer = client.put_records(StreamName=self.stream, Records=[
                {"Data": text.encode(), "PartitionKey": self.key} for text in texts])
        except ClientError as fault:
            self.note(fault.response["Error"]["Code"], fault)
            return waiting
        except BotoCoreError as fault:  # refused, reset, timed out
            self.trouble[type(fault).__name__] += 1
            return waiting
        left = []
        for number, text, outcome in zip(waiting, texts, answer["Records"]):
            if "ErrorCode" in outcome:
                self.note(outcome["ErrorCode"], outcome)
                left.append(number)
            else:
                self.promise(text, outcome)
        return left

    def note(self, code, fault):
        self.trouble[code] += 1
        if code not in PASSING:
            self.broken.append(fault)

    def run(self, stop):
        while not stop.is_set():
            count = self.chance.choice([1, BATCH])
            waiting, again = list(range(self.next, self.next + count)), 0
            self.next += count
            while waiting and not stop.is_set():
                waiting = self.put(waiting, again)
                again += 1
                if waiting:
                    time.sleep(0.02)
            stop.wait(self.pause_s)


class Load:
    """Producers in threads: `with Load(...) as load: ...` then `load.check(client)`."""

    def __init__(self, clients, stream, producers=4, seed=0, pause_s=0):
        self.stream = stream
        self.producers = [Producer(clients, stream, f"p{i}", seed, pause_s)
                          for i in range(producers)]
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(producer,), daemon=True)
                        for producer in self.producers]
        self.crashes = []

    def run(self, producer):
        try:
            producer.run(self.stop)
        except Exception as fault:  # a thread's exception would go unseen
            self.crashes.append(fault)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join(90)
            assert not thread.is_alive(), "a request has neither an answer nor a time-out"

    def count(self):
        return sum(len(producer.in_order) for producer in self.producers)

    def describe(self):
        trouble = sum((producer.trouble for producer in self.producers), collections.Counter())
        longest = max(producer.longest_s for producer in self.producers)
        return (f"{self.count()} records acknowledged, longest time without one {longest:.1f} s, "
                f"trouble: {dict(trouble)}")

    def check(self, client):
        """Reads the whole stream at `client` and proves the promises."""
        assert not self.crashes, self.crashes
        broken = [fault for producer in self.producers for fault in producer.broken]
        assert not broken, broken[:5]
        found = {}
        for shard, records in read_stream(client, self.stream).items():
            last = 0
            for record in records:
                text, number = record["Data"].decode(), int(record["SequenceNumber"])
                assert number > last, f"{shard}: {number} does not follow {last}"
                assert text not in found, f"{text} twice: {found[text]}, {(shard, number)}"
                found[text] = (shard, number)
                last = number
        for producer in self.producers:
            self.check_producer(producer, found)
        known = set().union(*(producer.attempts for producer in self.producers))
        assert not set(found) - known, f"nobody put {sorted(set(found) - known)[:5]}"
        return found

    @staticmethod
    def check_producer(producer, found):
        lost = [text for text in producer.in_order if text not in found]
        assert not lost, f"{len(lost)} acknowledged records are not there: {lost[:5]}"
        for text, promised in producer.acknowledged.items():
            assert found[text] == promised, f"{text} was promised {promised}, is at {found[text]}"
        numbers = [producer.acknowledged[text][1] for text in producer.in_order]
        assert numbers == sorted(numbers), f"{producer.key}: not in the order of acknowledgement"
