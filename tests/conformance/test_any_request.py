"""Requests that nobody would write, made from the model: whatever comes, the answer is of the model's
shape or an error that the operation has, in both encodings; no node ends."""

import base64
import random
import time

import pytest
from braid_cbor import Tag
from braid_cluster import STEADY, Cluster
from braid_http import CBOR_TYPE, call
from braid_shapes import from_cbor, wrong_answer

REQUESTS = 100
OURS = ["any-a", "any-b"]  # streams that there are
KEYS = 1 << 128
ODD = [None, True, False, 0, -1, 1.5, 1e300, -1e300, 1 << 31, (1 << 63) - 1, "", ":", "a" * 3000,
       "\0", "\U0001F600", "0", "true", [], {}, [None], {"": None}, [[]], {"a": {"b": [1]}}]


def arn_of(name):
    return f"arn:aws:kinesis:us-east-1:000000000000:stream/{name}"


@pytest.fixture(scope="module")
def cluster():
    """Of its own: what is asked for here changes the account too."""
    with Cluster(nodes=3, options=STEADY) as cluster:
        for name in OURS:
            cluster.create_stream(name, shards=2)
            cluster.client(1).register_stream_consumer(StreamARN=arn_of(name),
                                                       ConsumerName="reader")
        yield cluster


class Maker:
    """Trees for an input shape.  Most members are such that an operation goes on to the next."""

    def __init__(self, seed, cbor):
        self.random = random.Random(seed)
        self.cbor = cbor
        self.seen = []  # texts of former answers: tokens, numbers, ARNs

    def one_of(self, *choices):
        return self.random.choice(choices)

    def text(self, name):
        number = self.random.randrange(12)
        choices = {
            "StreamName": [*OURS, f"any-{number}"], "ConsumerName": ["reader", f"c-{number}"],
            "StreamARN": [*map(arn_of, OURS), arn_of(f"any-{number}")],
            "ResourceARN": [*map(arn_of, OURS), arn_of(f"any-{number}")],
            "Policy": ['{"a": 1}', "[]"], "KeyId": ["alias/aws/kinesis"],
            "StreamId": ["0123456789abcdefghij-abc"],
            "PartitionKey": ["k", "\u00fc", "x" * 257]}
        if name in choices:
            return self.one_of(*choices[name])
        if name.endswith("HashKey"):
            return str(self.one_of(0, KEYS - 1, KEYS, self.random.randrange(KEYS)))
        if "Shard" in name and name != "ShardIterator":
            return self.one_of(f"shardId-{number:012d}", str(number), "2147483648")
        return self.one_of("k", "9" * 56, *self.seen[-40:])

    def number(self, name):
        if "Retention" in name:
            return self.one_of(23, 24, 25, 8760, 8761)
        return self.one_of(-1, 0, 1, 2, 3, 4, 100, 1024, 10000, 10001)

    def moment(self):
        when = self.one_of(0, -5, time.time() - 1, time.time() + 100, 1e12)
        return Tag(1, int(when * 1000)) if self.cbor else when

    def blob(self):
        data = self.random.randbytes(self.one_of(0, 1, 100))
        return data if self.cbor else base64.b64encode(data).decode()

    def some(self, make):
        return [make() for _ in range(self.one_of(0, 1, 1, 2, 3))]

    def structure(self, shape):
        tree = {}
        for name, member in shape.members.items():
            likely = 0.97 if name in shape.required_members else 0.8 if name == "StreamName" else 0.3
            if self.random.random() < (0.05 if name == "DryRun" else likely):
                tree[name] = self.value(name, member)
        return tree

    def value(self, name, shape):
        if self.random.random() < 0.02:
            return self.random.choice(ODD)
        kind = shape.type_name
        if kind == "structure":
            return self.structure(shape)
        if kind == "list":
            return self.some(lambda: self.value(name, shape.member))
        if kind == "map":
            return {key: self.value("Value", shape.value)
                    for key in self.some(lambda: self.one_of("k", "\u00fc", "aws:x", "a%", "z" * 129))}
        if kind == "string":
            return self.one_of(*shape.enum) if getattr(shape, "enum", None) else self.text(name)
        return {"integer": lambda: self.number(name), "long": lambda: self.number(name),
                "timestamp": self.moment, "blob": self.blob,
                "boolean": lambda: self.random.random() < 0.3}[kind]()

    def note(self, tree):
        for name, value in tree.items() if isinstance(tree, dict) else []:
            for inner in value if isinstance(value, list) else [value]:
                self.note(inner)
            if isinstance(value, str) and name.endswith(("Token", "Iterator", "Number", "ARN")):
                self.seen.append(value)


@pytest.mark.parametrize("seed", range(2))
def test_any_request_is_answered_as_the_model_says(cluster, node, seed):
    cbor = node.content_type == CBOR_TYPE
    model = cluster.client(1, newest=True).meta.service_model
    maker = Maker(f"{node.number} {cbor} {seed}", cbor)
    # A subscription has no end, and there are no channels.
    names = [name for name in model.operation_names
             if "Channel" not in name and name != "SubscribeToShard"]
    for _ in range(REQUESTS):
        operation = model.operation_model(maker.one_of(*names))
        body = maker.structure(operation.input_shape)
        if operation.name == "DeleteStream":
            body.pop("StreamARN", None)
            body["StreamName"] = "any-" + str(maker.one_of(1, 2, 3))
        status, tree, _ = call(node, operation.name, body)
        if cbor and status == 200 and tree is not None:
            tree = from_cbor(operation.output_shape, tree)
        maker.note(tree)
        found = list(wrong_answer(operation, status, tree))
        assert status != 500 and not found, f"{operation.name} of {body}: {tree}: {found}"
