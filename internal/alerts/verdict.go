package alerts

import (
	"fmt"
	"time"
)

// Decision is what became of an alert.
type Decision string

// The decisions, as the API answers them and the record keeps them.
const (
	RolledBack Decision = "rolled_back"
	Paused     Decision = "paused"
	Notified   Decision = "notified"
	DryRun     Decision = "dry_run"   // a rule fits, and only says what it would have done
	Ignored    Decision = "ignored"   // the reason says why
	Duplicate  Decision = "duplicate" // decided before, the reason says how
)

// Wish is what the rules ask for one alert: a rule, or a reason to ignore it.
type Wish struct {
	Rule    Rule
	Ignored string // why; "" when Rule is to be followed
}

// Judge holds an alert against the rules of a rollout that began at started. An
// alert that fired before it cannot be about its candidate.
func Judge(rules []Rule, started time.Time, a Alert) Wish {
	switch {
	case a.Status == Resolved:
		return Wish{Ignored: "it is resolved"}
	case a.StartsAt.Before(started):
		return Wish{Ignored: fmt.Sprintf("it has been firing since %s, the rollout began at %s", clock(a.StartsAt), clock(started))}
	}
	r, ok := First(rules, a.Labels)
	if !ok {
		return Wish{Ignored: "no rule of on_alert takes it"}
	}
	return Wish{Rule: r}
}

func clock(t time.Time) string { return t.UTC().Format(time.RFC3339) }
