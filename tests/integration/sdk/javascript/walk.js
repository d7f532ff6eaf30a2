// One call of every operation, and the errors as the SDK's own classes.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import * as k from "@aws-sdk/client-kinesis";

const StreamName = "walk-javascript";
const kinesis = new k.KinesisClient();
const waiting = { client: kinesis, maxWaitTime: 60, minDelay: 1, maxDelay: 1 };
const walked = new Set();

async function ask(command) {
  const answer = await kinesis.send(command);
  walked.add(command.constructor.name.replace(/Command$/, ""));
  return answer;
}

async function all(paginate, member, input, pageSize) {
  const found = [];
  for await (const page of paginate({ client: kinesis, pageSize }, input))
    found.push(...page[member]);
  return found;
}

/** The error is the SDK's class of its name, with a message. */
const isRefusal = (Exception, command) => (fault) => {
  assert(fault instanceof Exception, `${command.constructor.name}: ${fault}, not ${Exception.name}`);
  assert(fault.message, `${Exception.name} without a message`);
  assert(fault.$metadata.requestId, `${Exception.name} without a request id`);
  return true;
};
const refused = (Exception, command) =>
  assert.rejects(kinesis.send(command), isRefusal(Exception, command));

async function create() {
  await ask(
    new k.CreateStreamCommand({ StreamName, ShardCount: 2, Tags: { "made by": "javascript" } }),
  );
  await k.waitUntilStreamExists(waiting, { StreamName });
  assert((await all(k.paginateListStreams, "StreamNames", {}, 1)).includes(StreamName));
  await ask(new k.ListStreamsCommand({}));
  const told = await ask(new k.DescribeStreamCommand({ StreamName }));
  assert.equal(told.StreamDescription.Shards.length, 2);
  assert(told.StreamDescription.StreamCreationTimestamp instanceof Date);
  const summary = await ask(new k.DescribeStreamSummaryCommand({ StreamName }));
  assert.equal(summary.StreamDescriptionSummary.OpenShardCount, 2);
  return summary.StreamDescriptionSummary.StreamARN;
}

async function account() {
  assert((await ask(new k.DescribeLimitsCommand({}))).ShardLimit > 0);
  const MinimumThroughputBillingCommitment = { Status: "ENABLED" };
  await ask(new k.UpdateAccountSettingsCommand({ MinimumThroughputBillingCommitment }));
  const told = await ask(new k.DescribeAccountSettingsCommand({}));
  assert.equal(told.MinimumThroughputBillingCommitment.Status, "ENABLED");
  assert(told.MinimumThroughputBillingCommitment.StartedAt instanceof Date);
}

const texts = (records) => records.map((record) => Buffer.from(record.Data).toString());

function expectRecent(time) {
  const age = Date.now() - time.getTime();
  assert(Math.abs(age) < 300_000, `a record is ${age} ms old`);
}

async function records(ShardId) {
  const key = { PartitionKey: "k", ExplicitHashKey: "0" };
  const put = await ask(new k.PutRecordCommand({ StreamName, Data: Buffer.from("\0one"), ...key }));
  assert.equal(put.ShardId, ShardId);
  const Records = ["two", ""].map((text) => ({ Data: Buffer.from(text), ...key }));
  assert.equal((await ask(new k.PutRecordsCommand({ StreamName, Records }))).FailedRecordCount, 0);
  for (const start of [
    { ShardIteratorType: "TRIM_HORIZON" },
    { ShardIteratorType: "AT_SEQUENCE_NUMBER", StartingSequenceNumber: put.SequenceNumber },
    { ShardIteratorType: "AT_TIMESTAMP", Timestamp: new Date("2020-01-01T00:00:00.123Z") },
  ]) {
    const { ShardIterator } = await ask(
      new k.GetShardIteratorCommand({ StreamName, ShardId, ...start }),
    );
    const back = await ask(new k.GetRecordsCommand({ ShardIterator, Limit: 10 }));
    assert.deepEqual(texts(back.Records), ["\0one", "two", ""]);
    expectRecent(back.Records[0].ApproximateArrivalTimestamp);
  }
}

async function consumers(StreamARN, ShardId) {
  await ask(new k.RegisterStreamConsumerCommand({ StreamARN, ConsumerName: "one" }));
  const { Consumer } = await ask(
    new k.RegisterStreamConsumerCommand({ StreamARN, ConsumerName: "two" }),
  );
  assert.equal((await all(k.paginateListStreamConsumers, "Consumers", { StreamARN }, 1)).length, 2);
  await ask(new k.ListStreamConsumersCommand({ StreamARN }));
  const { ConsumerARN } = Consumer;
  const told = await ask(new k.DescribeStreamConsumerCommand({ ConsumerARN }));
  assert.equal(told.ConsumerDescription.StreamARN, StreamARN);
  const StartingPosition = { Type: "TRIM_HORIZON" };
  const subscribe = new k.SubscribeToShardCommand({ ConsumerARN, ShardId, StartingPosition });
  const { EventStream } = await ask(subscribe);
  for await (const { SubscribeToShardEvent } of EventStream) {
    assert.deepEqual(texts(SubscribeToShardEvent.Records), ["\0one", "two", ""]);
    expectRecent(SubscribeToShardEvent.Records[0].ApproximateArrivalTimestamp);
    await refusedWhileOneStands(subscribe);
    break;
  }
  await ask(new k.DeregisterStreamConsumerCommand({ ConsumerARN }));
}

/**
 * The youngest stands for five seconds. A leader that is new to its shard, and has not heard of it,
 * grants one more; then that one stands.
 */
async function refusedWhileOneStands(subscribe) {
  for (let granted = 0; granted < 2; granted++) {
    await sleep(1100); // a consumer asks once a second
    try {
      await kinesis.send(subscribe);
    } catch (fault) {
      return isRefusal(k.ResourceInUseException, subscribe)(fault);
    }
  }
  assert.fail("SubscribeToShard: two more were granted, each a second after another");
}

async function settings(ResourceARN) {
  const keys = (answer) => answer.Tags.map((tag) => tag.Key).sort();
  await ask(new k.AddTagsToStreamCommand({ StreamName, Tags: { a: "1", ü: "2" } }));
  await ask(new k.RemoveTagsFromStreamCommand({ StreamName, TagKeys: ["a"] }));
  assert.deepEqual(keys(await ask(new k.ListTagsForStreamCommand({ StreamName }))), [
    "made by",
    "ü",
  ]);
  await ask(new k.TagResourceCommand({ ResourceARN, Tags: { b: "3" } }));
  await ask(new k.UntagResourceCommand({ ResourceARN, TagKeys: ["ü"] }));
  assert.deepEqual(keys(await ask(new k.ListTagsForResourceCommand({ ResourceARN }))), [
    "b",
    "made by",
  ]);
  await ask(new k.IncreaseStreamRetentionPeriodCommand({ StreamName, RetentionPeriodHours: 48 }));
  await ask(new k.DecreaseStreamRetentionPeriodCommand({ StreamName, RetentionPeriodHours: 24 }));
  const ShardLevelMetrics = ["IncomingBytes"];
  const enabled = await ask(
    new k.EnableEnhancedMonitoringCommand({ StreamName, ShardLevelMetrics }),
  );
  assert.deepEqual(enabled.DesiredShardLevelMetrics, ShardLevelMetrics);
  await ask(new k.DisableEnhancedMonitoringCommand({ StreamName, ShardLevelMetrics }));
  const key = { StreamName, EncryptionType: "KMS", KeyId: "alias/aws/kinesis" };
  await ask(new k.StartStreamEncryptionCommand(key));
  await ask(new k.StopStreamEncryptionCommand(key));
  const Policy = JSON.stringify({ Version: "2012-10-17", Statement: [] });
  await ask(new k.PutResourcePolicyCommand({ ResourceARN, Policy }));
  assert.equal((await ask(new k.GetResourcePolicyCommand({ ResourceARN }))).Policy, Policy);
  await ask(new k.DeleteResourcePolicyCommand({ ResourceARN }));
}

async function shape(StreamARN) {
  const shard = (number) => `shardId-${`${number}`.padStart(12, "0")}`;
  const active = () => k.waitUntilStreamExists(waiting, { StreamName });
  const NewStartingHashKey = `${2n ** 126n}`;
  await ask(new k.SplitShardCommand({ StreamName, ShardToSplit: shard(0), NewStartingHashKey }));
  await active();
  await ask(
    new k.MergeShardsCommand({
      StreamName,
      ShardToMerge: shard(2),
      AdjacentShardToMerge: shard(3),
    }),
  );
  await active();
  const scaled = await ask(
    new k.UpdateShardCountCommand({
      StreamName,
      TargetShardCount: 4,
      ScalingType: "UNIFORM_SCALING",
    }),
  );
  assert.deepEqual([scaled.CurrentShardCount, scaled.TargetShardCount], [2, 4]);
  await active();
  await ask(new k.UpdateMaxRecordSizeCommand({ StreamARN, MaxRecordSizeInKiB: 2048 }));
  await ask(
    new k.UpdateStreamModeCommand({ StreamARN, StreamModeDetails: { StreamMode: "ON_DEMAND" } }),
  );
  const warm = await ask(
    new k.UpdateStreamWarmThroughputCommand({ StreamARN, WarmThroughputMiBps: 8 }),
  );
  assert.equal(warm.WarmThroughput.TargetMiBps, 8);
  const RecordDistributionStrategy = "AUTO";
  await ask(
    new k.UpdateStreamRecordDistributionStrategyCommand({ StreamARN, RecordDistributionStrategy }),
  );
}

async function errors(StreamARN) {
  await refused(
    k.ResourceNotFoundException,
    new k.DescribeStreamSummaryCommand({ StreamName: "nobody" }),
  );
  await refused(k.ResourceInUseException, new k.CreateStreamCommand({ StreamName, ShardCount: 1 }));
  await refused(k.InvalidArgumentException, new k.GetRecordsCommand({ ShardIterator: "none" }));
  await refused(
    k.ValidationException,
    new k.UpdateMaxRecordSizeCommand({ StreamARN, MaxRecordSizeInKiB: 99999 }),
  );
  await refused(
    k.LimitExceededException,
    new k.CreateStreamCommand({ StreamName: "wide", ShardCount: 1000000 }),
  );
  const unknown = { name: "UnknownOperationException" }; // what this API does not have
  await assert.rejects(kinesis.send(new k.ListChannelsCommand({})), unknown);
  const stranger = new k.KinesisClient({
    credentials: { accessKeyId: "sdk", secretAccessKey: "wrong" },
  });
  await assert.rejects(stranger.send(new k.ListStreamsCommand({})), {
    name: "InvalidSignatureException",
  });
  stranger.destroy();
}

/** A client whose clock is an hour behind is told the time, and gets through the next time. */
async function skewed() {
  const late = new k.KinesisClient({ systemClockOffset: -3600_000 });
  const answer = await late.send(new k.DescribeStreamSummaryCommand({ StreamName }));
  assert.equal(answer.$metadata.attempts, 2);
  late.destroy();
}

async function main() {
  const arn = await create();
  await account();
  const { Shards } = await ask(new k.ListShardsCommand({ StreamName }));
  await records(Shards[0].ShardId);
  await consumers(arn, Shards[0].ShardId);
  await settings(arn);
  await shape(arn);
  await errors(arn);
  await skewed();
  await ask(new k.DeleteStreamCommand({ StreamName, EnforceConsumerDeletion: true }));
  await k.waitUntilStreamNotExists(waiting, { StreamName });
  console.log("walked:", ...[...walked].sort());
}

try {
  await main();
  kinesis.destroy();
} catch (fault) {
  console.error(`walk in JavaScript: ${fault.stack}`);
  process.exit(1);
}
