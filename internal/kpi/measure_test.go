package kpi

import (
	"encoding/json"
	"math"
	"reflect"
	"sync"
	"testing"
)

func TestMeterGathersFromManyAndStartsAnew(t *testing.T) {
	m := NewMeter()
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for i := range 1000 {
				m.Count(Candidate, MeasureClick, 1, one(i%10 == 0))
				m.Value(Candidate, MeasureValue+"revenue", 0.5)
				m.Bin(Baseline, MeasureScore, i%3)
			}
		})
	}
	wait.Wait()
	b, c := m.Drain()
	want := Measures{MeasureClick: {N: 8000, K: 800}, MeasureValue + "revenue": {N: 8000, Sum: 4000, Square: 2000}}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("candidate %+v, want %+v", c, want)
	}
	if got := b[MeasureScore].Bins; !reflect.DeepEqual(got, Bins{{0, 2672}, {1, 2664}, {2, 2664}}) {
		t.Errorf("baseline's scores %v", got)
	}
	if b, c = m.Drain(); len(b)+len(c) != 0 {
		t.Errorf("drained twice: %v, %v", b, c)
	}
}

func TestMeterRestsInTheWarmUp(t *testing.T) {
	m := NewMeter()
	m.SetCounting(false)
	m.Count(Candidate, MeasureInvalid, 1, 1)
	m.Bin(Candidate, MeasureScore, 3)
	m.Add(Candidate, MeasureClick, Measure{N: 3, K: 1, Served: 2})
	_, c := m.Drain()
	if want := (Measures{MeasureClick: {N: 3, K: 1, Served: 2}}); !reflect.DeepEqual(c, want) {
		t.Errorf("candidate %+v, want %+v", c, want)
	}
}

func TestMeasuresMergeAndKeepThroughJSON(t *testing.T) {
	a := Measures{"x": {N: 2, K: 1, Bins: Bins{{1, 2}, {5, 1}}, Sum: 0.25, Square: 0.0625}, "y": {N: 1}}
	b := Measures{"x": {N: 3, Bins: Bins{{0, 1}, {5, 4}, {9, 1}}, Sum: 0.5, Square: 0.25}, "z": {K: 0, N: 9, Served: 3}}
	got := a.Merge(b)
	want := Measures{
		"x": {N: 5, K: 1, Bins: Bins{{0, 1}, {1, 2}, {5, 5}, {9, 1}}, Sum: 0.75, Square: 0.3125},
		"y": {N: 1}, "z": {N: 9, Served: 3},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("merged %+v, want %+v", got, want)
	}
	data, err := json.Marshal(Counts{Measures: got})
	if err != nil {
		t.Fatal(err)
	}
	var back Counts
	if err := json.Unmarshal(data, &back); err != nil || !reflect.DeepEqual(back.Measures, got) {
		t.Errorf("read back %+v, %v", back.Measures, err)
	}
}

func TestScaleHoldsEveryValue(t *testing.T) {
	s := Scale{Min: -1, Max: 1}
	for _, c := range []struct {
		v   float64
		bin int
	}{{-1, 0}, {-5, 0}, {math.Inf(-1), 0}, {0, 128}, {0.9999, 255}, {1, 255}, {7, 255}, {math.Inf(1), 255}} {
		if bin, ok := s.Bin(c.v); !ok || bin != c.bin {
			t.Errorf("bin of %v is %d, %v, want %d", c.v, bin, ok, c.bin)
		}
	}
	if _, ok := s.Bin(math.NaN()); ok {
		t.Error("NaN has a bin")
	}
}

func TestObserveCountsWhatPayloadsTell(t *testing.T) {
	r := NewRecorder(NewLayout(), Config{Inputs: []Input{{Name: "tenure", Feature: "3", Scale: Scale{Min: 0, Max: 256}}}})
	r.Observe(Candidate, Facts{
		Rows:    []Row{{Score: 0.75, Group: "f"}, {Score: 0.25, Group: "f"}, {Score: math.NaN(), Group: "m"}},
		Inputs:  [][]float64{{12}, {math.NaN()}},
		Checked: true, Invalid: true,
	})
	_, c := r.Meter().Drain()
	want := Measures{
		MeasureScore: {Bins: Bins{{64, 1}, {192, 1}}}, MeasureGroup + "f": {N: 2, K: 1},
		MeasureInput + "tenure": {Bins: Bins{{12, 1}}}, MeasureInvalid: {N: 1, K: 1},
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got %+v, want %+v", c, want)
	}
}

func TestValuesFromOutside(t *testing.T) {
	m := NewMeter()
	for i := range maxNames + 1 {
		want := OutcomeAccepted
		if i == maxNames {
			want = OutcomeTooMany
		}
		if got := m.Outside(Baseline, string(rune('A'+i)), 2); got != want {
			t.Errorf("name %d: %s, want %s", i, got, want)
		}
	}
	m.SetCounting(false)
	if got := m.Outside(Baseline, "A", 2); got != OutcomeUnknown {
		t.Errorf("in the warm-up: %s", got)
	}
	b, _ := m.Drain()
	if x := b[MeasureValue+"A"]; x.N != 1 || x.Sum != 2 || x.Square != 4 || len(b) != maxNames {
		t.Errorf("%+v", b)
	}
}
