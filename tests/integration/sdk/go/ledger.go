package main

import (
	"fmt"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

const (
	keys   = 500
	rounds = 20
)

func keyOf(number int) string { return fmt.Sprintf("key-%d", number) }

// ledger holds what one reader got: each key must bring the rounds 0, 1, 2, ... in this order.
type ledger struct {
	name string

	mutex   sync.Mutex
	seen    map[string]int // by key: the round that comes next
	left    int
	doubled map[int]bool // rounds of which a record came twice
}

func newLedger(name string) *ledger {
	return &ledger{name: name, seen: map[string]int{}, left: keys * rounds, doubled: map[int]bool{}}
}

func (l *ledger) missing() int {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.left
}

func (l *ledger) add(records []types.Record) error {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	for _, record := range records {
		if err := l.addOne(*record.PartitionKey, string(record.Data)); err != nil {
			return fmt.Errorf("%s: %w", l.name, err)
		}
	}
	return nil
}

func (l *ledger) addOne(key, data string) error {
	next := l.seen[key]
	var round int
	if _, err := fmt.Sscanf(data, key+":%d", &round); err != nil {
		return fmt.Errorf("%s came under the key %s", data, key)
	}
	switch {
	case round == next:
		l.seen[key]++
		l.left--
	case round == next-1:
		l.doubled[round] = true
	case round > next:
		return fmt.Errorf("%s has no round %d, %d came instead", key, next, round)
	default:
		return fmt.Errorf("%s went back to round %d", key, round)
	}
	return nil
}

// check takes the rounds in which the client sent a request more than once.
func (l *ledger) check(retried map[int]bool) error {
	if left := l.missing(); left > 0 {
		return fmt.Errorf("%s: %d records never came", l.name, left)
	}
	for round := range l.doubled {
		if !retried[round] {
			return fmt.Errorf("%s: records of round %d came twice unasked", l.name, round)
		}
	}
	fmt.Printf("%s: %d records, each key in order, %d rounds doubled by retries\n",
		l.name, keys*rounds, len(l.doubled))
	return nil
}
