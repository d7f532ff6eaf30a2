// From create to delete, as the README beside this folder tells it, with the SDK for JavaScript v3.

import { setTimeout as sleep } from "node:timers/promises";
import {
  CreateStreamCommand,
  DeleteStreamCommand,
  DeregisterStreamConsumerCommand,
  DescribeStreamConsumerCommand,
  DescribeStreamSummaryCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  KinesisClient,
  ListShardsCommand,
  MergeShardsCommand,
  PutRecordsCommand,
  RegisterStreamConsumerCommand,
  SplitShardCommand,
  SubscribeToShardCommand,
  waitUntilStreamExists,
  waitUntilStreamNotExists,
} from "@aws-sdk/client-kinesis";
import { KEYS, Ledger, Lost, ROUNDS } from "./ledger.js";

const StreamName = "journey-javascript";
const PATIENCE_S = 120;
const kinesis = new KinesisClient();
const deadline = performance.now() + PATIENCE_S * 1000;
let roundsPut = 0;

const inTime = (what) => {
  if (performance.now() > deadline) throw new Lost(`${what}: not within ${PATIENCE_S} s`);
};

const until = async (what, condition) => {
  while (!(await condition())) {
    inTime(what);
    await sleep(50);
  }
};

/** Round by round, so that a record that must be sent again is still in its key's order. */
async function putAll(retried) {
  for (let round = 0; round < ROUNDS; round++) {
    let left = KEYS.map((key) => ({ PartitionKey: key, Data: Buffer.from(`${key}:${round}`) }));
    for (let pause = 50; left.length; pause = Math.min(2 * pause, 1000)) {
      inTime(`round ${round} put`);
      const answer = await kinesis.send(new PutRecordsCommand({ StreamName, Records: left }));
      if (answer.$metadata.attempts > 1) retried.add(round);
      left = left.filter((_, index) => answer.Records[index].ErrorCode);
      if (left.length) await sleep((pause * (1 + Math.random())) / 2);
    }
    roundsPut = round + 1;
  }
}

const streamIsActive = async () => {
  const answer = await kinesis.send(new DescribeStreamSummaryCommand({ StreamName }));
  return answer.StreamDescriptionSummary.StreamStatus === "ACTIVE";
};

/** The open shards by their hash keys. */
async function openShards() {
  const shards = [];
  let NextToken;
  do {
    const page = await kinesis.send(
      new ListShardsCommand(
        NextToken ? { NextToken } : { StreamName, ShardFilter: { Type: "AT_LATEST" } },
      ),
    );
    shards.push(...page.Shards);
    NextToken = page.NextToken;
  } while (NextToken);
  const start = (shard) => BigInt(shard.HashKeyRange.StartingHashKey);
  return shards.sort((a, b) => (start(a) < start(b) ? -1 : 1));
}

/** Splits a shard, later merges two neighbours, while records come in. */
async function reshard() {
  await until("a quarter of the rounds put", () => roundsPut > ROUNDS / 4);
  const [first] = await openShards();
  const { StartingHashKey, EndingHashKey } = first.HashKeyRange;
  const NewStartingHashKey = `${(BigInt(StartingHashKey) + BigInt(EndingHashKey)) / 2n + 1n}`;
  await kinesis.send(
    new SplitShardCommand({ StreamName, ShardToSplit: first.ShardId, NewStartingHashKey }),
  );
  await until("the stream ACTIVE after the split", streamIsActive);

  await until("half of the rounds put", () => roundsPut > ROUNDS / 2);
  const [, left, right] = await openShards();
  await kinesis.send(
    new MergeShardsCommand({
      StreamName,
      ShardToMerge: left.ShardId,
      AdjacentShardToMerge: right.ShardId,
    }),
  );
  await until("the stream ACTIVE after the merge", streamIsActive);
}

/** All of a shard with GetRecords; gives its children, or none once nothing is missing. */
async function poll(ShardId, ledger) {
  let { ShardIterator } = await kinesis.send(
    new GetShardIteratorCommand({ StreamName, ShardId, ShardIteratorType: "TRIM_HORIZON" }),
  );
  while (ledger.missing) {
    inTime(`polling ${ShardId}`);
    const answer = await kinesis.send(new GetRecordsCommand({ ShardIterator }));
    ledger.add(answer.Records);
    ShardIterator = answer.NextShardIterator;
    if (!ShardIterator) return answer.ChildShards;
    await sleep(250); // a shard answers five times a second
  }
  return [];
}

/** The same with SubscribeToShard, which is called again when a subscription has ended. */
const fanOut = (ConsumerARN) => async (ShardId, ledger) => {
  let StartingPosition = { Type: "TRIM_HORIZON" };
  while (ledger.missing) {
    inTime(`fan-out of ${ShardId}`);
    const { EventStream } = await kinesis.send(
      new SubscribeToShardCommand({ ConsumerARN, ShardId, StartingPosition }),
    );
    for await (const { SubscribeToShardEvent: event } of EventStream) {
      ledger.add(event.Records);
      if (event.ChildShards) return event.ChildShards;
      StartingPosition = {
        Type: "AFTER_SEQUENCE_NUMBER",
        SequenceNumber: event.ContinuationSequenceNumber,
      };
      if (!ledger.missing) break;
    }
  }
  return [];
};

/** All shards side by side; a child when all of its parents have been read. */
async function readAll(read, ledger) {
  const ended = new Set();
  const begun = new Set();
  const follow = async (shardId) => {
    begun.add(shardId);
    const children = await read(shardId, ledger);
    ended.add(shardId);
    const ripe = children.filter(
      (child) =>
        !begun.has(child.ShardId) && child.ParentShards.every((parent) => ended.has(parent)),
    );
    await Promise.all(ripe.map((child) => follow(child.ShardId)));
  };
  await Promise.all((await openShards()).map((shard) => follow(shard.ShardId)));
}

async function register() {
  const { StreamDescriptionSummary } = await kinesis.send(
    new DescribeStreamSummaryCommand({ StreamName }),
  );
  const { Consumer } = await kinesis.send(
    new RegisterStreamConsumerCommand({
      StreamARN: StreamDescriptionSummary.StreamARN,
      ConsumerName: "reader",
    }),
  );
  const { ConsumerARN } = Consumer;
  await until("the consumer ACTIVE", async () => {
    const answer = await kinesis.send(new DescribeStreamConsumerCommand({ ConsumerARN }));
    return answer.ConsumerDescription.ConsumerStatus === "ACTIVE";
  });
  return ConsumerARN;
}

async function main() {
  const waiting = { client: kinesis, maxWaitTime: 60, minDelay: 1, maxDelay: 1 };
  await kinesis.send(new CreateStreamCommand({ StreamName, ShardCount: 2 }));
  await waitUntilStreamExists(waiting, { StreamName });
  const ConsumerARN = await register();

  const polled = new Ledger("polling");
  const pushed = new Ledger("fan-out");
  const retried = new Set();
  await Promise.all([
    readAll(poll, polled),
    readAll(fanOut(ConsumerARN), pushed),
    reshard(),
    putAll(retried),
  ]);
  polled.check(retried);
  pushed.check(retried);

  await kinesis.send(new DeregisterStreamConsumerCommand({ ConsumerARN }));
  await kinesis.send(new DeleteStreamCommand({ StreamName }));
  await waitUntilStreamNotExists(waiting, { StreamName });
  console.log("created, split, merged, read twice and deleted");
}

try {
  await main();
  kinesis.destroy();
} catch (fault) {
  console.error(fault instanceof Lost ? `journey in JavaScript: ${fault.message}` : fault);
  process.exit(1);
}
