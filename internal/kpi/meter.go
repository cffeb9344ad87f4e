package kpi

import "sync"

// Meter gathers the measures of both arms until the stratum closes. It works
// off the path of requests: what is in a payload, what came as an outcome, what
// another system says. Its methods may be called from any number of goroutines.
type Meter struct {
	mu     sync.Mutex
	paused bool
	tally  tally
	groups map[string]group // seen so far
	names  map[string]bool  // of values from outside, seen so far
}

// NewMeter makes a meter that counts.
func NewMeter() *Meter {
	return &Meter{tally: newTally(), groups: map[string]group{}, names: map[string]bool{}}
}

// SetCounting switches counting; off while the candidate warms up.
func (m *Meter) SetCounting(on bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.paused = !on
}

// Count adds n looked at, k of them with the property.
func (m *Meter) Count(arm int, name string, n, k uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.paused {
		m.tally.count(arm, name, n, k)
	}
}

// Value adds one value.
func (m *Meter) Value(arm int, name string, v float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.paused {
		m.tally.value(arm, name, v)
	}
}

// maxNames bounds the names of values that are tied to no request.
const maxNames = 32

// Outside adds a value that is tied to no request, under MeasureValue + name. It
// is OutcomeUnknown while nothing is counted.
func (m *Meter) Outside(arm int, name string, v float64) Result {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.paused:
		return OutcomeUnknown
	case !m.names[name] && len(m.names) == maxNames:
		return OutcomeTooMany
	}
	m.names[name] = true
	m.tally.value(arm, MeasureValue+name, v)
	return OutcomeAccepted
}

// Bin adds one to a bin.
func (m *Meter) Bin(arm int, name string, bin int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.paused {
		m.tally.bin(arm, name, bin)
	}
}

// Add takes a whole measure in, such as a cohort of impressions whose window
// has closed. It counts in the warm-up as well: what it is about was served
// before.
func (m *Meter) Add(arm int, name string, x Measure) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tally.open[arm][name] = m.tally.open[arm][name].add(x)
}

// Drain returns what came since the last drain. One caller at a time.
func (m *Meter) Drain() (baseline, candidate Measures) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := m.tally.measures()
	m.tally = newTally()
	return all[Baseline], all[Candidate]
}

// group is a group of users, with the name of its measure.
type group struct{ name, measure string }

// group names the group a value belongs to; beyond maxGroups all are "other".
// The lock is held.
func (m *Meter) group(name string) group {
	g, ok := m.groups[name]
	if !ok {
		if len(m.groups) >= maxGroups {
			return group{"other", MeasureGroup + "other"}
		}
		g = group{name, MeasureGroup + name}
		m.groups[name] = g
	}
	return g
}

func (m *Meter) groupName(name string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.group(name).name
}
