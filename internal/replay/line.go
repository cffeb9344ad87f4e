package replay

import (
	"encoding/json"
	"math"
	"strings"
	"time"

	"github.com/headgate/headgate/internal/judge"
	"github.com/headgate/headgate/internal/rollout"
)

// line is a record with what a replay reads of it.
type line struct {
	rollout.RecordedLine
	at  time.Time
	seq uint64
	// said is what the kinds of records that a replay looks at hold.
	said struct {
		Why     string              `json:"why"`
		HeldS   *float64            `json:"held_s"`
		Reason  string              `json:"reason"`
		Message string              `json:"message"`
		By      string              `json:"by"`
		Cause   rollout.Cause       `json:"cause"`
		Gate    *judge.GateVerdict  `json:"gate"`
		Gates   []judge.GateVerdict `json:"gates"`
		Anew    bool                `json:"anew"`
	}
}

// readLines reads the records of a rollout. Strata never go back: what was
// decided when there was no judge any more comes last.
func readLines(records []Line, h Header) ([]line, error) {
	var out []line
	var most uint64
	for _, r := range records {
		body, err := rollout.ReadLine(r.Body)
		if err != nil {
			return nil, damaged("record %d: %v", r.Seq, err)
		}
		if body.Model != h.Model || body.Rollout != h.ID {
			return nil, damaged("record %d is about rollout %s of %s", r.Seq, body.Rollout, body.Model)
		}
		l := line{RecordedLine: body, at: r.Time, seq: r.Seq}
		if l.decides() || l.Kind == resumed {
			if err := json.Unmarshal(body.Data, &l.said); err != nil {
				return nil, damaged("record %d (%s): %v", r.Seq, body.Kind, err)
			}
		}
		most = max(most, l.Strata)
		l.Strata = most
		out = append(out, l)
	}
	return out, nil
}

// resumed is the record that gives a weight back; its step may begin anew.
const resumed = "resumed"

// A window of a long hold has ended: the evidence of the next one begins.
const (
	windowShown  = "window_shown"
	windowMissed = "window_missed"
)

// decides says whether the line is of a kind that a judge can be behind.
func (l line) decides() bool {
	switch l.Kind {
	case Advanced, Baked, RolledBack, PausedBy, Suspended, Promoting:
		return true
	}
	return false
}

// pause is the reason of a pause. What stands in the line itself is where the
// decision ended, which may have had two of them.
func (l line) pause() rollout.Reason {
	switch {
	case l.Kind != PausedBy && l.Kind != Suspended:
		return ""
	case l.said.By != "":
		return rollout.ReasonOperator // and the reason is the person's own words
	}
	return rollout.Reason(l.said.Reason)
}

// held is the hold's clock when the decision was made: an advance has set it
// back since.
func (l line) held() time.Duration {
	if l.said.HeldS != nil {
		return time.Duration(math.Round(*l.said.HeldS * float64(time.Second)))
	}
	return l.Held
}

// fromOutside are the reasons of pauses that no gate is behind; they are
// replayed as recorded.
func fromOutside(r rollout.Reason) bool {
	switch r {
	case rollout.ReasonOperator, rollout.ReasonRestarted, rollout.ReasonVersionChanged, rollout.ReasonBaselineChanged,
		rollout.ReasonEvidenceLost, rollout.ReasonRegistryConflict, rollout.ReasonReloading, rollout.ReasonNoBaseline,
		rollout.ReasonOrphaned, rollout.ReasonApproval, rollout.ReasonDeadline:
		return true
	default:
		return strings.HasPrefix(string(r), "alert")
	}
}

// decision is the recorded decision behind the line; nil when it is none.
func (l line) decision() *Decision {
	if !l.decides() {
		return nil
	}
	d := &Decision{What: l.Kind, Strata: l.Strata, At: l.at, Gates: l.said.Gates, served: l.Served, ServedS: l.Served.Seconds(), HeldS: l.held().Seconds()}
	switch l.Kind {
	case Advanced, Baked:
		d.By, _, d.outside = strings.Cut(l.said.Why, " ")
		d.Reason = l.said.Why
		d.outside = l.said.Why != "pass"
	case Promoting:
		d.By, d.Reason, d.outside = "operator", l.said.Reason, true
	case RolledBack:
		d.By, d.Reason = string(l.said.Cause), l.said.Reason
		d.outside = l.said.Cause != rollout.CauseGate && l.said.Cause != rollout.CauseDeadline
		if l.said.Gate != nil {
			d.Gate = l.said.Gate.Name
		}
	case PausedBy, Suspended:
		d.pause = l.pause()
		d.By, d.Reason = string(d.pause), l.said.Message
		if fromOutside(d.pause) {
			return nil // another's pause is no decision to compare
		}
	}
	return d
}

// words of a decision.
func (d *Decision) words() string {
	switch {
	case d.What == RolledBack && d.Gate != "":
		return "taken back by gate " + d.Gate
	case d.What == RolledBack:
		return "taken back (" + d.By + ")"
	case d.What == PausedBy, d.What == Suspended:
		return "paused (" + d.By + ")"
	case d.What == Promoting:
		return "promoted by hand"
	case d.What == Baked:
		return "baked"
	}
	return "advanced"
}
