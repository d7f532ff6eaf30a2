"""Signed requests, made with botocore's own signer and then changed as no SDK would.

    signed(node, "ListStreams", {}, key).send()             (status, tree or text, headers)
    signed(...).tamper(body=b"...").send()
"""

import datetime
import http.client
import json
from unittest import mock

from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

JSON_TYPE = "application/x-amz-json-1.1"


class Signed:
    def __init__(self, node, path, headers, body):
        self.node, self.path, self.headers, self.body = node, path, headers, body

    def tamper(self, body=None, path=None, **headers):
        """Headers by their names with '_' for '-'; None takes one away."""
        self.body = self.body if body is None else body
        self.path = self.path if path is None else path
        for name, value in headers.items():
            name = name.replace("_", "-")
            self.headers = {key: was for key, was in self.headers.items()
                            if key.lower() != name.lower()}
            if value is not None:
                self.headers[name] = value
        return self

    def send(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.node.client_port, timeout=30)
        try:
            connection.request("POST", self.path, self.body, self.headers)
            answer = connection.getresponse()
            text = answer.read().decode()
            try:
                return answer.status, json.loads(text) if text else None, answer.headers
            except ValueError:
                return answer.status, text, answer.headers
        finally:
            connection.close()


class AuthoritySigner(auth.SigV4Auth):
    """Signs `:authority` instead of `host`, as the JavaScript SDK does over HTTP/2."""

    def headers_to_sign(self, request):
        headers = super().headers_to_sign(request)
        host = headers["host"]
        del headers["host"]
        headers[":authority"] = host
        return headers


def clock_off(seconds):
    """A context in which botocore's clock is so far ahead."""
    now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)

    class Moved(datetime.datetime):
        @classmethod
        def utcnow(cls):
            return now.replace(tzinfo=None)

        @classmethod
        def now(cls, tz=None):
            return now if tz else now.replace(tzinfo=None)

    patches = mock.patch.object(auth.datetime, "datetime", Moved) if hasattr(
        auth.datetime, "datetime") else mock.patch.object(auth, "datetime", Moved)
    if hasattr(auth, "get_current_datetime"):  # newer than Debian's
        return mock.patch.object(auth, "get_current_datetime",
                                 lambda remove_tzinfo=True: Moved.utcnow())
    return patches


def signed(node, operation, tree, key, *, path="/", region="us-east-1", service="kinesis",
           token=None, presigned_s=None, unsigned_payload=False, clock_off_s=0,
           signer=auth.SigV4Auth, **headers):
    """`presigned_s`: the signature goes into the query, good for so many seconds."""
    access, secret = key
    request = AWSRequest("POST", node.endpoint + path, data=tree if isinstance(tree, bytes)
                         else json.dumps(tree).encode(),
                         headers={"X-Amz-Target": f"Kinesis_20131202.{operation}",
                                  "Content-Type": JSON_TYPE,
                                  **{name.replace("_", "-"): value
                                     for name, value in headers.items()}})
    body = request.data
    if unsigned_payload:
        request.headers["X-Amz-Content-SHA256"] = "UNSIGNED-PAYLOAD"
    credentials = Credentials(access, secret, token)
    if presigned_s is None:
        signer = signer(credentials, service, region)
    else:
        signer = auth.SigV4QueryAuth(credentials, service, region, expires=presigned_s)
        request.data = b""  # botocore would put it into the query
        signer.payload = lambda _: auth.sha256(body).hexdigest()
    with clock_off(clock_off_s):
        signer.add_auth(request)
    sent = request.url[len(node.endpoint):]
    kept = {name: value for name, value in request.headers.items()}
    if presigned_s is not None:
        kept.setdefault("Content-Type", JSON_TYPE)
    return Signed(node, sent, kept, body)
