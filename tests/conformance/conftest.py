"""One cluster of three nodes for all files; each test runs against each node, whoever leads, and
once more in CBOR."""

import itertools

import pytest
from braid_cluster import STEADY, Cluster
from braid_http import CBOR_TYPE, JSON_TYPE, Speaking
from braid_shapes import over_cbor, watch

numbers = itertools.count(1)


@pytest.fixture(scope="session")
def cluster():
    # AWS's counts of a day, of one call and of a stream, which no test meets by accident;
    # test_limits.py and test_call_limits.py have the other limits.
    with Cluster(nodes=3, options={"mode-switches-per-day": "2", "encryptions-per-day": "25",
                                   "put-records-per-call": "500", "put-bytes-per-call": "10M",
                                   "consumers-per-stream": "20",
                                   "record-kib": "1024", **STEADY}) as cluster:
        yield cluster


@pytest.fixture(params=[(1, JSON_TYPE), (2, JSON_TYPE), (3, JSON_TYPE), (2, CBOR_TYPE)],
                ids=["node-1", "node-2", "node-3", "node-2-cbor"])
def node(request, cluster):
    number, content_type = request.param
    return Speaking(cluster[number], content_type)


@pytest.fixture
def kinesis(cluster, node):
    """boto3 at one node; every answer is held against botocore's model."""
    key = node.number, node.content_type
    if key not in clients:
        cbor = node.content_type == CBOR_TYPE
        # a client of its own, although all are configured alike
        clients[key] = (over_cbor(cluster.client(node.number, timeout_s=31, newest=True)) if cbor
                        else watch(cluster.client(node.number, newest=True)))
    return clients[key]


clients = {}


@pytest.fixture
def new_name():
    return lambda: f"made-{next(numbers)}"


@pytest.fixture(scope="module")
def stream(cluster, request):
    """A stream of three shards for the tests of one file."""
    name = f"of-{request.module.__name__}"
    cluster.create_stream(name, shards=3)
    return name


@pytest.fixture(scope="session")
def account(cluster):
    return cluster.state()["account"]
