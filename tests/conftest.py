"""For conformance and integration: where the shared modules are, and the nodes' logs of a test
that fails."""

import itertools
import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
sys.dont_write_bytecode = True

# Whatever the machine is configured with must not lead a test to another cluster or to AWS.
for name in list(os.environ):
    if name.startswith(("AWS_", "BRAID_")) and name not in (
            "BRAID_BUILD", "BRAID_KILLS", "BRAID_SDK", "BRAID_SEED"):
        del os.environ[name]
os.environ.update(AWS_ACCESS_KEY_ID="any", AWS_SECRET_ACCESS_KEY="any",
                  AWS_DEFAULT_REGION="us-east-1", AWS_EC2_METADATA_DISABLED="true",
                  AWS_CONFIG_FILE="/dev/null", AWS_SHARED_CREDENTIALS_FILE="/dev/null",
                  no_proxy="127.0.0.1", NO_PROXY="127.0.0.1")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        from braid_cluster import open_clusters

        for cluster in open_clusters:
            for path, text in cluster.log_tails():
                report.sections.append((f"end of {path}", text))


def pytest_addoption(parser):
    parser.addoption("--claims", metavar="DIR", help="several programs run the files between them:"
                     " each takes the next one that has no claim in DIR, and leaves its own")


def claimed(items, claims):
    """The tests of the files that nobody else has."""
    for path, tests in itertools.groupby(items, key=lambda item: item.path):
        try:
            os.close(os.open(os.path.join(claims, path.name), os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            continue
        yield from tests


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session):
    """As pytest's own, of the claimed files only."""
    claims = session.config.option.claims
    if not claims or session.testsfailed or session.config.option.collectonly:
        return None
    tests = claimed(session.items, claims)
    test = next(tests, None)
    while test:
        following = next(tests, None)
        test.config.hook.pytest_runtest_protocol(item=test, nextitem=following)
        if session.shouldstop:
            raise session.Interrupted(session.shouldstop)
        test = following
    return True
