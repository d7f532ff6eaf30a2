"""DescribeLimits, DescribeAccountSettings and UpdateAccountSettings."""

import datetime

import pytest
from braid_http import call, fault

DAY = datetime.timedelta(days=1)


def test_limits_count_what_there_is(cluster, kinesis, new_name):
    before = kinesis.describe_limits()
    assert before["ShardLimit"] == 20000 and before["OnDemandStreamCountLimit"] == 10000
    for more in ({"ShardCount": 3}, {"StreamModeDetails": {"StreamMode": "ON_DEMAND"}}):
        name = new_name()
        kinesis.create_stream(StreamName=name, **more)
        cluster.await_active(name)
    after = kinesis.describe_limits()
    assert after["OpenShardCount"] == before["OpenShardCount"] + 7
    assert after["OnDemandStreamCount"] == before["OnDemandStreamCount"] + 1


def status_of(client, cluster):
    said = client.describe_account_settings()["MinimumThroughputBillingCommitment"]
    for number in (1, 2, 3):
        other = cluster.client(number, newest=True)
        assert other.describe_account_settings()["MinimumThroughputBillingCommitment"] == said
    return said


def test_a_commitment_lasts_for_a_day_at_least(cluster, kinesis):
    said = kinesis.update_account_settings(MinimumThroughputBillingCommitment={
        "Status": "ENABLED"})["MinimumThroughputBillingCommitment"]
    assert said["Status"] == "ENABLED" and "EndedAt" not in said
    assert said["EarliestAllowedEndAt"] - said["StartedAt"] == DAY
    assert status_of(kinesis, cluster) == said
    ending = kinesis.update_account_settings(MinimumThroughputBillingCommitment={
        "Status": "DISABLED"})["MinimumThroughputBillingCommitment"]
    assert ending == {**said, "Status": "ENABLED_UNTIL_EARLIEST_ALLOWED_END"}
    assert status_of(kinesis, cluster) == ending
    again = kinesis.update_account_settings(MinimumThroughputBillingCommitment={
        "Status": "ENABLED"})["MinimumThroughputBillingCommitment"]
    assert again == said and status_of(kinesis, cluster) == said


@pytest.mark.parametrize("body, path", [
    ({}, "minimumThroughputBillingCommitment"),
    ({"MinimumThroughputBillingCommitment": {}}, "minimumThroughputBillingCommitment.status"),
    ({"MinimumThroughputBillingCommitment": {"Status": "ENABLED_UNTIL_EARLIEST_ALLOWED_END"}},
     "minimumThroughputBillingCommitment.status")])
def test_what_the_model_forbids_is_a_validation_error(node, body, path):
    status, name, message = fault(call(node, "UpdateAccountSettings", body))
    assert (status, name) == (400, "ValidationException")
    assert f" at '{path}' failed to satisfy constraint: Member must" in message, message
