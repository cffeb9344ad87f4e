package drill

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/headgate/headgate/internal/rollout"
)

// Moment is where in a rollout the candidate turns bad.
type Moment string

// The moments. InCanary: in the first step, before anything is promoted. InBake:
// after the promotion, when the candidate has nearly all users and is Production.
const (
	InCanary Moment = "canary"
	InBake   Moment = "bake"
)

// Moments lists both, for help texts and checks.
func Moments() []Moment { return []Moment{InCanary, InBake} }

// Result is how a drill ended.
type Result string

// The results.
const (
	Met    Result = "met"    // the rollback worked, within the limits
	Missed Result = "missed" // it worked and took too long, or left something wrong
	Failed Result = "failed" // it could not be carried out to its end
)

// Record is a drill as the journal keeps it. Lengths are seconds; a length is
// null when it was not come to.
type Record struct {
	Kind  string `json:"kind"` // always "drill"
	ID    string `json:"id"`
	Model string `json:"model"`
	// Rollout is the scratch rollout's id, and the incident's; "" when it was not
	// come to.
	Rollout string `json:"rollout,omitempty"`
	// Scratch is the model of the drill's own in the registry.
	Scratch    string    `json:"scratch_model"`
	In         Moment    `json:"in"`
	By         string    `json:"by"`
	Reason     string    `json:"reason,omitempty"`
	Mode       string    `json:"registry_mode"` // stages | aliases | local
	PolicyHash string    `json:"policy_hash"`
	BeganAt    time.Time `json:"began_at"`
	EndedAt    time.Time `json:"ended_at"`

	FirstFailureAt *time.Time `json:"first_failure_at,omitempty"`
	DecidedAt      *time.Time `json:"decided_at,omitempty"`
	Times          Times      `json:"times"`
	Limits         Limits     `json:"limits"`
	Traffic        Traffic    `json:"traffic"`
	Registry       string     `json:"registry,omitempty"` // in words, what was read back
	Decided        string     `json:"decided,omitempty"`  // by which gate, and why
	Baseline       Baseline   `json:"baseline"`

	Result Result `json:"result"`
	// Misses say what was not as it should be (missed); Problem and Code why it
	// could not be carried out (failed).
	Misses  []string     `json:"misses,omitempty"`
	Problem string       `json:"problem,omitempty"`
	Code    rollout.Code `json:"code,omitempty"`
	Hint    string       `json:"hint,omitempty"`
}

// Times are the lengths that a drill measures, in seconds.
type Times struct {
	// Detection: from the first failed answer that a made-up user got to the
	// decision to take the candidate back.
	Detection *float64 `json:"detection_s"`
	// TrafficOff: from the decision until the split sends nobody to the candidate
	// and the last request has reached it, whichever is later.
	TrafficOff *float64 `json:"traffic_off_s"`
	// Registry: from the decision until the registry was read back and right.
	Registry *float64 `json:"registry_s"`
	// Incident: from the decision until the ticket was on disk.
	Incident *float64 `json:"incident_s"`
}

// Traffic is what the made-up users got.
type Traffic struct {
	Requests uint64 `json:"requests"`
	Failed   uint64 `json:"failed"`
	// Candidate is how many requests reached the candidate's stand-in.
	Candidate uint64 `json:"candidate"`
	// After is how many requests began after the traffic was off, and FailedAfter
	// how many of them failed.
	After       uint64 `json:"after"`
	FailedAfter uint64 `json:"failed_after"`
}

// Baseline is whether users would get back what they had: what the upstreams of
// the model's own baseline say they serve.
type Baseline struct {
	Version string `json:"version,omitempty"` // as the registry records it
	Serves  Answer `json:"serves"`
	Why     string `json:"why,omitempty"`
}

// Answer is yes, no, or unverified: it cannot be told.
type Answer string

// The answers.
const (
	Yes        Answer = "yes"
	No         Answer = "no"
	Unverified Answer = "unverified"
)

// Journal keeps a state under a key together with lines of the record.
type Journal interface {
	Load(ctx context.Context, key string) (state []byte, rev uint64, err error)
	Commit(ctx context.Context, key string, rev uint64, state []byte, records ...json.RawMessage) (uint64, error)
}

func keyOf(model string) string { return "drill/" + model }

// Latest is the last drill of a model that the journal holds; nil when there is
// none. A drill that failed counts: what worked once need not work now.
func Latest(ctx context.Context, j Journal, model string) (*Record, error) {
	data, _, err := j.Load(ctx, keyOf(model))
	if err != nil || data == nil {
		return nil, err
	}
	var r Record
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("read the last drill of %s: %w", model, err)
	}
	return &r, nil
}

// Keep writes a drill to the journal, as the model's last and as a line of the
// record. One process owns the journal and holds one drill at a time.
func Keep(ctx context.Context, j Journal, r Record) error {
	data, err := json.Marshal(r)
	if err != nil {
		panic("BUG: a drill does not marshal: " + err.Error())
	}
	_, rev, err := j.Load(ctx, keyOf(r.Model))
	if err == nil {
		_, err = j.Commit(ctx, keyOf(r.Model), rev, data, data)
	}
	if err != nil {
		return fmt.Errorf("write the drill to the journal: %w", err)
	}
	return nil
}

// Verified says whether a drill satisfies the condition, and why not. mode is
// the registry's now: a drill of another kind of registry proves nothing.
func Verified(r *Record, c Config, mode string, now time.Time) error {
	if r == nil {
		return errors.New("no drill is recorded")
	}
	when := r.EndedAt.UTC().Format("2006-01-02 15:04 MST")
	switch age := now.Sub(r.EndedAt); {
	case r.Result == Failed:
		return fmt.Errorf("the drill of %s failed: %s", when, r.Problem)
	case r.Result == Missed && len(r.Misses) > 0:
		return fmt.Errorf("the drill of %s was missed: %s", when, r.Misses[0])
	case r.Result != Met:
		return fmt.Errorf("the drill of %s ended as %q", when, r.Result)
	case age > c.MaxAge:
		return fmt.Errorf("the last drill, of %s, is older than %s", when, c.MaxAge)
	case r.Mode != mode:
		return fmt.Errorf("the drill of %s was made with the registry mode %s, which is %s now", when, r.Mode, mode)
	}
	if over := r.Times.over(c.Limits()); len(over) > 0 {
		return fmt.Errorf("the drill of %s does not keep the policy's limits: %s", when, over[0])
	}
	return nil
}

// over lists the limits that were not kept.
func (t Times) over(l Limits) []string {
	var out []string
	for _, one := range []struct {
		what  string
		got   *float64
		limit float64
	}{{"traffic off", t.TrafficOff, l.TrafficOff}, {"the registry right", t.Registry, l.Registry}} {
		switch {
		case one.got == nil:
			out = append(out, one.what+": not reached")
		case *one.got > one.limit:
			out = append(out, fmt.Sprintf("%s after %s, the limit is %s", one.what, length(one.got), length(&one.limit)))
		}
	}
	return out
}
