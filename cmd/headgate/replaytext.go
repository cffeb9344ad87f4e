package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/headgate/headgate/internal/replay"
)

// replayText is one replayed rollout on a page.
func (c *cli) replayText(r replay.Report) string {
	var b strings.Builder
	say(&b, "%s  %s\n", c.paint(strong, r.Model), c.paint(faint, "rollout "+r.Rollout))
	say(&b, "%sbaseline %s, candidate %s, %s\n", c.label("versions"), orDash(r.Baseline), orDash(r.Candidate), c.span(r))
	policy := "another one than it was recorded under"
	if r.SamePolicy {
		policy = "the one it was recorded under"
	}
	say(&b, "%s%s\n", c.label("policy"), policy)
	recorded := strings.ReplaceAll(string(r.Recorded.Phase), "_", " ")
	if r.Recorded.Cause != "" {
		recorded += " (" + string(r.Recorded.Cause) + ")"
	}
	say(&b, "%s%s\n", c.label("recorded"), clean(recorded))
	say(&b, "%s%s, %d strata\n", c.label("replayed"), c.sameness(r), r.Strata)
	rows := make([][]string, 0, len(r.Rows))
	for _, row := range r.Rows {
		rows = append(rows, []string{c.stretch(row), c.decided(row.Recorded), c.decided(row.Replayed), c.difference(row)})
	}
	b.WriteString(c.grid([]string{"STEP", "RECORDED", "REPLAYED", "DIFFERENCE"}, rows))
	c.replayNotes(&b, r)
	return b.String()
}

func (c *cli) sameness(r replay.Report) string {
	if r.Identical && r.SamePolicy {
		return c.paint(good, "identical, to the last bit of the evidence")
	}
	if r.Identical {
		return c.paint(good, "the same decisions")
	}
	return c.paint(warning, "differs")
}

// stretch names a row: step, weight and the hold that the policy has.
func (c *cli) stretch(r replay.Row) string {
	text := fmt.Sprintf("%d %s", r.Step+1, r.Kind)
	if r.Kind == "canary" {
		text += fmt.Sprintf(" %g%%", r.Weight*100)
	}
	if r.HoldS > 0 {
		text += ", hold " + seconds(r.HoldS)
	}
	if r.OtherWeight {
		text += " ~"
	}
	return clean(text)
}

// decided is a decision with what it rests on.
func (c *cli) decided(d *replay.Decision) string {
	if d == nil {
		return "-"
	}
	what, t := d.What, plain
	switch d.What {
	case replay.RolledBack:
		what, t = "taken back", bad
	case replay.Promoting:
		what = "promoted"
	case replay.PausedBy, replay.Suspended:
		what, t = "paused", warning
	}
	by := d.By
	if d.Gate != "" {
		by += " " + d.Gate
	}
	return c.paint(t, fmt.Sprintf("%s by %s, stratum %d, %s%s", what, by, d.Strata, seconds(d.ServedS), evidenceOf(d)))
}

// evidenceOf is the E value of the gate that took the candidate back.
func evidenceOf(d *replay.Decision) string {
	for _, g := range d.Gates {
		if g.Name == d.Gate && d.Gate != "" && g.Fail != nil {
			return fmt.Sprintf(", E %.4g of %.4g", g.Fail.E, g.Fail.Limit)
		}
	}
	return ""
}

func (c *cli) difference(r replay.Row) string {
	if r.Same {
		return "="
	}
	return c.paint(warning, r.Difference)
}

func (c *cli) replayNotes(b *strings.Builder, r replay.Report) {
	if !r.Identical || !r.SamePolicy {
		for _, g := range r.Gates {
			text := fmt.Sprintf("gate %s at the end: %s", g.Name, g.Verdict)
			if g.Fail != nil {
				text += fmt.Sprintf(", toward fail %.4g of %.4g", g.Fail.E, g.Fail.Limit)
			}
			if g.Pass != nil {
				text += fmt.Sprintf(", toward pass %.4g of %.4g", g.Pass.E, g.Pass.Limit)
			}
			say(b, "  %s\n", c.paint(faint, text))
		}
	}
	for _, name := range r.NotRecorded {
		say(b, "  %s\n", c.paint(warning, "gate "+name+": not recorded, so inconclusive"))
	}
	for _, n := range r.Notes {
		say(b, "  %s\n", c.paint(warning, n))
	}
}

// span is when the rollout was.
func (c *cli) span(r replay.Report) string {
	text := r.StartedAt.In(c.zone).Format(time.DateTime)
	if r.FinishedAt == nil {
		return text + ", not over"
	}
	return text + " to " + r.FinishedAt.In(c.zone).Format(time.DateTime)
}
