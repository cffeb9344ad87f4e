package kpi

import (
	"encoding/binary"
	"strconv"
	"testing"
)

// The hash is part of what a journal and another replica rely on.
func TestRequestKeyStaysTheSame(t *testing.T) {
	if k0, k1 := binary.LittleEndian.Uint64([]byte("headgate")), binary.LittleEndian.Uint64([]byte("requests")); k0 != requestKey0 || k1 != requestKey1 {
		t.Errorf("keys %#x, %#x", k0, k1)
	}
	for id, want := range map[string]uint64{"": 0xc3c9fe4e70132e45, "r-1": 0xf7c591197011fcdf, "6f1e9a3c0b5d4e7f8a9b0c1d2e3f4a5b": 0x2a76a08659a80791} {
		if got := RequestKey([]byte(id)); got != want {
			t.Errorf("%q: %#x, want %#x", id, got, want)
		}
	}
}

func TestRequestKeysDiffer(t *testing.T) {
	seen := make(map[uint64]string, 200_000)
	for i := range 200_000 {
		id := "r-" + strconv.Itoa(i)
		key := RequestKey([]byte(id))
		if other, twice := seen[key]; twice {
			t.Fatalf("%s and %s have one key", id, other)
		}
		seen[key] = id
	}
	id := []byte("6f1e9a3c0b5d4e7f8a9b0c1d2e3f4a5b")
	if n := testing.AllocsPerRun(100, func() { RequestKey(id) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
