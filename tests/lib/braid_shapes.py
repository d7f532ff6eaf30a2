"""Holds each answer against botocore's own model of the service: no member that the model does not
know, none missing that it requires, each of its type.

    watch(client)      from now on every answer of the client is checked

Debian's botocore is older than the model that Braid follows: NEWER lists what came since.
"""

import base64
import json
import re

# (shape, member) -> JSON type, of members that AWS added after Debian 12's botocore.
NEWER = {
    ("ListStreamsOutput", "NextToken"): str,
    ("ListStreamsOutput", "StreamSummaries"): list,
    ("StreamDescriptionSummary", "MaxRecordSizeInKiB"): int,
    ("StreamDescriptionSummary", "WarmThroughput"): dict,
    ("StreamDescriptionSummary", "ChannelCount"): int,
    ("StreamDescriptionSummary", "RecordDistributionStrategy"): str,
}
REQUEST_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def wrong_structure(shape, value, path):
    if not isinstance(value, dict):
        yield f"{path}: {value!r} is no structure"
        return
    for name in shape.required_members:
        if name not in value:
            yield f"{path}.{name} is missing"
    for name, inner in value.items():
        if name in shape.members:
            yield from wrong(shape.members[name], inner, f"{path}.{name}")
        elif not isinstance(inner, NEWER.get((shape.name, name), ())):
            yield f"{path}.{name} is unknown to the model, or of a wrong type: {inner!r}"


def wrong_text(shape, value, path):
    limits = shape.metadata
    if not isinstance(value, str):
        yield f"{path}: {value!r} is no text"
        return
    if not limits.get("min", 0) <= len(value) <= limits.get("max", len(value)):
        yield f"{path}: length of {value!r}"
    if "pattern" in limits and not re.fullmatch(limits["pattern"], value):
        yield f"{path}: {value!r} does not match {limits['pattern']}"
    if getattr(shape, "enum", None) and value not in shape.enum:
        yield f"{path}: {value!r} is none of {shape.enum}"


def wrong_number(shape, value, path):
    limits = shape.metadata
    if isinstance(value, bool) or not isinstance(value, int):
        yield f"{path}: {value!r} is no whole number"
    # FailedRecordCount has a minimum of 1 in the model, and AWS answers 0.
    elif not path.endswith(".FailedRecordCount") and value < limits.get("min", value):
        yield f"{path}: {value} is below {limits['min']}"


def wrong_blob(_, value, path):
    try:
        base64.b64decode(value, validate=True)
    except (TypeError, ValueError):
        yield f"{path}: {value!r} is not base64"


def wrong_timestamp(_, value, path):
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        yield f"{path}: {value!r} is no number of seconds"
    elif not 1e9 < value < 1e10:
        yield f"{path}: {value!r} are no seconds since the epoch"


def wrong_boolean(_, value, path):
    if not isinstance(value, bool):
        yield f"{path}: {value!r} is neither true nor false"


def wrong_list(shape, value, path):
    if not isinstance(value, list):
        yield f"{path}: {value!r} is no list"
        return
    for at, inner in enumerate(value):
        yield from wrong(shape.member, inner, f"{path}[{at}]")


CHECKS = {"structure": wrong_structure, "list": wrong_list, "string": wrong_text,
          "integer": wrong_number, "long": wrong_number, "blob": wrong_blob,
          "timestamp": wrong_timestamp, "boolean": wrong_boolean}


def wrong(shape, value, path):
    """Everything about `value` that the model does not allow."""
    yield from CHECKS[shape.type_name](shape, value, path)


def check_answer(http_response, model, **_):
    headers = http_response.headers
    assert REQUEST_ID.fullmatch(headers.get("x-amzn-RequestId", "")), dict(headers)
    assert headers.get("Content-Type") == "application/x-amz-json-1.1", dict(headers)
    if http_response.status_code >= 300:
        return
    body = http_response.content
    if model.output_shape is None:
        assert body in (b"", b"{}"), f"{model.name} has no answer, but got {body!r}"
        return
    found = list(wrong(model.output_shape, json.loads(body), model.name))
    assert not found, "\n".join(found)


def watch(client):
    client.meta.events.register("after-call.kinesis", check_answer)
    return client
