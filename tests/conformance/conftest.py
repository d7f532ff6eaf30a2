"""One cluster of three nodes for all files; each test runs against each node, whoever leads."""

import itertools

import pytest
from braid_cluster import Cluster
from braid_shapes import watch

numbers = itertools.count(1)


@pytest.fixture(scope="session")
def cluster():
    with Cluster(nodes=3) as cluster:
        yield cluster


@pytest.fixture(params=[1, 2, 3], ids=["node-1", "node-2", "node-3"])
def node(request, cluster):
    return cluster[request.param]


@pytest.fixture
def kinesis(cluster, node):
    """boto3 at one node; every answer is held against botocore's model."""
    return watched(cluster, node.number)


clients = {}


def watched(cluster, number):
    if number not in clients:
        clients[number] = watch(cluster.client(number))
    return clients[number]


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
