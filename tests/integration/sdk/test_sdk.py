"""The SDKs for Python, JavaScript, Go and Java, unmodified and in their default configuration: all
they are told is the endpoint, the region and the keys, in the environment.  All programs run at
once against one cluster, each with a stream of its own; README.md says what they do.

$BRAID_SDK is the folder that fetch has filled (default: build/sdk)."""

import collections
import os
import re
import subprocess
import sys
import time

import pytest
from braid_cluster import OWN_LIMITS, ROOT, STEADY, Cluster

HERE = os.path.dirname(os.path.abspath(__file__))
FETCHED = os.path.abspath(os.environ.get("BRAID_SDK", os.path.join(ROOT, "build", "sdk")))
PATIENCE_S = 180
LANGUAGES = {
    "python": lambda program: [sys.executable, os.path.join(HERE, "python", f"{program}.py")],
    "javascript": lambda program: [os.path.join(FETCHED, "javascript", "node"),
                                   os.path.join(FETCHED, "javascript", f"{program}.js")],
    "go": lambda program: [os.path.join(FETCHED, "go", "sdk"), program],
    "java": lambda program: ["java", "-cp", os.path.join(FETCHED, "java", "classes") + ":"
                             + os.path.join(FETCHED, "java", "dependency", "*"),
                             "braid.sdk.Main", program],
}
PROGRAMS = [(language, program) for program in ("journey", "walk") for language in LANGUAGES]
PROGRAMS += [("python", "aggregated"), ("java", "aggregated")]


def done_operations():
    with open(os.path.join(ROOT, "docs", "api-coverage.md"), encoding="utf-8") as file:
        return set(re.findall(r"^\| (\w+) \| yes \|", file.read(), re.M))


def start(language, program, endpoint, key, directory):
    with open(os.path.join(directory, f"{language}-{program}"), "wb") as output:
        return subprocess.Popen(
            LANGUAGES[language](program), stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            env={**os.environ, "AWS_ENDPOINT_URL": endpoint, "AWS_REGION": "us-east-1",
                 "AWS_ACCESS_KEY_ID": key[0], "AWS_SECRET_ACCESS_KEY": key[1],
                 "PYTHONPATH": os.path.join(FETCHED, "python"), "PYTHONDONTWRITEBYTECODE": "1"})


def await_all(cluster, processes):
    """Until all have ended; returns the most HTTP/2 connections that were seen at once."""
    end = time.monotonic() + PATIENCE_S
    most = 0
    while time.monotonic() < end and any(process.poll() is None for process in processes):
        most = max(most, sum(node.metric("braid_http_h2_connections") for node in cluster.nodes))
        time.sleep(0.2)
    return most


# `said`: {(language, program): its exit status and what it said}.
Outcomes = collections.namedtuple("Outcomes", "said http2")


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """Of all programs, run once."""
    directory = tmp_path_factory.mktemp("sdk")
    with Cluster(nodes=3, keys={"sdk": "its/secret+key+of+the+tests"},
                 options={**OWN_LIMITS, **STEADY}) as cluster:
        running = {}
        try:
            for number, (language, program) in enumerate(PROGRAMS):
                endpoint = cluster.nodes[number % 3].endpoint
                running[language, program] = start(language, program, endpoint, cluster.key,
                                                   directory)
            http2 = await_all(cluster, running.values())
        finally:
            statuses = {of: process.poll() for of, process in running.items()}
            for process in running.values():
                process.kill()
        yield Outcomes({of: (status, (directory / "-".join(of)).read_text())
                        for of, status in statuses.items()}, http2)


def said_by(outcomes, language, program):
    status, said = outcomes.said[language, program]
    assert status == 0, f"{program} in {language} ended with {status}: {said}"
    return said


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_lost_from_create_to_delete(outcomes, language):
    said = said_by(outcomes, language, "journey")
    assert said.count(": 10000 records, each key in order") == 2, said
    assert "created, split, merged, read twice and deleted" in said


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_operation_is_understood(outcomes, language):
    said = said_by(outcomes, language, "walk")
    walked = re.search(r"^walked: (.*)$", said, re.M).group(1).split()
    assert set(walked) == done_operations()


@pytest.mark.parametrize("language", ["python", "java"])
def test_aggregated_records_pass_through_untouched(outcomes, language):
    """Python with AWS's aggregation library, Java with the reader of the Kinesis Client Library."""
    assert said_by(outcomes, language, "aggregated").count("aggregated: ") == 1


def test_javascript_and_java_speak_http2_in_clear(outcomes):
    """A connection at least of each of their three clients that have it as their default."""
    assert outcomes.http2 >= 3
