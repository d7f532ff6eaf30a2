"""Iterators (GetRecords) and next tokens (ListShards, ListStreamConsumers, ListStreams) live for five
minutes.  Nobody waits for that: the third node's clock is ahead."""

import email.utils
import re
import time

import pytest
from braid_cluster import STEADY, Cluster, wait_until
from braid_http import call
from braid_ill import IllMachine
from braid_records import SHARDS_OF_THREE, error_of, iterator

STREAM = "hourglass"
YOUNG_S, OLD_S = 290, 310


@pytest.fixture(scope="module")
def cluster():
    with Cluster(nodes=3, start=False, options=STEADY) as cluster:
        cluster.machine = IllMachine(cluster[3])
        cluster.start_all()
        cluster.create_stream(STREAM, shards=3)
        cluster.create_stream(STREAM + "-too")
        arn = arn_of(client_of(cluster, 1))
        for name in ("one", "two"):
            client_of(cluster, 1).register_stream_consumer(StreamARN=arn, ConsumerName=name)
        yield cluster


def client_of(cluster, number):
    return cluster.client(number, newest=True)


def arn_of(client):
    return client.describe_stream_summary(StreamName=STREAM)["StreamDescriptionSummary"][
        "StreamARN"]


def ahead_s(node):
    _, _, headers = call(node, "DescribeLimits", {})
    return email.utils.parsedate_to_datetime(headers["Date"]).timestamp() - time.time()


@pytest.fixture
def ahead(cluster):
    """ahead(SECONDS): a client of a node whose clock is so far ahead of the others'."""

    def set_clock(seconds):
        cluster.machine.set("clock_ms", seconds * 1000)
        wait_until(lambda: abs(ahead_s(cluster[3]) - seconds) < 5, 30, "the clock is set")
        return client_of(cluster, 3)

    yield set_clock
    set_clock(0)


def test_an_iterator_expires_after_five_minutes(cluster, ahead):
    token = iterator(client_of(cluster, 1), STREAM, SHARDS_OF_THREE[0])
    assert "NextShardIterator" in ahead(YOUNG_S).get_records(ShardIterator=token)
    name, status, message = error_of(ahead(OLD_S).get_records, ShardIterator=token)
    assert (name, status) == ("ExpiredIteratorException", 400)
    assert re.fullmatch(r"Iterator expired\. The iterator was created at time \w{3} \w{3} \d\d "
                        r"[\d:]{8} UTC \d{4} while right now it is \w{3} \w{3} \d\d [\d:]{8} UTC "
                        r"\d{4} which is further in the future than the tolerated delay of 300000 "
                        r"milliseconds\.", message), message


@pytest.mark.parametrize("operation", ["list_shards", "list_stream_consumers", "list_streams"])
def test_a_next_token_expires_after_five_minutes(cluster, ahead, operation):
    client = client_of(cluster, 1)
    stream = {"StreamARN": arn_of(client)} if operation == "list_stream_consumers" else {}
    first = {"list_shards": {"StreamName": STREAM, "MaxResults": 1},
             "list_stream_consumers": {"MaxResults": 1}, "list_streams": {"Limit": 1}}[operation]
    token = getattr(client, operation)(**first, **stream)["NextToken"]
    getattr(ahead(YOUNG_S), operation)(NextToken=token, **stream)
    assert error_of(getattr(ahead(OLD_S), operation), NextToken=token, **stream) == (
        "ExpiredNextTokenException", 400, "NextToken expired. It is further in the past than the "
        "tolerated delay of 300000 milliseconds.")
