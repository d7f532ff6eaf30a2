package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

// reader reads all of a shard; it gives the shard's children, or none once nothing is missing.
type reader func(ctx context.Context, shard *string, ledger *ledger) ([]types.ChildShard, error)

func (t *traveller) poll(
	ctx context.Context,
	shard *string,
	ledger *ledger,
) ([]types.ChildShard, error) {
	start, err := t.GetShardIterator(ctx, &kinesis.GetShardIteratorInput{StreamName: t.stream,
		ShardId: shard, ShardIteratorType: types.ShardIteratorTypeTrimHorizon})
	if err != nil {
		return nil, err
	}
	iterator := start.ShardIterator
	for ledger.missing() > 0 {
		answer, err := t.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: iterator})
		if err != nil {
			return nil, fmt.Errorf("polling %s: %w", *shard, err)
		}
		if err := ledger.add(answer.Records); err != nil {
			return nil, err
		}
		if iterator = answer.NextShardIterator; iterator == nil {
			return answer.ChildShards, nil
		}
		// A shard answers five times a second.
		if err := sleep(ctx, 250*time.Millisecond); err != nil {
			return nil, fmt.Errorf(
				"polling %s, %d records missing: %w",
				*shard,
				ledger.missing(),
				err,
			)
		}
	}
	return nil, nil
}

// fanOut does the same with SubscribeToShard, which is called again when a subscription has ended.
func (t *traveller) fanOut(
	ctx context.Context,
	shard *string,
	ledger *ledger,
) ([]types.ChildShard, error) {
	position := &types.StartingPosition{Type: types.ShardIteratorTypeTrimHorizon}
	for ledger.missing() > 0 {
		answer, err := t.SubscribeToShard(ctx, &kinesis.SubscribeToShardInput{
			ConsumerARN: t.consumer, ShardId: shard, StartingPosition: position})
		if err != nil {
			return nil, fmt.Errorf("fan-out of %s: %w", *shard, err)
		}
		children, next, err := receive(answer.GetStream(), ledger)
		if err != nil || children != nil {
			return children, err
		}
		if next != nil {
			position = &types.StartingPosition{
				Type: types.ShardIteratorTypeAfterSequenceNumber, SequenceNumber: next}
		}
	}
	return nil, nil
}

// receive takes one subscription to its end, and tells where the next one must go on.
func receive(stream *kinesis.SubscribeToShardEventStream, ledger *ledger) (
	children []types.ChildShard, next *string, err error) {
	defer stream.Close()
	for event := range stream.Events() {
		event := event.(*types.SubscribeToShardEventStreamMemberSubscribeToShardEvent).Value
		if err := ledger.add(event.Records); err != nil {
			return nil, nil, err
		}
		if event.ChildShards != nil {
			return event.ChildShards, nil, nil
		}
		next = event.ContinuationSequenceNumber
		if ledger.missing() == 0 {
			return nil, next, nil
		}
	}
	return nil, next, stream.Err()
}

// readAll reads all shards side by side; a child when all of its parents have been read.
func (t *traveller) readAll(ctx context.Context, read reader, ledger *ledger) error {
	shards, err := t.openShards(ctx)
	if err != nil {
		return err
	}
	var mutex sync.Mutex
	ended, begun := map[string]bool{}, map[string]bool{}
	var follow func(ctx context.Context, shard *string) error
	follow = func(ctx context.Context, shard *string) error {
		children, err := read(ctx, shard, ledger)
		if err != nil {
			return err
		}
		var ripe []func(context.Context) error
		mutex.Lock()
		ended[*shard] = true
		for _, child := range children {
			if !begun[*child.ShardId] && all(child.ParentShards, ended) {
				begun[*child.ShardId] = true
				ripe = append(
					ripe,
					func(ctx context.Context) error { return follow(ctx, child.ShardId) },
				)
			}
		}
		mutex.Unlock()
		return sideBySide(ctx, ripe...)
	}
	first := make([]func(context.Context) error, len(shards))
	for i, shard := range shards {
		first[i] = func(ctx context.Context) error { return follow(ctx, shard.ShardId) }
	}
	return sideBySide(ctx, first...)
}

func all(names []string, in map[string]bool) bool {
	for _, name := range names {
		if !in[name] {
			return false
		}
	}
	return true
}

// sideBySide runs all parts; the first that fails ends the others, and its error is returned.
func sideBySide(ctx context.Context, parts ...func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var group sync.WaitGroup
	for _, part := range parts {
		group.Add(1)
		go func() {
			defer group.Done()
			if err := part(ctx); err != nil {
				cancel(err)
			}
		}()
	}
	group.Wait()
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.DeadlineExceeded) {
		return cause
	}
	return ctx.Err()
}

func until(ctx context.Context, condition func() (bool, error)) error {
	for {
		if done, err := condition(); done || err != nil {
			return err
		}
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

func sleep(ctx context.Context, pause time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(pause):
		return nil
	}
}
