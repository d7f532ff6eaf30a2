"""A cluster of three nodes for the files that do it no harm; the others start their own."""

import pytest
from braid_cluster import STEADY, Cluster


@pytest.fixture(scope="session")
def cluster():
    with Cluster(nodes=3, options={"record-kib": "1024", **STEADY}) as cluster:
        yield cluster
