package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

// traveller is what the parts of the journey share.
type traveller struct {
	*kinesis.Client
	stream    *string
	consumer  *string
	roundsPut atomic.Int32
}

func journey(ctx context.Context, client *kinesis.Client) error {
	t := &traveller{Client: client, stream: aws.String("journey-go")}
	if err := t.prepare(ctx); err != nil {
		return err
	}
	polled, pushed, retried := newLedger("polling"), newLedger("fan-out"), map[int]bool{}
	err := sideBySide(ctx,
		func(ctx context.Context) error { return t.readAll(ctx, t.poll, polled) },
		func(ctx context.Context) error { return t.readAll(ctx, t.fanOut, pushed) },
		t.reshard,
		func(ctx context.Context) error { return t.putAll(ctx, retried) })
	if err != nil {
		return err
	}
	for _, ledger := range []*ledger{polled, pushed} {
		if err := ledger.check(retried); err != nil {
			return err
		}
	}
	return t.clear(ctx)
}

func (t *traveller) prepare(ctx context.Context) error {
	_, err := t.CreateStream(
		ctx,
		&kinesis.CreateStreamInput{StreamName: t.stream, ShardCount: aws.Int32(2)},
	)
	if err != nil {
		return err
	}
	waiter := kinesis.NewStreamExistsWaiter(t, func(o *kinesis.StreamExistsWaiterOptions) {
		o.MinDelay, o.MaxDelay = time.Second, time.Second
	})
	stream, err := waiter.WaitForOutput(
		ctx,
		&kinesis.DescribeStreamInput{StreamName: t.stream},
		patience,
	)
	if err != nil {
		return err
	}
	registered, err := t.RegisterStreamConsumer(ctx, &kinesis.RegisterStreamConsumerInput{
		StreamARN: stream.StreamDescription.StreamARN, ConsumerName: aws.String("reader")})
	if err != nil {
		return err
	}
	t.consumer = registered.Consumer.ConsumerARN
	return until(ctx, func() (bool, error) {
		answer, err := t.DescribeStreamConsumer(ctx,
			&kinesis.DescribeStreamConsumerInput{ConsumerARN: t.consumer})
		return err == nil &&
			answer.ConsumerDescription.ConsumerStatus == types.ConsumerStatusActive, err
	})
}

func (t *traveller) clear(ctx context.Context) error {
	_, err := t.DeregisterStreamConsumer(ctx,
		&kinesis.DeregisterStreamConsumerInput{ConsumerARN: t.consumer})
	if err != nil {
		return err
	}
	if _, err := t.DeleteStream(ctx, &kinesis.DeleteStreamInput{StreamName: t.stream}); err != nil {
		return err
	}
	waiter := kinesis.NewStreamNotExistsWaiter(t, func(o *kinesis.StreamNotExistsWaiterOptions) {
		o.MinDelay, o.MaxDelay = time.Second, time.Second
	})
	err = waiter.Wait(ctx, &kinesis.DescribeStreamInput{StreamName: t.stream}, patience)
	if err != nil {
		return err
	}
	fmt.Println("created, split, merged, read twice and deleted")
	return nil
}

// putAll goes round by round, so that a record that must be sent again is still in its key's order.
func (t *traveller) putAll(ctx context.Context, retried map[int]bool) error {
	for round := range rounds {
		left := make([]types.PutRecordsRequestEntry, keys)
		for i := range left {
			left[i].PartitionKey = aws.String(keyOf(i))
			left[i].Data = fmt.Appendf(nil, "%s:%d", keyOf(i), round)
		}
		for pause := 50 * time.Millisecond; ; pause = min(2*pause, time.Second) {
			answer, err := t.PutRecords(
				ctx,
				&kinesis.PutRecordsInput{StreamName: t.stream, Records: left},
			)
			if err != nil {
				return fmt.Errorf("round %d put: %w", round, err)
			}
			attempts, _ := retry.GetAttemptResults(answer.ResultMetadata)
			if len(attempts.Results) > 1 {
				retried[round] = true
			}
			if left = failed(left, answer.Records); len(left) == 0 {
				break
			}
			if err := sleep(ctx, pause/2+rand.N(pause/2)); err != nil {
				return err
			}
		}
		t.roundsPut.Add(1)
	}
	return nil
}

func failed(sent []types.PutRecordsRequestEntry,
	results []types.PutRecordsResultEntry) []types.PutRecordsRequestEntry {
	var left []types.PutRecordsRequestEntry
	for i, result := range results {
		if result.ErrorCode != nil {
			left = append(left, sent[i])
		}
	}
	return left
}
