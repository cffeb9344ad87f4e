package replay

import (
	"fmt"
	"iter"
	"maps"
	"math"
	"strings"
	"time"

	"github.com/headgate/headgate/internal/judge"
	"github.com/headgate/headgate/internal/rollout"
)

func mapKeys(m map[string]string) iter.Seq[string] { return maps.Keys(m) }

// openRow begins the row of the step that the record is in.
func (m *run) openRow() {
	i := m.state.Step
	row := Row{Step: i, OtherWeight: m.report.OtherWeightFrom > 0}
	if i >= 0 && i < len(m.header.Policy.Plan) {
		was := m.header.Policy.Plan[i]
		row.Kind, row.Weight = was.Kind(), was.Weight().Ratio()
		row.HoldS = m.planned(i).Hold().Seconds()
		if now := m.planned(i); now.Kind() == "" {
			m.otherWeight(fmt.Sprintf("step %d of the record is none of this plan", i+1))
		} else if now.Weight() != was.Weight() {
			m.otherWeight(fmt.Sprintf("step %d was recorded at %s, this plan has %s", i+1, was.Weight(), now.Weight()))
		}
	}
	m.row = &row
}

func (m *run) planned(i int) rollout.Step {
	if at := m.planStep(i); at >= 0 && at < len(m.policy.Plan) {
		return m.policy.Plan[at]
	}
	return rollout.Step{}
}

// otherWeight notes, once, from where on the record is of another weight.
func (m *run) otherWeight(why string) {
	if m.report.OtherWeightFrom > 0 {
		return
	}
	m.report.OtherWeightFrom = max(m.strata, 1)
	m.report.Notes = append(m.report.Notes, fmt.Sprintf("from stratum %d on the record is of another weight: %s", m.strata+1, why))
}

// closeRow ends the open row. A promotion in which nothing was decided has none.
func (m *run) closeRow() {
	row := m.row
	m.row = nil
	if row == nil || row.Kind == "promote" && row.Recorded == nil && row.Replayed == nil {
		return
	}
	m.compare(row)
	m.report.Rows = append(m.report.Rows, *row)
}

// replayed takes in a decision of the policy.
func (m *run) replayed(d *Decision) {
	if d.What == PausedBy || d.What == Suspended {
		m.replayedPause(d)
		return
	}
	if m.row == nil {
		m.openRow()
	}
	if m.row.Replayed != nil {
		if d.What != RolledBack {
			return // it has left this step already
		}
		m.closeRow()
		m.openRow()
		m.row.OtherWeight = true
	}
	m.row.Replayed = d
	if d.What == RolledBack {
		m.ended = true
		m.lookAhead()
	}
}

// lookAhead finds how the record left the step in which the replay ends.
func (m *run) lookAhead() {
	for _, l := range m.lines[m.next:] {
		d := l.decision()
		if d == nil || d.pause != "" {
			continue
		}
		m.row.Recorded = d
		if m.report.SamePolicy && d.Strata == m.strata {
			m.row.Difference = evidence(d.Gates, m.judgedAt.Gates)
		}
		return
	}
}

// recorded takes in a decision of the record, after the policy was asked at the
// same moment.
func (m *run) recorded(d *Decision) {
	if d.pause != "" {
		m.recordedPause(d)
		return
	}
	if m.row != nil && m.row.Recorded != nil && !m.ended { // taken back after its end
		m.closeRow()
	}
	if m.row == nil {
		m.openRow()
	}
	m.row.Recorded = d
	if m.report.SamePolicy {
		m.row.Difference = evidence(d.Gates, m.judgedAt.Gates)
	}
	if d.What != RolledBack && m.row.Replayed == nil && !d.outside {
		m.otherWeight("the record went on, this policy would have stayed")
	}
	if !m.ended && d.What != RolledBack { // the step is left; what comes now is another stretch
		m.closeRow()
	}
}

func (m *run) replayedPause(d *Decision) {
	for _, row := range m.pauses {
		if row.Recorded == nil && row.Replayed.pause == d.pause && row.Step == m.state.Step {
			return // said already; the record was not paused by it
		}
	}
	m.pauses = append(m.pauses, Row{Step: m.state.Step, Kind: "pause", Weight: m.state.Weight.Ratio(), Replayed: d, Difference: "the record was not paused"})
	m.otherWeight("this policy would have paused")
}

func (m *run) recordedPause(d *Decision) {
	for i := range m.pauses {
		row := &m.pauses[i]
		if row.Recorded == nil && row.Replayed.pause == d.pause && row.Replayed.Strata == d.Strata {
			row.Recorded, row.Same, row.Difference = d, true, ""
			m.unnote("this policy would have paused")
			return
		}
	}
	m.pauses = append(m.pauses, Row{Step: m.state.Step, Kind: "pause", Weight: m.state.Weight.Ratio(), Recorded: d,
		Difference: "this policy would not have paused: " + m.judgedAt.Reason})
}

// unnote takes back the note of a difference that turned out to be none: the
// record follows right behind.
func (m *run) unnote(why string) {
	n := len(m.report.Notes)
	if n == 0 || !strings.HasSuffix(m.report.Notes[n-1], ": "+why) {
		return
	}
	m.report.Notes, m.report.OtherWeightFrom = m.report.Notes[:n-1], 0
}

// compare holds what was done against what would have been.
func (m *run) compare(row *Row) {
	rec, rep := row.Recorded, row.Replayed
	switch {
	case row.Difference != "": // the evidence itself
	case rec == nil && rep == nil:
	case rec == nil:
		row.Difference = "would have been " + rep.words() + "; the record was not"
		m.left(rep)
	case rec.outside && rep == nil: // as recorded
	case rep == nil:
		row.Difference = fmt.Sprintf("not %s: %s", rec.words(), m.instead(row))
	case rec.What != rep.What || rec.Gate != rep.Gate || rec.outside:
		row.Difference = fmt.Sprintf("%s instead of %s%s", rep.words(), rec.words(), when(rep, rec))
		m.left(rep)
	case rec.Strata != rep.Strata:
		row.Difference = strings.TrimPrefix(when(rep, rec), ", ")
		m.left(rep)
	}
	row.Same = row.Difference == ""
}

// left notes that the policy went to its next step while the record stayed.
func (m *run) left(rep *Decision) {
	if rep.What == RolledBack || m.report.OtherWeightFrom > 0 && m.report.OtherWeightFrom <= rep.Strata {
		return
	}
	m.report.OtherWeightFrom = rep.Strata
	m.report.Notes = append(m.report.Notes, fmt.Sprintf("from stratum %d on the record is of another weight: this policy would have gone on, the record stayed", rep.Strata+1))
}

// instead says why the policy had not decided by the end of the record.
func (m *run) instead(row *Row) string {
	if hold := row.HoldS; row.Recorded.What != RolledBack && row.Recorded.HeldS < hold {
		return fmt.Sprintf("held %v of %v", secs(row.Recorded.HeldS), secs(hold))
	}
	if row.Recorded.Gate != "" {
		for _, g := range m.judgedAt.Gates {
			if g.Name == row.Recorded.Gate && g.Fail != nil {
				return fmt.Sprintf("the record ends here, evidence then %.3g of %.3g", g.Fail.E, g.Fail.Limit)
			}
		}
		return "the record ends here, and this policy has no such gate"
	}
	return m.judgedAt.Reason
}

func secs(s float64) time.Duration {
	return time.Duration(s * float64(time.Second)).Round(100 * time.Millisecond)
}

// when says how far two decisions lie apart; "" when they do not.
func when(rep, rec *Decision) string {
	by := (rep.served - rec.served).Abs().Round(100 * time.Millisecond)
	switch {
	case rep.Strata < rec.Strata:
		return fmt.Sprintf(", %d strata earlier (%v)", rec.Strata-rep.Strata, by)
	case rep.Strata > rec.Strata:
		return fmt.Sprintf(", %d strata later (%v)", rep.Strata-rec.Strata, by)
	}
	return ""
}

// evidence compares E values to the last bit; "" when they are equal or when
// none were recorded.
func evidence(recorded, replayed []judge.GateVerdict) string {
	if len(recorded) == 0 {
		return ""
	}
	if len(recorded) != len(replayed) {
		return fmt.Sprintf("%d gates were recorded, %d replayed", len(recorded), len(replayed))
	}
	for i, was := range recorded {
		now := replayed[i]
		switch {
		case was.Name != now.Name:
			return fmt.Sprintf("gate %s was recorded, %s replayed", was.Name, now.Name)
		case !sameEvidence(was.Fail, now.Fail):
			return fmt.Sprintf("gate %s: evidence toward fail %s recorded, %s replayed", was.Name, exact(was.Fail), exact(now.Fail))
		case !sameEvidence(was.Pass, now.Pass):
			return fmt.Sprintf("gate %s: evidence toward pass %s recorded, %s replayed", was.Name, exact(was.Pass), exact(now.Pass))
		case was.Verdict != now.Verdict:
			return fmt.Sprintf("gate %s: %s recorded, %s replayed", was.Name, was.Verdict, now.Verdict)
		}
	}
	return ""
}

func sameEvidence(a, b *judge.Evidence) bool {
	if a == nil || b == nil {
		return a == b
	}
	return math.Float64bits(a.E) == math.Float64bits(b.E) && math.Float64bits(a.Limit) == math.Float64bits(b.Limit)
}

func exact(e *judge.Evidence) string {
	if e == nil {
		return "none"
	}
	return fmt.Sprintf("%.17g of %.17g", e.E, e.Limit)
}
