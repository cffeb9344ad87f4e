package replay

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/headgate/headgate/internal/judge"
	"github.com/headgate/headgate/internal/kpi"
	"github.com/headgate/headgate/internal/rollout"
)

// run is one replay under way.
type run struct {
	header Header
	policy rollout.Config
	judge  *judge.Judge
	fit    refit
	unfit  unfit
	unread map[string]string // measures left out, with the reason

	lines []line
	next  int // the first that has not been followed
	// followed are the lines of the decision that is being looked at.
	followed []line
	// state is where the record stands, with the policy in the place of its own.
	state rollout.State
	// At anchor served time was anchored: between two records both run alike.
	anchored time.Time
	anchor   time.Duration
	// judging is the step that the judge is in.
	judging  int
	anew     bool // its step's own evidence is to begin anew
	judgedAt judge.Judgement
	strata   uint64 // replayed
	seen     uint64 // read
	any      bool   // candidate requests were counted
	// Nothing before this served time is judged: the policy's longer warm-up.
	warmUntil time.Duration
	skipped   int

	row    *Row  // the step's, open
	pauses []Row // made by gates, kept apart until the end
	ended  bool  // the policy has taken the candidate back
	report Report
}

// Run replays a recording under a policy, to the end or to where the policy
// takes the candidate back. The policy is to be valid and with its defaults.
func Run(in *Reader, p rollout.Config) (Report, error) {
	m, err := newRun(in, p)
	if err != nil {
		return Report{}, err
	}
	m.follow(0)
	s, err := in.Stratum()
	for err == nil {
		if s.Stratum.Seq != m.seen+1 {
			return Report{}, &IncompleteError{From: m.seen + 1, To: s.Stratum.Seq - 1}
		}
		m.seen++
		ahead, more := in.Stratum()
		if !m.ended {
			m.stratum(s, more == nil && ahead.Begin, more != nil)
		}
		s, err = ahead, more
	}
	if !errors.Is(err, io.EOF) {
		return Report{}, err // read to the end in any case: only then it is known to be whole
	}
	return m.finish(), nil
}

func newRun(in *Reader, p rollout.Config) (*run, error) {
	h := in.Header
	layout := kpi.NewLayout(p.Thresholds()...)
	j, err := judge.New(p.Config, layout, p.Planned())
	if err != nil {
		return nil, fmt.Errorf("make the judge: %w", err)
	}
	lines, err := readLines(in.Records, h)
	if err != nil {
		return nil, err
	}
	m := &run{
		header: h, policy: p, judge: j, fit: newRefit(h.edges(), layout), unfit: unfitOf(h.Policy.Measured, p.Measured),
		unread: map[string]string{}, lines: lines, judging: -1, anchored: h.StartedAt,
		state: rollout.State{
			Format: rollout.Format, Model: h.Model, ID: h.ID, Phase: rollout.Pending, Baseline: h.Baseline, Candidate: h.Candidate, Policy: p,
		},
	}
	m.report = Report{
		Model: h.Model, Rollout: h.ID, Baseline: h.Baseline, Candidate: h.Candidate, StartedAt: h.StartedAt, FinishedAt: h.FinishedAt,
		SamePolicy: samePolicy(h.Policy, p), Recorded: Ending{Phase: h.Phase, Cause: h.Cause}, Rows: []Row{},
		Notes: append(inexact(p.Config, h.edges()), otherwise(h.Policy, p)...),
	}
	return m, nil
}

// samePolicy compares all that a judge and a plan are made of.
func samePolicy(a, b rollout.Config) bool {
	return bytes.Equal(judged(a), judged(b))
}

func judged(c rollout.Config) []byte {
	c.AfterPromote, c.OnAlert, c.OnNewer = nil, nil, ""
	data, err := json.Marshal(c)
	if err != nil {
		panic("BUG: a policy does not marshal: " + err.Error())
	}
	return data
}

// stratum judges one closed stratum, asks what would be decided now, and
// follows the record up to the next.
func (m *run) stratum(s rollout.RecordedStratum, beginNext, last bool) {
	in := s.Stratum
	m.strata = in.Seq
	if s.Begin || in.Step != m.judging {
		m.begin(in.Step)
	}
	m.feed(in)
	m.state.Served, m.state.Held = in.To, s.Held
	switch {
	case m.evidenceStep() == in.Step:
		m.ask(m.wall(in.To))
	case beginNext || last:
		// It holds what was still on its way when the step before was left, and the
		// next step's own evidence began right behind it. Nobody looked in between.
		m.begin(m.evidenceStep())
	}
	if !m.ended {
		m.follow(in.Seq)
	}
}

// evidenceStep is the step of the record whose evidence goes on.
func (m *run) evidenceStep() int { return m.header.Policy.EvidenceStep(m.state.Step) }

func (m *run) begin(step int) {
	m.judging, m.anew = step, false
	m.judge.BeginStep(step)
}

// feed gives the judge a stratum as its own layout would have counted it.
func (m *run) feed(in kpi.Stratum) {
	if in.From < m.warmUntil {
		m.skipped++
		return
	}
	m.any = m.any || in.Candidate.Requests > 0
	for _, c := range []*kpi.Counts{&in.Baseline, &in.Candidate} {
		*c = m.fit.counts(*c)
		c.Measures = m.unfit.without(c.Measures, m.unread)
	}
	m.judge.Add(in)
}

// wall is the time of day at a served time: since the last record both clocks
// have run alike.
func (m *run) wall(served time.Duration) time.Time { return m.anchored.Add(served - m.anchor) }

// follow goes along the record as far as it rests on the strata so far.
func (m *run) follow(strata uint64) {
	for m.next < len(m.lines) && m.lines[m.next].Strata <= strata && !m.ended {
		from := m.next
		for m.next < len(m.lines) && m.lines[m.next].Generation == m.lines[from].Generation {
			m.next++ // one decision may have several lines, all as of after it
		}
		m.followed = m.lines[from:m.next]
		m.decisions()
		if !m.ended {
			m.stand()
		}
	}
	m.followed = nil
}

// decisions holds what the lines say was decided against the policy.
func (m *run) decisions() {
	for _, l := range m.followed {
		m.anchored, m.anchor = l.at, l.Served
		d := l.decision()
		if d == nil {
			continue
		}
		m.state.Served, m.state.Held = l.Served, l.held()
		if m.anew || m.evidenceStep() != m.judging { // no stratum since the step began
			m.begin(m.evidenceStep())
		}
		if d.outside { // an order may come before the next look at the gates
			m.judgedAt = m.judge.Judgement()
		} else {
			m.ask(l.at)
		}
		m.recorded(d)
	}
}

// stand puts the state where the record stands after the lines.
func (m *run) stand() {
	s := &m.state
	for _, l := range m.followed {
		m.anew = m.anew || l.Kind == resumed && l.said.Anew || l.Kind == windowShown || l.Kind == windowMissed
		if l.pause() == rollout.ReasonMeasurementBroken {
			s.Broken = l.said.Message // said once
		}
	}
	l := m.followed[len(m.followed)-1]
	switch {
	case l.Phase != rollout.Paused:
		s.Resume = nil
	case s.Phase != rollout.Paused:
		s.Resume = &rollout.ResumePoint{Phase: s.Phase, Weight: s.Weight}
	}
	if s.Weight == 0 && l.Weight > 0 && warm(m.policy) > warm(m.header.Policy) {
		m.warmUntil = l.Served + warm(m.policy)
	}
	entered := l.Step != s.Step || (s.Phase == rollout.Pending && l.Phase != rollout.Pending)
	s.Phase, s.Reason, s.Weight, s.Step, s.Served, s.Held, s.Window = l.Phase, l.Reason, l.Weight, l.Step, l.Served, l.Held, l.Window
	if entered {
		s.StepBegan = l.at
	}
	if entered && l.Phase.Live() {
		m.closeRow()
		m.openRow()
	}
}

// ask puts the question that the controller asks at every tick, with the
// policy's judgement and in the state of the record.
func (m *run) ask(at time.Time) {
	m.judgedAt = m.judge.Judgement()
	s := m.state
	s.Step = m.planStep(s.Step)
	next, effects, err := rollout.Decide(s, rollout.Tick{Health: m.health(), Judgement: m.judgedAt}, at)
	if err != nil {
		return // a tick is never refused
	}
	for _, e := range effects {
		r, ok := e.(rollout.Record)
		if !ok || !(line{RecordedLine: rollout.RecordedLine{Kind: r.Kind}}).decides() {
			continue
		}
		d := &Decision{
			What: r.Kind, By: "pass", Strata: m.strata, At: at.UTC(), Gates: m.judgedAt.Gates,
			served: s.Served, ServedS: s.Served.Seconds(), HeldS: s.Held.Seconds(),
		}
		switch r.Kind {
		case RolledBack:
			d.By, d.Reason = string(next.Order.Cause), next.Order.Reason
			if next.Order.Gate != nil {
				d.Gate = next.Order.Gate.Name
			}
		case PausedBy, Suspended:
			if fromOutside(next.Reason) {
				return
			}
			d.pause, d.By, d.Reason = next.Reason, string(next.Reason), next.Message
		}
		m.replayed(d)
		return
	}
}

// health is that of two arms as recorded. What the record says of a baseline
// that could take nobody back holds for every policy.
func (m *run) health() rollout.Health {
	arm := func(version string) rollout.ArmHealth {
		return rollout.ArmHealth{Up: 1, Total: 1, Version: version, Agree: true, Verifiable: true}
	}
	h := rollout.Health{Baseline: arm(m.header.Baseline), Candidate: arm(m.header.Candidate)}
	unsafe := m.state.Phase == rollout.Paused && m.state.Reason == rollout.ReasonBaselineUnhealthy
	for _, l := range m.lines[m.next-len(m.followed):] {
		if l.Strata > m.strata {
			break
		}
		if l.Kind == RolledBack {
			unsafe = false
			break
		}
		if l.pause() == rollout.ReasonBaselineUnhealthy {
			unsafe = true
			break
		}
	}
	if unsafe {
		h.Baseline.BreakerOpen, h.Baseline.BreakerReason = true, "as recorded"
	}
	return h
}

// planStep is the policy's step that a step of the record stands for: the one of
// its number when it is of the same kind, else promote, bake and their like by
// their kind. One that the policy does
// not have is its end.
func (m *run) planStep(i int) int {
	if i < 0 || i >= len(m.header.Policy.Plan) {
		return i
	}
	kind := m.header.Policy.Plan[i].Kind()
	if i < len(m.policy.Plan) && m.policy.Plan[i].Kind() == kind {
		return i
	}
	if kind == "canary" {
		return len(m.policy.Plan)
	}
	if at := slices.IndexFunc(m.policy.Plan, func(s rollout.Step) bool { return s.Kind() == kind }); at >= 0 {
		return at
	}
	return len(m.policy.Plan)
}

// finish closes the report.
func (m *run) finish() Report {
	m.closeRow()
	r := &m.report
	r.Rows = append(r.Rows, m.pauses...)
	slices.SortStableFunc(r.Rows, func(a, b Row) int { return a.Step - b.Step })
	r.Strata, r.Gates = m.strata, m.judgedAt.Gates
	if r.Gates == nil {
		r.Gates = m.judge.Judgement().Gates
	}
	for _, g := range r.Gates {
		if g.Candidate == nil && m.any {
			r.NotRecorded = append(r.NotRecorded, g.Name)
		}
	}
	for _, name := range slices.Sorted(mapKeys(m.unread)) {
		r.Notes = append(r.Notes, fmt.Sprintf("%s was recorded, and cannot be read: %s", name, m.unread[name]))
	}
	if m.skipped > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("%d strata fall into the longer warm-up of %v", m.skipped, warm(m.policy)))
	}
	short := !m.ended && !m.header.Live() && m.next < len(m.lines)
	if short {
		r.Notes = append(r.Notes, fmt.Sprintf("the record rests on %d strata, %d were kept", m.lines[len(m.lines)-1].Strata, m.strata))
	}
	r.Identical = !short && !slices.ContainsFunc(r.Rows, func(row Row) bool { return !row.Same })
	return *r
}
