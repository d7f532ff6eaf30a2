"""CreateChannel, DeleteChannel, DescribeChannel, ListChannels and UpdateChannel: as AWS answers an
operation that a region does not have."""

import pytest
from braid_http import call, fault


@pytest.mark.parametrize("operation", ["CreateChannel", "DeleteChannel", "DescribeChannel",
                                       "ListChannels", "UpdateChannel"])
def test_channels_are_unknown(node, operation):
    for body in ({}, {"ChannelARN": "arn:aws:kinesis:us-east-1:123456789012:channel/c"}):
        assert fault(call(node, operation, body)) == (400, "UnknownOperationException", None)
