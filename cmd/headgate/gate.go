package main

import (
	"fmt"
	"math"
	"strings"

	"github.com/headgate/headgate/internal/admin/client"
)

// gateView is a gate's verdict as people read it.
type gateView struct {
	client.GateVerdict
}

func newGate(g client.GateVerdict) gateView { return gateView{g} }

// value shows a measured value in the gate's unit.
func (g gateView) value(v *float64) string {
	switch {
	case v == nil:
		return "-"
	case g.Unit == "seconds":
		return seconds(*v)
	case g.Unit == "number":
		return fmt.Sprintf("%.4g", *v)
	}
	return percent(*v)
}

// beyond shows a distance from a limit: percentage points, or a time.
func (g gateView) beyond(v float64) string {
	switch g.Unit {
	case "seconds":
		return seconds(v)
	case "number":
		return fmt.Sprintf("%.3g", v)
	}
	return fmt.Sprintf("%.3g points", v*100)
}

func percent(v float64) string { return fmt.Sprintf("%.3g%%", v*100) }

// gate shows one gate: its rule, what both arms measured, and how far the
// evidence has come toward each limit.
func (c *cli) gate(b *strings.Builder, g gateView) {
	say(b, "    %s  %s", c.paint(strong, g.Name), c.verdict(string(g.Verdict)))
	if notes := g.notes(); notes != "" {
		say(b, "  %s", c.paint(faint, notes))
	}
	b.WriteString("\n")
	if g.Require != "" {
		say(b, "      %s %s\n", c.paint(faint, "require      "), clean(g.Require))
	}
	if g.RollbackWhen != "" {
		say(b, "      %s %s\n", c.paint(faint, "rollback when"), clean(g.RollbackWhen))
	}
	if g.Unit != "expression" {
		say(b, "      %s %s\n", c.paint(faint, "measured     "), g.measured())
	}
	if r := g.Recent; r != nil {
		say(b, "      %s baseline %s of %d, candidate %s of %d in %s\n", c.paint(faint, "convicted by "),
			g.value(r.Baseline), r.N.Baseline, g.value(r.Candidate), r.N.Candidate, seconds(r.ToS-r.FromS))
	}
	c.evidences(b, g)
	if g.MinDetectable != nil {
		say(b, "      %s %s beyond the limit would show by now\n", c.paint(faint, "sees         "), g.beyond(*g.MinDetectable))
	}
	if g.Reason != "" && !g.restated() {
		say(b, "      %s\n", c.paint(faint, g.Reason))
	}
}

// restated reports that the reason only says in a sentence what stands above it.
func (g gateView) restated() bool {
	return strings.Contains(g.Reason, "(n=") && !strings.HasPrefix(g.Reason, "users exhausted")
}

// measured is what both arms show, without one that has nothing: copies have no
// baseline, and a shadow step has no users.
func (g gateView) measured() string {
	var arms []string
	if g.Baseline != nil || g.N.Baseline > 0 {
		arms = append(arms, fmt.Sprintf("baseline %s of %d", g.value(g.Baseline), g.N.Baseline))
	}
	if g.Candidate != nil || g.N.Candidate > 0 {
		arms = append(arms, fmt.Sprintf("candidate %s of %d", g.value(g.Candidate), g.N.Candidate))
	}
	if len(arms) == 0 {
		return "nothing yet"
	}
	return strings.Join(arms, ", ")
}

// evidences shows how far the evidence has come, once there is any. What is
// carried from a shadow step has its evidence toward passing there.
func (c *cli) evidences(b *strings.Builder, g gateView) {
	if g.Candidate == nil && g.N.Candidate == 0 {
		return
	}
	if g.Fail != nil {
		say(b, "      %s %s\n", c.paint(faint, "toward fail  "), evidence(g.Fail.E, g.Fail.Limit))
	}
	if g.Pass != nil && !(g.Carried && g.Pass.E <= 1) {
		say(b, "      %s %s\n", c.paint(faint, "toward pass  "), evidence(g.Pass.E, g.Pass.Limit))
	}
}

// notes are what is unusual about a gate.
func (g gateView) notes() string {
	var notes []string
	if g.Mode == "observe" {
		notes = append(notes, "observed only")
	}
	if g.OnFail != "" && g.OnFail != "rollback" {
		notes = append(notes, "on fail: "+g.OnFail)
	}
	if g.Carried {
		notes = append(notes, "carried from an earlier step")
	}
	return strings.Join(notes, ", ")
}

// evidence shows an E-value on the way to its limit. The bar is logarithmic, as
// evidence multiplies.
func evidence(e, limit float64) string {
	share := 0.0
	if e > 1 && limit > 1 {
		share = math.Log(e) / math.Log(limit)
	}
	return fmt.Sprintf("%s E %.3g of %.3g", bar(share), e, limit)
}
