package kpi

import (
	"maps"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// modelled is the ledger as one would write it with all the memory in the
// world: every request and what came for it.
type modelled struct {
	keep     int
	now      time.Duration
	epoch    int
	requests []*wanted
	byID     map[uint64]*wanted
	kept     []*wanted
}

type wanted struct {
	id          uint64
	arm, epoch  int
	at          time.Duration
	click       *float64
	label       *float64
	gone        bool
	clickClosed bool
	labelClosed bool
}

const (
	modelClick = 10 * time.Second
	modelLabel = 25 * time.Second
)

func (m *modelled) observe(id uint64, arm int) {
	if m.byID[id] != nil {
		return
	}
	w := &wanted{id: id, arm: arm, epoch: m.epoch, at: m.now}
	m.requests, m.kept, m.byID[id] = append(m.requests, w), append(m.kept, w), w
}

// follow lets go what the ledger has let go: which of the old ones that are is
// its business, that it is the oldest and no more than it must is checked.
func (m *modelled) follow(t *rapid.T, l *ledger) {
	held := int(l.next - l.first)
	if held > m.keep {
		t.Fatalf("%d are kept, more than %d", held, m.keep)
	}
	for len(m.kept) > held {
		w := m.kept[0]
		if waits := !w.clickClosed || !w.labelClosed; waits && held < m.keep {
			t.Fatalf("request %d was let go with room for %d and only %d held", w.id, m.keep, held)
		}
		w.gone = true
		delete(m.byID, w.id)
		m.kept = m.kept[1:]
	}
}

func (m *modelled) outcome(o Outcome) Result {
	w := m.byID[o.ID]
	if w == nil {
		return OutcomeUnknown
	}
	window, slot := modelClick, &w.click
	if o.Kind == Label {
		window, slot = modelLabel, &w.label
	}
	switch {
	case m.now-w.at >= window:
		return OutcomeLate
	case *slot == nil:
		*slot = &o.Value
		return OutcomeAccepted
	case **slot == o.Value:
		return OutcomeDuplicate
	}
	return OutcomeConflict
}

// close settles what is due.
func (m *modelled) close() {
	for _, w := range m.kept {
		w.clickClosed = w.clickClosed || m.now-w.at >= modelClick
		w.labelClosed = w.labelClosed || m.now-w.at >= modelLabel
	}
}

// Every request's fate is counted exactly once, every outcome is applied at most
// once, and no more than keep are held, whatever comes in which order.
func TestLedgerAgainstAModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keep := rapid.SampledFrom([]int{1, 2, 7, 40}).Draw(t, "keep")
		r := NewRecorder(bare, Config{Outcomes: &Outcomes{Keep: keep, Windows: map[string]time.Duration{Click: modelClick, Label: modelLabel}}})
		m := &modelled{keep: keep, byID: map[uint64]*wanted{}}
		total := map[string][arms]Measure{}
		drain := func() {
			b, c := r.Drain()
			for arm, got := range []Measures{b, c} {
				for name, x := range got {
					sum := total[name]
					sum[arm] = sum[arm].add(x)
					total[name] = sum
				}
			}
		}
		for range rapid.IntRange(1, 150).Draw(t, "length") {
			id := rapid.Uint64Range(1, 60).Draw(t, "id")
			switch rapid.IntRange(0, 5).Draw(t, "what") {
			case 0, 1:
				arm := rapid.IntRange(0, 1).Draw(t, "arm")
				r.Observe(arm, Facts{ID: id, Rows: []Row{{Score: 0.5}}})
				m.observe(id, arm)
				m.follow(t, r.ledger)
			case 2, 3:
				o := Outcome{ID: id, Kind: rapid.SampledFrom([]string{Click, Label}).Draw(t, "kind"), Value: float64(rapid.IntRange(0, 1).Draw(t, "value"))}
				want := m.outcome(o)
				if got := r.Outcome(o, false); got != want {
					t.Fatalf("%+v: %s, want %s", o, got, want)
				}
			case 4:
				m.now += time.Duration(rapid.IntRange(0, 8000).Draw(t, "ms")) * time.Millisecond / clockUnit * clockUnit
				r.Tick(m.now)
				m.close()
				drain()
			case 5:
				m.epoch++
				r.BeginStep(m.epoch)
			}
		}
		for range m.epoch + 2 {
			drain()
		}
		m.check(t, r, total)
	})
}

var bare = NewLayout()

func (m *modelled) check(t *rapid.T, r *Recorder, total map[string][arms]Measure) {
	want := map[string][arms]Measure{}
	add := func(name string, arm int, n, k uint64) {
		x := want[name]
		x[arm].N += n
		x[arm].K += k
		want[name] = x
	}
	var clickGone, labelGone uint64
	for _, w := range m.requests {
		if w.clickClosed {
			add(MeasureClick, w.arm, 1, one(w.click != nil && *w.click == 1))
		} else if w.gone {
			clickGone++
		}
		if w.labelClosed {
			add(MeasureMissing+Label, w.arm, 1, one(w.label == nil))
		} else if w.gone {
			labelGone++
		}
		if w.label != nil {
			add(MeasureError, w.arm, 1, 0)
		}
	}
	for _, name := range []string{MeasureClick, MeasureMissing + Label, MeasureError} {
		for arm := range arms {
			if got, w := total[name][arm].pair(), want[name][arm].pair(); got != w {
				t.Fatalf("%s of arm %d: %v, want %v", name, arm, got, w)
			}
		}
	}
	s, _ := r.Outcomes()
	if s.Observed != uint64(len(m.requests)) || s.Kinds[Click].Dropped != clickGone || s.Kinds[Label].Dropped != labelGone {
		t.Fatalf("%+v, want %d observed, %d and %d dropped", s, len(m.requests), clickGone, labelGone)
	}
	for name, k := range s.Kinds {
		if k.Closed+k.Dropped+k.Waiting != s.Observed {
			t.Fatalf("%s: %+v does not add up to %d", name, k, s.Observed)
		}
	}
	m.checkIndex(t, r.ledger)
}

// checkIndex: every request that is kept is found, and nothing else.
func (m *modelled) checkIndex(t *rapid.T, l *ledger) {
	found := map[uint64]bool{}
	for id := range uint64(61) {
		if _, ok := l.index.find(l.ring, id); ok {
			found[id] = true
		}
	}
	kept := map[uint64]bool{}
	for id := range m.byID {
		kept[id] = true
	}
	if !maps.Equal(found, kept) {
		t.Fatalf("found %v, kept %v", found, kept)
	}
}
