package canary

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func drawSplit(t *rapid.T, label string) (Salt, Weight) {
	var salt Salt
	copy(salt[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, label+" salt"))
	return salt, Weight(rapid.Uint16Range(0, uint16(Full)).Draw(t, label+" weight"))
}

// A2: raising the weight never moves a user from the candidate back.
func TestRaisingTheWeightOnlyAdds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		salt, low := drawSplit(t, "first")
		high := Weight(rapid.Uint16Range(uint16(low), uint16(Full)).Draw(t, "higher weight"))
		key := rapid.SliceOf(rapid.Byte()).Draw(t, "key")
		before, after := NewSplit(salt, low), NewSplit(salt, high)
		if before.Hash(key) != after.Hash(key) {
			t.Fatal("the hash depends on the weight")
		}
		if before.Pick(before.Hash(key)) == Candidate && after.Pick(after.Hash(key)) != Candidate {
			t.Fatalf("key %q fell back to the baseline from %s to %s", key, low, high)
		}
	})
}

func TestShareIsExactToNoise(t *testing.T) {
	const keys = 200_000
	random := rand.New(rand.NewPCG(1, 2))
	for _, w := range []Weight{0, 1, 10, 100, 1000, 2500, 5000, 9000, 9999, Full} {
		var salt Salt
		for i := range salt {
			salt[i] = byte(random.Uint32())
		}
		split, candidates := NewSplit(salt, w), 0
		for i := range keys {
			if split.Pick(split.Hash(strconv.AppendInt(nil, int64(i), 10))) == Candidate {
				candidates++
			}
		}
		p := w.Ratio()
		if off, bound := math.Abs(float64(candidates)-keys*p), 5*math.Sqrt(keys*p*(1-p)); off > bound {
			t.Errorf("%s: %d of %d keys, off by %.0f, more than 5 standard errors (%.0f)", w, candidates, keys, off, bound)
		}
	}
}

// The slots are equal: over all hashes the share is the weight exactly.
func TestSlotEdges(t *testing.T) {
	for _, w := range []Weight{1, 1000, 5000, 9999} {
		split := NewSplit(Salt{}, w)
		edge := uint64(float64(w) / float64(Full) * math.Exp2(64))
		if split.Pick(edge-4096) != Candidate || split.Pick(edge+4096) != Baseline {
			t.Errorf("%s: the edge is not at %d", w, edge)
		}
	}
	if NewSplit(Salt{}, Full).Pick(math.MaxUint64) != Candidate || NewSplit(Salt{}, 0).Pick(0) != Baseline {
		t.Error("everyone and nobody are not exact")
	}
}

// A2: the order of users is drawn anew for each rollout. At 10 % two rollouts
// share one in ten of their candidates, not all.
func TestOrdersDifferBetweenSalts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first, _ := drawSplit(t, "first")
		second, _ := drawSplit(t, "second")
		if first == second {
			second[0] ^= 1
		}
		const keys = 5000
		a, b, both, one := NewSplit(first, 1000), NewSplit(second, 1000), 0, 0
		for i := range keys {
			key := strconv.AppendInt(nil, int64(i), 10)
			inA, inB := a.Pick(a.Hash(key)) == Candidate, b.Pick(b.Hash(key)) == Candidate
			if inA {
				one++
			}
			if inA && inB {
				both++
			}
		}
		if both > one/3 {
			t.Fatalf("%d of %d candidates are the same users", both, one)
		}
	})
}

func TestZeroSplitIsBaseline(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var split Split
		if arm := split.Pick(rapid.Uint64().Draw(t, "hash")); arm != Baseline {
			t.Fatalf("the zero split sends to the %s", arm)
		}
	})
}

func TestKeyIsBounded(t *testing.T) {
	split := NewSplit(Salt{1}, 5000)
	long := strings.Repeat("k", 256)
	if split.Hash([]byte(long)) != split.Hash([]byte(long+"more")) {
		t.Error("more than 256 bytes are hashed")
	}
	if split.Hash([]byte(long)) == split.Hash([]byte(long[1:])) {
		t.Error("byte 256 is not hashed")
	}
}

func TestHashDoesNotAllocate(t *testing.T) {
	split, key := NewSplit(Salt{1}, 5000), []byte("user-4711")
	var picked Arm
	if n := testing.AllocsPerRun(100, func() { picked = split.Pick(split.Hash(key)) }); n != 0 {
		t.Errorf("%v allocations per pick of the %s", n, picked)
	}
}

// The reference vector of SipHash-2-4 (Aumasson & Bernstein, appendix A):
// an assignment must survive an upgrade of the library.
func TestHashIsSipHash24(t *testing.T) {
	var salt Salt
	var message [15]byte
	for i := range salt {
		salt[i] = byte(i)
	}
	for i := range message {
		message[i] = byte(i)
	}
	if got := NewSplit(salt, 0).Hash(message[:]); got != 0xa129ca6149be45e5 {
		t.Errorf("got %#x", got)
	}
}
