"""Requests to the Kinesis API as no SDK would send them: whole, broken, or half."""

import http.client
import json
import socket

AUTHORIZATION = ("AWS4-HMAC-SHA256 Credential=any/20260101/us-east-1/kinesis/aws4_request, "
                 "SignedHeaders=host;x-amz-date;x-amz-target, Signature=" + "0" * 64)
JSON_TYPE = "application/x-amz-json-1.1"


def headers_of(operation, content_type=JSON_TYPE):
    return {"X-Amz-Target": f"Kinesis_20131202.{operation}", "Content-Type": content_type,
            "X-Amz-Date": "20260101T000000Z", "Authorization": AUTHORIZATION}


def call(node, operation, body, timeout=30, **more):
    """POSTs a body (a tree becomes JSON; bytes go as they are): (status, tree or text, headers)."""
    if not isinstance(body, (bytes, type(None))):
        body = json.dumps(body).encode()
    connection = http.client.HTTPConnection("127.0.0.1", node.client_port, timeout=timeout)
    try:
        connection.request("POST", "/", body, headers_of(operation, **more))
        answer = connection.getresponse()
        text = answer.read().decode()
        try:
            return answer.status, json.loads(text) if text else None, answer.headers
        except ValueError:
            return answer.status, text, answer.headers
    finally:
        connection.close()


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
