package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/smithy-go"
)

// walker calls each operation once.  The first thing that is wrong stays in err, and what follows
// does nothing.
type walker struct {
	*kinesis.Client
	ctx    context.Context
	stream *string
	arn    *string
	walked map[string]bool
	err    error
}

func walk(ctx context.Context, client *kinesis.Client) error {
	w := &walker{Client: client, ctx: ctx, stream: aws.String("walk-go"), walked: map[string]bool{}}
	w.create()
	w.account()
	shards := ask(w, w.ListShards, &kinesis.ListShardsInput{StreamName: w.stream}).Shards
	if w.err == nil {
		w.records(shards[0].ShardId)
		w.consumers(shards[0].ShardId)
	}
	w.settings()
	w.shape()
	w.errors()
	ask(w, w.DeleteStream, &kinesis.DeleteStreamInput{StreamName: w.stream,
		EnforceConsumerDeletion: aws.Bool(true)})
	if w.err != nil {
		return w.err
	}
	waiter := kinesis.NewStreamNotExistsWaiter(w, func(o *kinesis.StreamNotExistsWaiterOptions) {
		o.MinDelay, o.MaxDelay = time.Second, time.Second
	})
	err := waiter.Wait(ctx, &kinesis.DescribeStreamInput{StreamName: w.stream}, patience)
	if err != nil {
		return err
	}
	fmt.Println("walked:", strings.Join(slices.Sorted(maps.Keys(w.walked)), " "))
	return nil
}

// ask calls an operation; an empty answer stands for one that failed.
func ask[I, O any](w *walker, call func(context.Context, *I, ...func(*kinesis.Options)) (*O, error),
	input *I) *O {
	if w.err != nil {
		return new(O)
	}
	answer, err := call(w.ctx, input)
	if err != nil {
		w.err = err
		return new(O)
	}
	name := fmt.Sprintf("%T", input)
	w.walked[strings.TrimSuffix(strings.TrimPrefix(name, "*kinesis."), "Input")] = true
	return answer
}

func (w *walker) expect(holds bool, format string, arguments ...any) {
	if w.err == nil && !holds {
		w.err = fmt.Errorf(format, arguments...)
	}
}

func (w *walker) awaitActive() {
	waiter := kinesis.NewStreamExistsWaiter(w, func(o *kinesis.StreamExistsWaiterOptions) {
		o.MinDelay, o.MaxDelay = time.Second, time.Second
	})
	if w.err == nil {
		w.err = waiter.Wait(w.ctx, &kinesis.DescribeStreamInput{StreamName: w.stream}, patience)
	}
}

func (w *walker) create() {
	ask(w, w.CreateStream, &kinesis.CreateStreamInput{StreamName: w.stream,
		ShardCount: aws.Int32(2), Tags: map[string]string{"made by": "go"}})
	w.awaitActive()
	var names []string
	pages := kinesis.NewListStreamsPaginator(w, &kinesis.ListStreamsInput{Limit: aws.Int32(1)})
	for w.err == nil && pages.HasMorePages() {
		page, err := pages.NextPage(w.ctx)
		if err != nil {
			w.err = err
			return
		}
		names = append(names, page.StreamNames...)
	}
	w.expect(slices.Contains(names, *w.stream), "ListStreams: not there")
	ask(w, w.ListStreams, &kinesis.ListStreamsInput{})
	told := ask(
		w,
		w.DescribeStream,
		&kinesis.DescribeStreamInput{StreamName: w.stream},
	).StreamDescription
	w.expect(told != nil && len(told.Shards) == 2, "DescribeStream: not two shards")
	summary := ask(w, w.DescribeStreamSummary,
		&kinesis.DescribeStreamSummaryInput{StreamName: w.stream}).StreamDescriptionSummary
	w.expect(
		summary != nil && *summary.OpenShardCount == 2,
		"DescribeStreamSummary: not two open shards",
	)
	if w.err == nil {
		w.expect(!told.StreamCreationTimestamp.IsZero(), "no time of creation")
		w.arn = summary.StreamARN
	}
}

func (w *walker) account() {
	limits := ask(w, w.DescribeLimits, &kinesis.DescribeLimitsInput{})
	w.expect(aws.ToInt32(limits.ShardLimit) > 0, "DescribeLimits: no limit")
	ask(w, w.UpdateAccountSettings, &kinesis.UpdateAccountSettingsInput{
		MinimumThroughputBillingCommitment: &types.MinimumThroughputBillingCommitmentInput{
			Status: types.MinimumThroughputBillingCommitmentInputStatusEnabled}})
	told := ask(w, w.DescribeAccountSettings, &kinesis.DescribeAccountSettingsInput{})
	w.expect(
		told.MinimumThroughputBillingCommitment != nil &&
			told.MinimumThroughputBillingCommitment.Status ==
				types.MinimumThroughputBillingCommitmentOutputStatusEnabled,
		"DescribeAccountSettings: not as updated",
	)
}

func (w *walker) records(shard *string) {
	key, hash := aws.String("k"), aws.String("0")
	put := ask(
		w,
		w.PutRecord,
		&kinesis.PutRecordInput{StreamName: w.stream, Data: []byte("\x00one"),
			PartitionKey: key, ExplicitHashKey: hash},
	)
	w.expect(aws.ToString(put.ShardId) == *shard, "PutRecord: not in the first shard")
	more := ask(w, w.PutRecords, &kinesis.PutRecordsInput{StreamName: w.stream,
		Records: []types.PutRecordsRequestEntry{
			{Data: []byte("two"), PartitionKey: key, ExplicitHashKey: hash},
			{Data: []byte{}, PartitionKey: key, ExplicitHashKey: hash}}})
	w.expect(aws.ToInt32(more.FailedRecordCount) == 0, "PutRecords: a record failed")
	for _, start := range []kinesis.GetShardIteratorInput{
		{ShardIteratorType: types.ShardIteratorTypeTrimHorizon},
		{ShardIteratorType: types.ShardIteratorTypeAtSequenceNumber,
			StartingSequenceNumber: put.SequenceNumber},
		{ShardIteratorType: types.ShardIteratorTypeAtTimestamp,
			Timestamp: aws.Time(time.Unix(1577836800, 123e6))},
	} {
		start.StreamName, start.ShardId = w.stream, shard
		position := ask(w, w.GetShardIterator, &start)
		back := ask(w, w.GetRecords, &kinesis.GetRecordsInput{ShardIterator: position.ShardIterator,
			Limit: aws.Int32(10)})
		w.expectThree(back.Records)
	}
}

// expectThree tells whether these are what records has put.
func (w *walker) expectThree(records []types.Record) {
	w.expect(len(records) == 3, "%d records, not the three that were put", len(records))
	for i, data := range []string{"\x00one", "two", ""} {
		w.expect(
			w.err != nil || bytes.Equal(records[i].Data, []byte(data)),
			"record %d is not what was put",
			i,
		)
	}
	if w.err == nil {
		age := time.Since(*records[0].ApproximateArrivalTimestamp)
		w.expect(age.Abs() < 5*time.Minute, "a record is %v old", age)
	}
}

func (w *walker) consumers(shard *string) {
	var consumer *string
	for _, name := range []string{"one", "two"} {
		registered := ask(w, w.RegisterStreamConsumer, &kinesis.RegisterStreamConsumerInput{
			StreamARN: w.arn, ConsumerName: aws.String(name)})
		if w.err != nil {
			return
		}
		consumer = registered.Consumer.ConsumerARN
	}
	listed := ask(w, w.ListStreamConsumers, &kinesis.ListStreamConsumersInput{StreamARN: w.arn,
		MaxResults: aws.Int32(1)})
	w.expect(
		len(listed.Consumers) == 1 && listed.NextToken != nil,
		"ListStreamConsumers: not one of two",
	)
	told := ask(w, w.DescribeStreamConsumer,
		&kinesis.DescribeStreamConsumerInput{ConsumerARN: consumer}).ConsumerDescription
	w.expect(told != nil && *told.StreamARN == *w.arn, "DescribeStreamConsumer: of another stream")
	input := &kinesis.SubscribeToShardInput{ConsumerARN: consumer, ShardId: shard,
		StartingPosition: &types.StartingPosition{Type: types.ShardIteratorTypeTrimHorizon}}
	subscribed := ask(w, w.SubscribeToShard, input)
	if w.err != nil {
		return
	}
	switch event := (<-subscribed.GetStream().Events()).(type) {
	case *types.SubscribeToShardEventStreamMemberSubscribeToShardEvent:
		w.expectThree(event.Value.Records)
	default:
		w.expect(false, "SubscribeToShard: %T, not an event", event)
	}
	w.refusedWhileOneStands(input)
	subscribed.GetStream().Close()
	ask(
		w,
		w.DeregisterStreamConsumer,
		&kinesis.DeregisterStreamConsumerInput{ConsumerARN: consumer},
	)
}

// refusedWhileOneStands: the youngest subscription stands for five seconds.  A leader that is new to
// its shard, and has not heard of it, grants one more; then that one stands.
func (w *walker) refusedWhileOneStands(input *kinesis.SubscribeToShardInput) {
	for range 2 {
		time.Sleep(1100 * time.Millisecond) // a consumer asks once a second
		if isRefused[*types.ResourceInUseException](w, w.SubscribeToShard, input) || w.err != nil {
			return
		}
	}
	w.expect(false, "SubscribeToShard: two more were granted, each a second after another")
}

func (w *walker) expectTags(tags []types.Tag, keys ...string) {
	var found []string
	for _, tag := range tags {
		found = append(found, *tag.Key)
	}
	slices.Sort(found)
	w.expect(slices.Equal(found, keys), "tags %v, not %v", found, keys)
}

func (w *walker) settings() {
	ask(w, w.AddTagsToStream, &kinesis.AddTagsToStreamInput{StreamName: w.stream,
		Tags: map[string]string{"a": "1", "ü": "2"}})
	ask(w, w.RemoveTagsFromStream, &kinesis.RemoveTagsFromStreamInput{StreamName: w.stream,
		TagKeys: []string{"a"}})
	w.expectTags(ask(w, w.ListTagsForStream,
		&kinesis.ListTagsForStreamInput{StreamName: w.stream}).Tags, "made by", "ü")
	ask(
		w,
		w.TagResource,
		&kinesis.TagResourceInput{ResourceARN: w.arn, Tags: map[string]string{"b": "3"}},
	)
	ask(w, w.UntagResource, &kinesis.UntagResourceInput{ResourceARN: w.arn, TagKeys: []string{"ü"}})
	w.expectTags(ask(w, w.ListTagsForResource,
		&kinesis.ListTagsForResourceInput{ResourceARN: w.arn}).Tags, "b", "made by")
	ask(w, w.IncreaseStreamRetentionPeriod, &kinesis.IncreaseStreamRetentionPeriodInput{
		StreamName: w.stream, RetentionPeriodHours: aws.Int32(48)})
	ask(w, w.DecreaseStreamRetentionPeriod, &kinesis.DecreaseStreamRetentionPeriodInput{
		StreamName: w.stream, RetentionPeriodHours: aws.Int32(24)})
	metrics := []types.MetricsName{types.MetricsNameIncomingBytes}
	enabled := ask(w, w.EnableEnhancedMonitoring, &kinesis.EnableEnhancedMonitoringInput{
		StreamName: w.stream, ShardLevelMetrics: metrics})
	w.expect(
		slices.Equal(enabled.DesiredShardLevelMetrics, metrics),
		"EnableEnhancedMonitoring: not as asked",
	)
	ask(w, w.DisableEnhancedMonitoring, &kinesis.DisableEnhancedMonitoringInput{
		StreamName: w.stream, ShardLevelMetrics: metrics})
	key := aws.String("alias/aws/kinesis")
	ask(w, w.StartStreamEncryption, &kinesis.StartStreamEncryptionInput{StreamName: w.stream,
		EncryptionType: types.EncryptionTypeKms, KeyId: key})
	ask(w, w.StopStreamEncryption, &kinesis.StopStreamEncryptionInput{StreamName: w.stream,
		EncryptionType: types.EncryptionTypeKms, KeyId: key})
	policy := `{"Version": "2012-10-17", "Statement": []}`
	ask(
		w,
		w.PutResourcePolicy,
		&kinesis.PutResourcePolicyInput{ResourceARN: w.arn, Policy: &policy},
	)
	kept := ask(w, w.GetResourcePolicy, &kinesis.GetResourcePolicyInput{ResourceARN: w.arn})
	w.expect(aws.ToString(kept.Policy) == policy, "GetResourcePolicy: another policy")
	ask(w, w.DeleteResourcePolicy, &kinesis.DeleteResourcePolicyInput{ResourceARN: w.arn})
}

func (w *walker) shape() {
	ask(w, w.SplitShard, &kinesis.SplitShardInput{StreamName: w.stream,
		ShardToSplit:       aws.String("shardId-000000000000"),
		NewStartingHashKey: aws.String("85070591730234615865843651857942052864")})
	w.awaitActive()
	ask(w, w.MergeShards, &kinesis.MergeShardsInput{StreamName: w.stream,
		ShardToMerge:         aws.String("shardId-000000000002"),
		AdjacentShardToMerge: aws.String("shardId-000000000003")})
	w.awaitActive()
	scaled := ask(w, w.UpdateShardCount, &kinesis.UpdateShardCountInput{StreamName: w.stream,
		TargetShardCount: aws.Int32(4), ScalingType: types.ScalingTypeUniformScaling})
	w.expect(
		aws.ToInt32(scaled.CurrentShardCount) == 2 && aws.ToInt32(scaled.TargetShardCount) == 4,
		"UpdateShardCount: not from 2 to 4",
	)
	w.awaitActive()
	ask(w, w.UpdateMaxRecordSize, &kinesis.UpdateMaxRecordSizeInput{StreamARN: w.arn,
		MaxRecordSizeInKiB: aws.Int32(2048)})
	ask(w, w.UpdateStreamMode, &kinesis.UpdateStreamModeInput{StreamARN: w.arn,
		StreamModeDetails: &types.StreamModeDetails{StreamMode: types.StreamModeOnDemand}})
	warm := ask(
		w,
		w.UpdateStreamWarmThroughput,
		&kinesis.UpdateStreamWarmThroughputInput{StreamARN: w.arn,
			WarmThroughputMiBps: aws.Int32(8)},
	).WarmThroughput
	w.expect(
		warm != nil && aws.ToInt32(warm.TargetMiBps) == 8,
		"UpdateStreamWarmThroughput: not 8 MiB/s",
	)
	ask(
		w,
		w.UpdateStreamRecordDistributionStrategy,
		&kinesis.UpdateStreamRecordDistributionStrategyInput{
			StreamARN: w.arn, RecordDistributionStrategy: types.RecordDistributionStrategyAuto},
	)
}

// isRefused expects an answer, or the SDK's own error type with a message.
func isRefused[E smithy.APIError, I, O any](w *walker,
	call func(context.Context, *I, ...func(*kinesis.Options)) (*O, error), input *I) bool {
	if w.err != nil {
		return false
	}
	_, err := call(w.ctx, input)
	if err == nil {
		return false
	}
	var wanted E
	w.expect(errors.As(err, &wanted), "%T was answered with %v, not %T", input, err, wanted)
	w.expect(w.err != nil || wanted.ErrorMessage() != "", "%T without a message", wanted)
	return true
}

func refused[E smithy.APIError, I, O any](w *walker,
	call func(context.Context, *I, ...func(*kinesis.Options)) (*O, error), input *I) {
	var wanted E
	w.expect(isRefused[E](w, call, input), "%T was answered, not refused with %T", input, wanted)
}

// refusedAs is for errors that have no type of their own.
func refusedAs[I, O any](w *walker, code string,
	call func(context.Context, *I, ...func(*kinesis.Options)) (*O, error), input *I) {
	if w.err != nil {
		return
	}
	_, err := call(w.ctx, input)
	var refusal smithy.APIError
	w.expect(
		errors.As(err, &refusal) && refusal.ErrorCode() == code,
		"%T: %v, not %s",
		input,
		err,
		code,
	)
}

func (w *walker) errors() {
	refused[*types.ResourceNotFoundException](w, w.DescribeStreamSummary,
		&kinesis.DescribeStreamSummaryInput{StreamName: aws.String("nobody")})
	refused[*types.ResourceInUseException](w, w.CreateStream,
		&kinesis.CreateStreamInput{StreamName: w.stream, ShardCount: aws.Int32(1)})
	refused[*types.InvalidArgumentException](w, w.GetRecords,
		&kinesis.GetRecordsInput{ShardIterator: aws.String("none")})
	refused[*types.ValidationException](w, w.UpdateMaxRecordSize,
		&kinesis.UpdateMaxRecordSizeInput{StreamARN: w.arn, MaxRecordSizeInKiB: aws.Int32(99999)})
	refused[*types.LimitExceededException](w, w.CreateStream,
		&kinesis.CreateStreamInput{StreamName: aws.String("wide"), ShardCount: aws.Int32(1000000)})
	// What this API does not have.
	refusedAs(w, "UnknownOperationException", w.ListChannels, &kinesis.ListChannelsInput{})
	settings, err := config.LoadDefaultConfig(
		w.ctx,
		config.WithCredentialsProvider(
			credentials.NewStaticCredentialsProvider("sdk", "wrong", ""),
		),
	)
	w.expect(err == nil, "no configuration: %v", err)
	stranger := kinesis.NewFromConfig(settings)
	refusedAs(w, "InvalidSignatureException", stranger.ListStreams, &kinesis.ListStreamsInput{})
}
