package kpi

import (
	"math"
	"testing"
	"time"
)

// A stream of one token has a first token and no rate; one without any is the
// slowest in both.
func TestStreamsWithFewTokens(t *testing.T) {
	r := NewRecorder(NewLayout(), Config{})
	r.Observe(Candidate, Facts{Stream: true, FirstToken: time.Second, Tokens: math.NaN()})
	r.Observe(Candidate, Facts{Stream: true, Tokens: math.NaN()})
	r.Observe(Candidate, Facts{Stream: true, FirstToken: time.Second, Tokens: 100})
	_, m := r.Meter().Drain()
	if first := m[MeasureFirstToken]; first.N != 3 || first.K != 1 || first.Bins[0].Count != 2 {
		t.Errorf("first token %+v", first)
	}
	if rate := m[MeasureTokens]; rate.N != 2 || rate.K != 1 || rate.Bins[0].Count != 1 {
		t.Errorf("tokens %+v", rate)
	}
}
