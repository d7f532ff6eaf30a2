"""One who writes and must not notice anything: no call fails, and nothing acknowledged is lost."""

import threading

from braid_records import read_stream


class Writer:
    """Puts one record after the other into the stream "s", to all shards, until the block ends."""

    def __init__(self, client, name="w"):
        self.client, self.name = client, name
        self.acknowledged, self.failures, self.retries = [], [], 0
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        while not self.stop.is_set():
            text = f"{self.name}/{len(self.acknowledged) + len(self.failures)}"
            try:
                answer = self.client.put_record(StreamName="s", PartitionKey=text,
                                                Data=text.encode())
            except Exception as fault:  # whatever it is, the writer had to notice
                self.failures.append(fault)
                continue
            self.retries += answer["ResponseMetadata"]["RetryAttempts"]
            self.acknowledged.append(text)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join(90)
        assert not self.thread.is_alive(), "a put has neither an answer nor a time-out"


def check_writers(client, writers, at_least):
    """Each had no failure and more than `at_least` records, all of which the stream has."""
    shards = read_stream(client, "s").values()
    found = {record["Data"].decode() for records in shards for record in records}
    for writer in writers:
        assert not writer.failures, writer.failures[:5]
        assert len(writer.acknowledged) > at_least, "it hardly wrote"
        lost = [text for text in writer.acknowledged if text not in found]
        assert not lost, f"{len(lost)} of {len(writer.acknowledged)} records are lost: {lost[:5]}"
