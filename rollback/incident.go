package rollback

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/headgate/headgate/internal/alerts"
	"github.com/headgate/headgate/internal/judge"
	"github.com/headgate/headgate/internal/rollout"
)

// Incident is the ticket of a rollback: what was measured, how much of it,
// against which limit, who or what decided, what was done and when. Rates are
// 0…1, times of latency seconds, points in time RFC 3339 in UTC.
type Incident struct {
	ID        string        `json:"id"` // the rollout's id: one incident each
	Kind      string        `json:"kind"`
	Model     string        `json:"model"`
	Rollout   string        `json:"rollout"`
	Title     string        `json:"title"`
	Cause     rollout.Cause `json:"cause,omitempty"`
	DecidedBy string        `json:"decided_by"`
	Reason    string        `json:"reason,omitempty"`
	Forced    bool          `json:"forced,omitempty"`
	Baseline  string        `json:"baseline"`
	Candidate string        `json:"candidate"`
	Phase     rollout.Phase `json:"phase"` // in which it was decided
	Step      int           `json:"step"`
	Weight    float64       `json:"weight"`
	// Gate is the gate that failed: measured values of both arms, counts,
	// evidence and limit. Null when no gate decided.
	Gate  *judge.GateVerdict  `json:"gate"`
	Gates []judge.GateVerdict `json:"gates"`
	// Alert is the alert that asked for it, as it came; null without one.
	Alert      *alerts.Alert `json:"alert,omitempty"`
	PolicyHash string        `json:"policy_hash,omitempty"`
	Times      Times         `json:"times"`
	Registry   Registered    `json:"registry"`
}

// Times are the moments of a rollback; nil = not yet.
type Times struct {
	StartedAt    *time.Time `json:"started_at,omitempty"`
	DecidedAt    time.Time  `json:"decided_at"`
	TrafficOffAt *time.Time `json:"traffic_off_at"`
	RecordedAt   *time.Time `json:"recorded_at"`
	RegistryAt   *time.Time `json:"registry_at"`
	IncidentAt   *time.Time `json:"incident_at"`
}

// ResultPending says that the registry has not been told yet.
const ResultPending = "pending"

// Registered is what was done in the registry, and what stands there.
type Registered struct {
	Mode    string           `json:"mode"`
	RunID   string           `json:"run_id,omitempty"`
	Result  string           `json:"result"`
	Found   string           `json:"found,omitempty"`
	Actions []rollout.Action `json:"actions"`
}

func (r *run) incident() Incident {
	r.mu.Lock()
	s, o := r.job.State, r.order
	r.mu.Unlock()
	in := Incident{
		ID: o.ID, Kind: "rollback", Model: s.Model, Rollout: s.ID,
		Title:     fmt.Sprintf("version %s of %s was taken back: %s", s.Candidate, s.Model, o.Reason),
		Cause:     o.Cause,
		DecidedBy: o.By, Reason: o.Reason, Forced: o.Forced, Baseline: s.Baseline, Candidate: s.Candidate,
		Phase: o.Phase, Step: o.Step, Weight: o.Weight.Ratio(), Gate: o.Gate, Gates: o.Gates, Alert: o.Alert, PolicyHash: s.PolicyHash,
		Times:    Times{DecidedAt: o.DecidedAt, TrafficOffAt: o.TrafficAt, RecordedAt: o.RecordedAt, RegistryAt: o.RegistryAt, IncidentAt: o.IncidentAt},
		Registry: Registered{Mode: s.Binding.Mode, RunID: s.Binding.RunID, Result: o.Result, Found: o.Found, Actions: o.Actions},
	}
	if !s.StartedAt.IsZero() {
		in.Times.StartedAt = &s.StartedAt
	}
	return in
}

// JSON is the incident as it is kept and sent.
func (in Incident) JSON() []byte {
	data, err := json.MarshalIndent(in, "", "  ")
	if err != nil {
		panic("BUG: incident does not marshal: " + err.Error())
	}
	return append(data, '\n')
}

// Ticket is the incident for a person's eyes, in Markdown.
func (in Incident) Ticket() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n", in.Title)
	fmt.Fprintf(&b, "- model %s, candidate %s, baseline %s, rollout %s\n", in.Model, in.Candidate, in.Baseline, in.Rollout)
	fmt.Fprintf(&b, "- decided by %s (%s) in %s, step %d, at a weight of %.4g %%\n", in.DecidedBy, in.Cause, in.Phase, in.Step, in.Weight*100)
	if g := in.Gate; g != nil {
		fmt.Fprintf(&b, "- gate %s: `%s`\n", g.Name, limitOf(*g))
		fmt.Fprintf(&b, "- candidate %s (n=%d), baseline %s (n=%d) in this step\n", value(*g, g.Candidate), g.N.Candidate, value(*g, g.Baseline), g.N.Baseline)
		if r := g.Recent; r != nil {
			fmt.Fprintf(&b, "- in the last %.1f s, since the evidence began to rise: candidate %s (n=%d), baseline %s (n=%d)\n", r.ToS-r.FromS, value(*g, r.Candidate), r.N.Candidate, value(*g, r.Baseline), r.N.Baseline)
		}
		if g.Fail != nil {
			fmt.Fprintf(&b, "- evidence %.4g, limit %.4g\n", g.Fail.E, g.Fail.Limit)
		}
	}
	in.ticketAlert(&b)
	fmt.Fprintf(&b, "\n| when (UTC) | what |\n|---|---|\n")
	for _, row := range in.timeline() {
		if row.at != nil {
			fmt.Fprintf(&b, "| %s | %s |\n", row.at.UTC().Format("2006-01-02 15:04:05.000"), row.what)
		}
	}
	fmt.Fprintf(&b, "\nRegistry (%s): %s. %s\n", in.Registry.Mode, in.Registry.Result, in.Registry.Found)
	return b.String()
}

type moment struct {
	at   *time.Time
	what string
}

func (in Incident) timeline() []moment {
	rows := []moment{{in.Times.StartedAt, "rollout started"}}
	if a := in.Alert; a != nil {
		rows = append(rows, moment{&a.StartsAt, "alert began to fire, by Prometheus's clock"}, moment{&a.ReceivedAt, "alert received"})
	}
	rows = append(rows, []moment{
		{&in.Times.DecidedAt, "rollback decided"},
		{in.Times.TrafficOffAt, "traffic off the candidate"},
		{in.Times.RecordedAt, "written to the journal"},
	}...)
	for _, a := range in.Registry.Actions {
		rows = append(rows, moment{&a.At, "registry: " + a.What})
	}
	return append(rows, moment{in.Times.RegistryAt, "registry read back"}, moment{in.Times.IncidentAt, "incident written"})
}

func limitOf(g judge.GateVerdict) string {
	if g.RollbackWhen != "" {
		return "roll back when " + g.RollbackWhen
	}
	return "require " + g.Require
}

func value(g judge.GateVerdict, v *float64) string {
	switch {
	case v == nil:
		return "not measured"
	case g.Unit == "share":
		return fmt.Sprintf("%.4g %%", *v*100)
	case g.Unit == "seconds":
		return time.Duration(*v * float64(time.Second)).Round(10 * time.Microsecond).String()
	}
	return fmt.Sprintf("%.4g", *v)
}
