"""Requests to the Kinesis API as no SDK would send them: whole, broken, or half."""

import http.client
import json
import socket

import braid_cbor

AUTHORIZATION = ("AWS4-HMAC-SHA256 Credential=any/20260101/us-east-1/kinesis/aws4_request, "
                 "SignedHeaders=host;x-amz-date;x-amz-target, Signature=" + "0" * 64)
JSON_TYPE = "application/x-amz-json-1.1"
CBOR_TYPE = "application/x-amz-cbor-1.1"


def headers_of(operation, content_type=JSON_TYPE):
    return {"X-Amz-Target": f"Kinesis_20131202.{operation}", "Content-Type": content_type,
            "X-Amz-Date": "20260101T000000Z", "Authorization": AUTHORIZATION}


class Speaking:
    """A node whose callers speak one encoding: as the node, and its `content_type`."""

    def __init__(self, node, content_type):
        self.node, self.content_type = node, content_type

    def __getattr__(self, name):
        return getattr(self.node, name)


def decoded(body, content_type):
    """The tree of an answer's body; text when it is none."""
    if content_type == CBOR_TYPE:
        return braid_cbor.decode(body) if body else None
    try:
        return json.loads(body) if body else None
    except ValueError:
        return body.decode()


def call(node, operation, body, timeout=30, **more):
    """POSTs a body: (status, tree or text, headers).  A tree becomes what the node's callers speak
    (Speaking), JSON if nothing else is said; bytes go as they are."""
    more.setdefault("content_type", getattr(node, "content_type", JSON_TYPE))
    if not isinstance(body, (bytes, type(None))):
        cbor = more["content_type"] == CBOR_TYPE
        body = braid_cbor.encode(body) if cbor else json.dumps(body).encode()
    connection = http.client.HTTPConnection("127.0.0.1", node.client_port, timeout=timeout)
    try:
        connection.request("POST", "/", body, headers_of(operation, **more))
        answer = connection.getresponse()
        tree = decoded(answer.read(), answer.headers.get("Content-Type"))
        return answer.status, tree, answer.headers
    finally:
        connection.close()


def moment(node, when):
    """A time, for call(), to the millisecond."""
    if getattr(node, "content_type", JSON_TYPE) == CBOR_TYPE:
        return braid_cbor.Tag(1, round(when.timestamp() * 1000))
    return when.timestamp()


def fault(answer):
    """(status, error's name, message) of call()'s answer."""
    status, tree, _ = answer
    assert isinstance(tree, dict), f"status {status}, not an error of AWS's form: {tree!r}"
    assert set(tree) <= {"__type", "message", "Message"}, tree
    return status, tree["__type"], tree.get("message", tree.get("Message"))


def connect(node, timeout=30):
    return socket.create_connection(("127.0.0.1", node.client_port), timeout)


def read_all(connection):
    """What comes until the other side hangs up."""
    text = b""
    while True:
        try:
            piece = connection.recv(65536)
        except ConnectionResetError:
            return text
        if not piece:
            return text
        text += piece
