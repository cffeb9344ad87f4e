package kpi

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
)

func newKeySet(ladder []rung, limit uint64) *keySet { return &keySet{ladder: ladder, limit: limit} }

// A set that is filled to its limit still finds room for everyone, forgets
// nobody, and takes hardly anybody for somebody else.
func TestKeySetHoldsWhatItPromises(t *testing.T) {
	for _, c := range []struct {
		name   string
		ladder []rung
		limit  uint64
	}{{"rollout", rolloutLadder[:], maxKeys}, {"window", windowLadder[:], maxWindowKeys}} {
		t.Run(c.name, func(t *testing.T) {
			if raceOn {
				c.limit >>= 4
			}
			k := newKeySet(c.ladder, c.limit)
			random := rand.New(rand.NewPCG(1, 2))
			keys := make([]uint64, c.limit)
			mistaken := 0
			for i := range keys {
				keys[i] = random.Uint64()
				switch k.add(keys[i]) {
				case keySeen:
					mistaken++
				case keyFull:
					t.Fatalf("no room for key %d of %d", i, c.limit)
				case keyNew:
				}
			}
			// 80 in 2^32 for each: 0.02 expected of a million.
			if mistaken > 2 {
				t.Errorf("%d of %d new keys were taken for others", mistaken, c.limit)
			}
			for i, key := range keys {
				if k.add(key) != keySeen {
					t.Fatalf("key %d was forgotten", i)
				}
			}
			if got := k.add(random.Uint64()); mistaken == 0 && got != keyFull {
				t.Errorf("one more is %d, want full", got)
			}
		})
	}
}

// Keys that differ only in some of their bits are told apart as well.
func TestKeySetUsesEveryBit(t *testing.T) {
	keys := uint64(1 << 16)
	if raceOn {
		keys = 1 << 11
	}
	for shift := range 48 {
		k := newKeySet(rolloutLadder[:], maxKeys)
		for i := range keys {
			if k.add(i<<shift) != keyNew {
				t.Fatalf("key %d << %d was taken for another", i, shift)
			}
		}
	}
}

func TestKeySetTellsExactlyOneThatItIsNew(t *testing.T) {
	k := newKeySet(windowLadder[:], maxWindowKeys)
	var fresh atomic.Int64
	var wait sync.WaitGroup
	const keys = 20_000
	for range 8 {
		wait.Go(func() {
			for i := range uint64(keys) {
				if k.add(i*0x9E3779B97F4A7C15) == keyNew {
					fresh.Add(1)
				}
			}
		})
	}
	wait.Wait()
	if fresh.Load() != keys {
		t.Errorf("%d new, want %d", fresh.Load(), keys)
	}
}

// Two arms of a full rollout and of a full window, as the issue bounds them.
func TestKeySetsStayBelow16MB(t *testing.T) {
	sum := 0
	for _, ladder := range [][]rung{rolloutLadder[:], windowLadder[:]} {
		k := newKeySet(ladder, maxKeys)
		for i := range ladder {
			k.table(&ladder[i])
		}
		sum += arms * k.bytes()
	}
	t.Logf("key sets of both arms, full: %.2f MB", float64(sum)/1e6)
	if sum > 16e6 {
		t.Errorf("%d bytes", sum)
	}
}

func TestKeyLogFreesWhatWasTaken(t *testing.T) {
	l := &keyLog{limit: maxKeys}
	l.skip(100)
	taken := 0
	for i := range uint64(3 * chunkKeys) {
		l.add(i)
		if i%1000 == 0 {
			taken += len(l.drain())
		}
	}
	taken += len(l.drain())
	held := 0
	for i := range l.chunks {
		if l.chunks[i].Load() != nil {
			held++
		}
	}
	if taken != 3*chunkKeys || held != 1 {
		t.Errorf("%d keys in %d chunks, want %d in 1", taken, held, 3*chunkKeys)
	}
}
