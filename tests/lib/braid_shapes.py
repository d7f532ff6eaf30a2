"""Holds each answer against botocore's own model of the service: no member that the model does not
know, none missing that it requires, each of its type.

    watch(client)      from now on every answer of the client is checked
    over_cbor(client)  likewise, and its requests go over the wire in CBOR

Debian's botocore is older than the model that Braid follows, and no botocore had all of it when this
was written: tests/lib/models has what it was by September 2026, without its texts.
"""

import base64
import http.client
import itertools
import json
import re
import urllib.parse

from braid_cbor import Tag, decode, encode
from braid_http import CBOR_TYPE, JSON_TYPE

# What the front of the service says of any operation.
COMMON_ERRORS = {"InternalFailure", "ServiceUnavailable", "SerializationException",
                 "ValidationException", "InvalidArgumentException"}
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
        else:
            yield f"{path}.{name} is unknown to the model: {inner!r}"


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


def from_cbor(shape, value):
    """What JSON would have said: byte strings in base64, times in seconds.  What is of the wrong
    type stays as it is, and is found to be wrong later."""
    if shape.type_name == "structure" and isinstance(value, dict):
        return {name: from_cbor(shape.members[name], inner) if name in shape.members else inner
                for name, inner in value.items()}
    if shape.type_name == "list" and isinstance(value, list):
        return [from_cbor(shape.member, inner) for inner in value]
    if shape.type_name == "blob":
        return base64.b64encode(value).decode() if isinstance(value, bytes) else None
    if shape.type_name == "timestamp":
        whole = isinstance(value, Tag) and value.number == 1 and type(value.value) is int
        return value.value / 1000 if whole else None
    return value


def to_cbor(shape, value):
    if shape.type_name == "structure":
        return {name: to_cbor(shape.members[name], inner) for name, inner in value.items()}
    if shape.type_name == "list":
        return [to_cbor(shape.member, inner) for inner in value]
    if shape.type_name == "blob":
        return base64.b64decode(value)
    if shape.type_name == "timestamp":
        return Tag(1, round(value * 1000))
    return value


CHECKS = {"structure": wrong_structure, "list": wrong_list, "string": wrong_text,
          "integer": wrong_number, "long": wrong_number, "blob": wrong_blob,
          "timestamp": wrong_timestamp, "boolean": wrong_boolean}


def wrong(shape, value, path):
    """Everything about `value` that the model does not allow."""
    yield from CHECKS[shape.type_name](shape, value, path)


def wrong_error(model, status, tree):
    """An exception that an operation does not have in the model is none of the SDKs' classes."""
    known = COMMON_ERRORS | {shape.name for shape in model.error_shapes}
    if not isinstance(tree, dict) or tree.get("__type") not in known:
        yield f"{model.name}: {tree!r} is none of {sorted(known)}"
    elif status != (500 if tree["__type"] == "InternalFailure" else
                    503 if tree["__type"] == "ServiceUnavailable" else 400):
        yield f"{model.name}: status {status} of {tree!r}"


def wrong_answer(model, status, tree):
    """Everything about an answer, as JSON has it, that the operation's model does not allow."""
    if status >= 300:
        yield from wrong_error(model, status, tree)
    elif model.output_shape is not None:
        yield from wrong(model.output_shape, tree, model.name)
    elif tree not in (None, {}):
        yield f"{model.name} has no answer, but got {tree!r}"


def check_answer(http_response, model, **_):
    headers, body = http_response.headers, http_response.content
    assert REQUEST_ID.fullmatch(headers.get("x-amzn-RequestId", "")), dict(headers)
    assert headers.get("Content-Type") == JSON_TYPE, dict(headers)
    tree = json.loads(body) if body else None
    if isinstance(tree, dict) and tree.get("__type") == "UnknownOperationException":
        return
    found = list(wrong_answer(model, http_response.status_code, tree))
    assert not found, "\n".join(found)


def watch(client):
    client.meta.events.register("after-call.kinesis", check_answer)
    return client


class Answer:
    """An answer as botocore takes it from whoever sends its requests."""

    def __init__(self, status, headers, content):
        self.status_code, self.headers, self.content, self.text = (
            status, headers, content, content.decode())
        self.raw = None


def over_cbor(client):
    """botocore speaks JSON to this, and this speaks CBOR to the node: every second request with
    strings, lists and maps of indefinite length."""
    spread = itertools.cycle([False, True])

    def send(request, **_):
        model = client.meta.service_model.operation_model(
            request.headers["X-Amz-Target"].decode().partition(".")[2])
        body = to_cbor(model.input_shape, json.loads(request.body))
        headers = {name: value for name, value in request.headers.items()
                   if name.lower() != "content-length"}
        headers["Content-Type"] = CBOR_TYPE
        url = urllib.parse.urlsplit(request.url)
        connection = http.client.HTTPConnection(url.hostname, url.port, timeout=30)
        try:
            connection.request("POST", "/", encode(body, next(spread)), headers)
            answer = connection.getresponse()
            return as_json(model, answer, answer.read())
        finally:
            connection.close()

    client.meta.events.register("before-send.kinesis", send)
    return watch(client)


def as_json(model, answer, body):
    headers = dict(answer.headers)
    assert headers["Content-Type"] == CBOR_TYPE, headers
    tree = decode(body) if body else None
    if tree is not None and answer.status < 300:
        tree = from_cbor(model.output_shape, tree)
    headers["Content-Type"] = JSON_TYPE
    return Answer(answer.status, headers, json.dumps(tree).encode() if body else b"")
