package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/headgate/headgate/internal/rollout"
)

// page is what stands above the table in docs.
const page = `# Candidates that are worse in one way each

What ` + "`make judge-live`" + ` prints: a running Headgate, stand-in backends that answer like the churn example, one user
a request, 10 % of the answers clicked, labels for 90 % of them some seconds later, all posted to ` + "`/api/v1/outcomes`" + `. Seven gates are
on at the same time; each candidate has to go by the one that is about it, and the healthy one by none. Times are from
the start of the rollout, the warm-up of 2 s included. [judge.md](judge.md) says what to expect of them.

`

// row is what became of one candidate.
type row struct {
	fault   fault
	seconds float64 // until it was taken back, the warm-up included
	gate    string  // that took it back; "" = none did
	why     string  // the gate's own words
	passed  []string
	ticket  bool // the incident names the gate and its numbers
}

// read takes in how the trial ended.
func (r *row) read(v rollout.View) {
	for _, g := range v.Gates {
		switch {
		case g.Verdict == "pass":
			r.passed = append(r.passed, g.Name)
		case g.Verdict == "fail" && g.Mode == "enforce" && r.gate == "":
			r.gate, r.why = g.Name, g.Reason
		}
	}
	if v.Rollback != nil {
		r.gate = strings.TrimPrefix(v.Rollback.By, "gate ")
	}
}

// explain holds the incident against what was seen.
func (r *row) explain(v rollout.View, in map[string]any) error {
	if v.Rollback != nil {
		r.gate = strings.TrimPrefix(v.Rollback.By, "gate ")
	}
	gate, ok := in["gate"].(map[string]any)
	if !ok {
		return errors.New("the incident names no gate")
	}
	why, _ := gate["reason"].(string)
	r.ticket = gate["name"] == r.gate && gate["candidate"] != nil && gate["fail"] != nil && why != ""
	r.why = why
	return nil
}

func (r row) right() bool {
	if r.fault.gate == "" {
		return r.gate == ""
	}
	return r.gate == r.fault.gate && r.ticket
}

func (r row) outcome() string {
	if r.gate == "" {
		return "stays, shown to hold: " + strings.Join(r.passed, ", ")
	}
	return "taken back by " + r.gate
}

func table(rows []row) string {
	var b strings.Builder
	b.WriteString("| candidate | outcome | after | what the incident says |\n|---|---|---|---|\n")
	for _, r := range rows {
		why := r.why
		if why == "" {
			why = "–"
		}
		fmt.Fprintf(&b, "| %s | %s | %.1f s | %s |\n", r.fault.name, r.outcome(), r.seconds, why)
	}
	return b.String()
}
