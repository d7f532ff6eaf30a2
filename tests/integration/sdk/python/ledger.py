"""What was put and what a reader got, and whether the one follows from the other."""

import threading

KEYS = [f"key-{number:03}" for number in range(500)]
ROUNDS = 20


class Lost(Exception):
    """A sentence for whoever runs the script: what is missing, out of order, or there twice."""


class Ledger:
    """One reader's records: each key must bring the rounds 0, 1, 2, ... in this order."""

    def __init__(self, name):
        self.name = name
        self.lock = threading.Lock()
        self.rounds = {key: [] for key in KEYS}
        self.missing = len(KEYS) * ROUNDS
        self.doubled = set()

    def add(self, records):
        with self.lock:
            for record in records:
                self._add(record["PartitionKey"], record["Data"].decode())

    def _add(self, key, data):
        of, _, text = data.partition(":")
        if of != key:
            raise Lost(f"{self.name}: the record {data} came under the key {key}")
        seen, number = self.rounds[key], int(text)
        if number == len(seen):
            seen.append(number)
            self.missing -= 1
        elif number == len(seen) - 1:
            self.doubled.add(number)
        elif number < len(seen):
            raise Lost(f"{self.name}: {key} went back from round {len(seen) - 1} to {number}")
        else:
            raise Lost(f"{self.name}: {key} has no round {len(seen)}, {number} came instead")

    def check(self, retried):
        """`retried` are the rounds in which the client sent a request more than once."""
        if self.missing:
            raise Lost(f"{self.name}: {self.missing} records never came")
        unexplained = sorted(self.doubled - retried)
        if unexplained:
            raise Lost(f"{self.name}: records of the rounds {unexplained} came twice unasked")
        print(f"{self.name}: {len(KEYS) * ROUNDS} records, each key in order, "
              f"{len(self.doubled)} rounds doubled by retries")
