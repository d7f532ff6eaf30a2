"""For conformance and integration: where the shared modules are, and the nodes' logs of a test
that fails."""

import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
sys.dont_write_bytecode = True

# Whatever the machine is configured with must not lead a test to another cluster or to AWS.
for name in list(os.environ):
    if name.startswith(("AWS_", "BRAID_")) and name not in (
            "BRAID_BUILD", "BRAID_KILLS", "BRAID_PATIENT", "BRAID_SEED"):
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
