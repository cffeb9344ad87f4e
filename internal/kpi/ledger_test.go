package kpi

import (
	"math"
	"reflect"
	"sync"
	"testing"
	"time"
)

// everything joins all kinds, with windows of 10, 20, 30 and 40 s.
func everything(keep int) Config {
	return Config{Outcomes: &Outcomes{Keep: keep, Windows: map[string]time.Duration{
		Click: 10 * time.Second, Conversion: 20 * time.Second, Label: 30 * time.Second, Value: 40 * time.Second,
	}}}
}

func joining(c Config) *Recorder { return NewRecorder(NewLayout(), c) }

func (r *Recorder) wantDrain(t *testing.T, when string, b, c Measures) {
	t.Helper()
	gotB, gotC := r.Drain()
	if !reflect.DeepEqual(gotB, b) || !reflect.DeepEqual(gotC, c) {
		t.Errorf("%s: baseline %+v, candidate %+v\nwant %+v and %+v", when, gotB, gotC, b, c)
	}
}

func (r *Recorder) wantResult(t *testing.T, o Outcome, want Result) {
	t.Helper()
	if got := r.Outcome(o, false); got != want {
		t.Errorf("%+v: %s, want %s", o, got, want)
	}
}

func TestImpressionsCountWhenTheirWindowHasClosed(t *testing.T) {
	r := joining(Config{Outcomes: &Outcomes{Keep: 100, Windows: map[string]time.Duration{Click: 10 * time.Second}}})
	r.BeginStep(0)
	r.Observe(Candidate, Facts{ID: 1})
	r.Observe(Candidate, Facts{ID: 2})
	r.Observe(Baseline, Facts{ID: 3})
	r.Tick(9 * time.Second)
	r.Observe(Baseline, Facts{ID: 4})
	r.wantResult(t, Outcome{ID: 1, Kind: Click, Value: 1}, OutcomeAccepted)
	r.wantResult(t, Outcome{ID: 3, Kind: Click, Value: 0}, OutcomeAccepted) // said not to be clicked
	r.wantDrain(t, "open", Measures{}, Measures{})
	r.Tick(10 * time.Second)
	r.wantResult(t, Outcome{ID: 2, Kind: Click, Value: 1}, OutcomeLate)
	r.wantDrain(t, "closed", Measures{MeasureClick: {N: 1}}, Measures{MeasureClick: {N: 2, K: 1}})
	r.Tick(19 * time.Second)
	r.wantDrain(t, "the last", Measures{MeasureClick: {N: 1}}, Measures{})
}

func TestRepeatedOutcomesAreAppliedOnce(t *testing.T) {
	r := joining(everything(100))
	r.Observe(Candidate, Facts{ID: 1, Rows: []Row{{Score: 0.75}, {Score: 0.5}}})
	for _, c := range []struct {
		o    Outcome
		want Result
	}{
		{Outcome{ID: 1, Kind: Click, Value: 1}, OutcomeAccepted},
		{Outcome{ID: 1, Kind: Click, Value: 1}, OutcomeDuplicate},
		{Outcome{ID: 1, Kind: Click, Value: 0}, OutcomeConflict},
		{Outcome{ID: 1, Kind: Conversion, Value: 1}, OutcomeAccepted},
		{Outcome{ID: 1, Kind: Label, Value: 1}, OutcomeAccepted},
		{Outcome{ID: 1, Kind: Label, Value: 1}, OutcomeDuplicate},
		{Outcome{ID: 1, Kind: Label, Value: 0}, OutcomeConflict},
		{Outcome{ID: 1, Kind: Label, Index: 1, Value: 0}, OutcomeAccepted},
		{Outcome{ID: 1, Kind: Label, Index: 2, Value: 0}, OutcomeNoRow},
		{Outcome{ID: 1, Kind: Value, Name: "revenue", Value: 9}, OutcomeAccepted},
		{Outcome{ID: 1, Kind: Value, Name: "revenue", Value: 9}, OutcomeDuplicate},
		{Outcome{ID: 1, Kind: Value, Name: "revenue", Value: 8}, OutcomeConflict},
		{Outcome{ID: 1, Kind: Value, Name: "margin", Value: 2}, OutcomeAccepted},
		{Outcome{ID: 2, Kind: Click, Value: 1}, OutcomeUnknown},
		{Outcome{ID: 1, Kind: "purchase"}, OutcomeUnjoined},
	} {
		r.wantResult(t, c.o, c.want)
	}
	_, c := r.Drain()
	delete(c, MeasureScore)
	want := Measures{
		MeasurePositive: {N: 1, K: 1, Bins: Bins{{192, 1}}}, MeasureNegative: {N: 1, K: 1, Bins: Bins{{128, 1}}},
		MeasureError: {N: 2, Sum: 0.25, Square: 0.3125}, MeasureSquareError: {N: 2, Sum: 0.3125, Square: 0.06640625},
		MeasureValue + "revenue": {N: 1, Sum: 9, Square: 81}, MeasureValue + "margin": {N: 1, Sum: 2, Square: 4},
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got %+v, want %+v", c, want)
	}
}

func TestLabelsOfGroups(t *testing.T) {
	limit := 0.7
	c := everything(100)
	c.Favourable = &limit
	r := joining(c)
	r.Observe(Candidate, Facts{ID: 1, Rows: []Row{{Score: 0.7, Group: "f"}}}) // 0.7 has no exact float32
	r.Observe(Candidate, Facts{ID: 2, Rows: []Row{{Score: 0.25, Group: "m"}}})
	r.Observe(Candidate, Facts{ID: 3, Rows: []Row{{Score: 0.9, Group: "m"}}})
	r.Observe(Candidate, Facts{ID: 4, Rows: []Row{{Score: math.NaN()}}})
	r.Observe(Candidate, Facts{ID: 5})
	r.wantResult(t, Outcome{ID: 1, Kind: Label, Value: 1}, OutcomeAccepted)
	r.wantResult(t, Outcome{ID: 2, Kind: Label, Value: 1}, OutcomeAccepted)
	r.wantResult(t, Outcome{ID: 3, Kind: Label, Value: 0}, OutcomeAccepted)
	r.wantResult(t, Outcome{ID: 4, Kind: Label, Value: 1}, OutcomeAccepted)
	r.wantResult(t, Outcome{ID: 5, Kind: Label, Value: 1}, OutcomeAccepted)
	r.wantResult(t, Outcome{ID: 5, Kind: Label, Value: 1}, OutcomeDuplicate)
	_, got := r.Drain()
	if got[MeasureOpportunity+"f"].pair() != [2]uint64{1, 1} || got[MeasureOpportunity+"m"].pair() != [2]uint64{1, 0} {
		t.Errorf("opportunity %+v", got)
	}
	if x := got[MeasurePositive]; x.N != 2 || x.K != 1 {
		t.Errorf("positives %+v", x)
	}
	s, _ := r.Outcomes()
	if s.Unscored != 2 {
		t.Errorf("%d unscored, want 2", s.Unscored)
	}
}

func TestMissingOutcomesAreCountedPerArm(t *testing.T) {
	r := joining(everything(100))
	for id := range uint64(10) {
		r.Observe(int(id%2), Facts{ID: id + 1, Rows: []Row{{Score: 0.5}}})
	}
	r.wantResult(t, Outcome{ID: 1, Kind: Label, Value: 1}, OutcomeAccepted)
	r.wantResult(t, Outcome{ID: 2, Kind: Value, Name: "x", Value: 1}, OutcomeAccepted)
	r.Drain()
	r.Tick(30 * time.Second)
	b, c := r.Drain()
	if b[MeasureMissing+Label].pair() != [2]uint64{5, 4} || c[MeasureMissing+Label].pair() != [2]uint64{5, 5} {
		t.Errorf("labels: baseline %+v, candidate %+v", b, c)
	}
	if _, ok := b[MeasureMissing+Value]; ok {
		t.Errorf("the window of values is open: %+v", b)
	}
	r.Tick(40 * time.Second)
	b, c = r.Drain()
	if b[MeasureMissing+Value].pair() != [2]uint64{5, 5} || c[MeasureMissing+Value].pair() != [2]uint64{5, 4} {
		t.Errorf("values: baseline %+v, candidate %+v", b, c)
	}
}

// One stratum holds the impressions of one epoch, and says which step served
// them.
func TestStrataNeverMixEpochs(t *testing.T) {
	r := joining(Config{Outcomes: &Outcomes{Keep: 100, Windows: map[string]time.Duration{Click: 10 * time.Second}}})
	r.BeginStep(0)
	r.Observe(Candidate, Facts{ID: 1})
	r.BeginStep(1)
	r.Observe(Candidate, Facts{ID: 2})
	r.Observe(Baseline, Facts{ID: 3})
	r.Resplit(1)
	r.Observe(Baseline, Facts{ID: 4})
	r.Tick(time.Minute)
	r.wantDrain(t, "step 0", Measures{}, Measures{MeasureClick: {N: 1, Served: 1}})
	r.wantDrain(t, "step 1", Measures{MeasureClick: {N: 1}}, Measures{MeasureClick: {N: 1}})
	r.wantDrain(t, "step 1 after a pause", Measures{MeasureClick: {N: 1}}, Measures{})
	r.wantDrain(t, "no more", Measures{}, Measures{})
}

// Labels that keep coming for an old epoch do not keep those of the new one
// from being judged.
func TestEpochsTakeTurns(t *testing.T) {
	r := joining(everything(1000))
	r.BeginStep(0)
	for id := range uint64(10) {
		r.Observe(Candidate, Facts{ID: id + 1})
	}
	r.BeginStep(1)
	r.Observe(Candidate, Facts{ID: 100})
	r.wantResult(t, Outcome{ID: 100, Kind: Value, Name: "new", Value: 1}, OutcomeAccepted)
	seen := 0
	for id := range uint64(6) {
		r.wantResult(t, Outcome{ID: id + 1, Kind: Value, Name: "old", Value: 1}, OutcomeAccepted)
		_, c := r.Drain()
		if _, ok := c[MeasureValue+"new"]; ok {
			seen++
			if len(c) != 1 {
				t.Errorf("mixed: %+v", c)
			}
		}
	}
	if seen != 1 {
		t.Errorf("the new epoch was handed out %d times", seen)
	}
}

func TestOutcomesWaitForTheirRequest(t *testing.T) {
	r := joining(everything(100))
	hold := func(o Outcome, want Result) {
		t.Helper()
		if got := r.Outcome(o, true); got != want {
			t.Errorf("%+v: %s, want %s", o, got, want)
		}
	}
	hold(Outcome{ID: 1, Kind: Value, Name: "x", Value: 3}, OutcomePending)
	hold(Outcome{ID: 1, Kind: Value, Name: "x", Value: 3}, OutcomePending)
	hold(Outcome{ID: 2, Kind: Click, Value: 1}, OutcomePending)
	r.Tick(9 * time.Second)
	r.Observe(Baseline, Facts{ID: 1})
	r.wantDrain(t, "applied", Measures{MeasureValue + "x": {N: 1, Sum: 3, Square: 9}}, Measures{})
	r.Tick(10 * time.Second)
	r.Drain()
	r.Observe(Baseline, Facts{ID: 2})
	s, _ := r.Outcomes()
	v, c := s.Kinds[Value].Results, s.Kinds[Click].Results
	if v["accepted"] != 1 || v["duplicate"] != 1 || c["unknown"] != 1 || c["accepted"] != 0 || s.Early != 0 {
		t.Errorf("%+v", s)
	}
}

func TestWaitingOutcomesAreBounded(t *testing.T) {
	r := joining(everything(100))
	for id := range uint64(3 * maxEarly) {
		r.Outcome(Outcome{ID: id + 1, Kind: Click, Value: 1}, true)
		if id%2 == 0 && id > 0 {
			r.Observe(Candidate, Facts{ID: id + 1})
		}
	}
	s, _ := r.Outcomes()
	got := s.Kinds[Click].Results
	if s.Early > maxEarly || len(r.ledger.early.queue) > 3*maxEarly {
		t.Errorf("%d wait in a queue of %d", s.Early, len(r.ledger.early.queue))
	}
	if got["unknown"]+got["accepted"]+uint64(s.Early) != 3*maxEarly || len(r.ledger.early.byID) != s.Early {
		t.Errorf("%v and %d waiting of %d", got, s.Early, 3*maxEarly)
	}
}

// What a restart loses is lost for both arms alike, and counted.
func TestLostRequestsAreCounted(t *testing.T) {
	r := joining(everything(100))
	r.Observe(Baseline, Facts{ID: 1})
	r.Observe(Candidate, Facts{ID: 2})
	s, _ := r.Outcomes()
	next := joining(everything(100))
	next.Lose(s.Waiting())
	if s, _ = next.Outcomes(); s.Lost != 2 {
		t.Errorf("%d lost, want 2", s.Lost)
	}
}

func TestRetriesAndRequestsWithoutID(t *testing.T) {
	r := joining(everything(100))
	for range 3 {
		r.Observe(Candidate, Facts{ID: 7})
		r.Observe(Candidate, Facts{})
	}
	s, _ := r.Outcomes()
	if s.Observed != 1 || s.Again != 2 || s.NoID != 3 {
		t.Errorf("%+v", s)
	}
}

func TestOutcomesFromManySides(t *testing.T) {
	r := joining(everything(5000))
	var wait sync.WaitGroup
	const each = 2000
	for w := range uint64(4) {
		wait.Go(func() {
			for i := range uint64(each) {
				id := 1 + i*4 + w
				r.Observe(int(w%2), Facts{ID: id, Rows: []Row{{Score: 0.5}}})
				r.Outcome(Outcome{ID: id, Kind: Label, Value: float64(i % 2)}, true)
				r.Outcome(Outcome{ID: id, Kind: Label, Value: float64(i % 2)}, true)
			}
		})
	}
	stop := make(chan struct{})
	var labels uint64
	wait.Add(1)
	go func() {
		defer wait.Done()
		for done := false; !done; {
			select {
			case <-stop:
				done = true
			default:
			}
			b, c := r.Drain()
			labels += b[MeasureError].N + c[MeasureError].N
			r.Outcomes()
		}
	}()
	for s := uint64(0); s < 4*each; {
		stats, _ := r.Outcomes()
		s = stats.Observed
		time.Sleep(time.Millisecond)
	}
	close(stop)
	wait.Wait()
	b, c := r.Drain()
	if labels += b[MeasureError].N + c[MeasureError].N; labels != 4*each {
		t.Errorf("%d labels, want %d", labels, 4*each)
	}
}

func (m Measure) pair() [2]uint64 { return [2]uint64{m.N, m.K} }

// Answers with many predictions push older requests out sooner, and every label
// still meets its own prediction.
func TestPredictionsAreBounded(t *testing.T) {
	r := joining(everything(1500))
	for id := range uint64(3000) {
		rows := make([]Row, id%40)
		for i := range rows {
			rows[i].Score = float64((id+uint64(i))%256) / 256
		}
		r.Observe(Candidate, Facts{ID: id + 1, Rows: rows})
	}
	l := r.ledger
	if len(l.rows.ring) > rowsByKeep*1500 || int(l.rows.next-l.rows.first) > len(l.rows.ring) {
		t.Errorf("%d predictions in a ring of %d", l.rows.next-l.rows.first, len(l.rows.ring))
	}
	r.Drain()
	kept := 0
	for id := uint64(2999); ; id-- {
		if _, ok := l.index.find(l.ring, id+1); !ok {
			break
		}
		kept++
		for i := range min(id%40, maxRows) {
			r.wantResult(t, Outcome{ID: id + 1, Kind: Label, Index: int(i), Value: float64((id+i)%256) / 256}, OutcomeAccepted)
		}
		if id%40 > maxRows {
			r.wantResult(t, Outcome{ID: id + 1, Kind: Label, Index: maxRows, Value: 0}, OutcomeNoRow)
		}
	}
	if _, c := r.Drain(); c[MeasureSquareError].Sum != 0 || c[MeasureSquareError].N < 1000 {
		t.Errorf("labels met other predictions: %+v of %d requests", c[MeasureSquareError], kept)
	}
}

// 72 bytes a request at the most, whatever keep is.
func TestBytesOfARequest(t *testing.T) {
	for _, keep := range []int{1025, 2048, 3000, 4097, 5000, 8191} {
		r := joining(everything(keep))
		for id := range uint64(2 * keep) {
			r.Observe(Candidate, Facts{ID: id + 1, Rows: []Row{{Score: 0.5}, {Score: 0.5}}})
		}
		s, _ := r.Outcomes()
		if s.Kept != keep || s.Bytes > 72*keep {
			t.Errorf("keep %d: %d kept in %d bytes, %.1f each", keep, s.Kept, s.Bytes, float64(s.Bytes)/float64(keep))
		}
	}
}
