package main

import (
	"context"
	"math/big"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

// reshard splits a shard, later merges two neighbours, while records come in.
func (t *traveller) reshard(ctx context.Context) error {
	if err := t.awaitRounds(ctx, rounds/4); err != nil {
		return err
	}
	shards, err := t.openShards(ctx)
	if err != nil {
		return err
	}
	_, err = t.SplitShard(ctx, &kinesis.SplitShardInput{StreamName: t.stream,
		ShardToSplit: shards[0].ShardId, NewStartingHashKey: aws.String(middle(shards[0]).String())})
	if err != nil {
		return err
	}
	if err := t.awaitActive(ctx); err != nil {
		return err
	}
	if err := t.awaitRounds(ctx, rounds/2); err != nil {
		return err
	}
	if shards, err = t.openShards(ctx); err != nil {
		return err
	}
	_, err = t.MergeShards(ctx, &kinesis.MergeShardsInput{StreamName: t.stream,
		ShardToMerge: shards[1].ShardId, AdjacentShardToMerge: shards[2].ShardId})
	if err != nil {
		return err
	}
	return t.awaitActive(ctx)
}

func (t *traveller) awaitRounds(ctx context.Context, count int32) error {
	return until(ctx, func() (bool, error) { return t.roundsPut.Load() > count, nil })
}

func (t *traveller) awaitActive(ctx context.Context) error {
	return until(ctx, func() (bool, error) {
		answer, err := t.DescribeStreamSummary(ctx,
			&kinesis.DescribeStreamSummaryInput{StreamName: t.stream})
		return err == nil &&
			answer.StreamDescriptionSummary.StreamStatus == types.StreamStatusActive, err
	})
}

// openShards gives the open shards by their hash keys.
func (t *traveller) openShards(ctx context.Context) ([]types.Shard, error) {
	var shards []types.Shard
	input := &kinesis.ListShardsInput{StreamName: t.stream,
		ShardFilter: &types.ShardFilter{Type: types.ShardFilterTypeAtLatest}}
	for {
		page, err := t.ListShards(ctx, input)
		if err != nil {
			return nil, err
		}
		shards = append(shards, page.Shards...)
		if page.NextToken == nil {
			break
		}
		input = &kinesis.ListShardsInput{NextToken: page.NextToken}
	}
	slices.SortFunc(shards, func(a, b types.Shard) int {
		return number(a.HashKeyRange.StartingHashKey).Cmp(number(b.HashKeyRange.StartingHashKey))
	})
	return shards, nil
}

func number(text *string) *big.Int {
	parsed, _ := new(big.Int).SetString(*text, 10)
	return parsed
}

// middle is the first hash key of a shard's second half.
func middle(shard types.Shard) *big.Int {
	sum := new(
		big.Int,
	).Add(number(shard.HashKeyRange.StartingHashKey), number(shard.HashKeyRange.EndingHashKey))
	return sum.Rsh(sum, 1).Add(sum, big.NewInt(1))
}
