package admin

import (
	"fmt"
	"net/http"
	"time"

	"golang.org/x/time/rate"

	"github.com/headgate/headgate/internal/kpi"
	"github.com/headgate/headgate/internal/rollout"
)

// Bounds of the outcomes' endpoint.
const (
	MaxOutcomes     = 5000    // of one batch
	maxOutcomesBody = 2 << 20 // bytes
	outcomesAtOnce  = 4       // batches being read
	outcomeBatches  = 200     // a second, on average
	maxComplaints   = 100     // invalid outcomes that an answer lists
	outcomeReadTime = 5 * time.Second
)

// CodeTooMany says that the caller has to slow down.
const CodeTooMany rollout.Code = "too_many"

// Measurement is the kind of a value that is tied to no request.
const Measurement = "measurement"

// Outcome is what became known of a request, as callers send it. A measurement
// has an arm instead of a request.
type Outcome struct {
	RequestID string `json:"request_id,omitempty"`
	Kind      string `json:"kind"` // click, conversion, label, value or measurement
	// Value is 1 for a click or a conversion when it is left out.
	Value *float64 `json:"value,omitempty"`
	Name  string   `json:"name,omitempty"`  // of a value or a measurement
	Index int      `json:"index,omitempty"` // of a label: which prediction of the answer
	Model string   `json:"model,omitempty"` // "": the one that served the request
	Arm   string   `json:"arm,omitempty"`   // of a measurement
}

// Outcomes is the part of the backend that takes them.
type Outcomes interface {
	// Outcome joins one with what was served, whatever came before it.
	Outcome(o Outcome) kpi.Result
	// OutcomeStats says how that goes, for each model with a rollout that joins.
	OutcomeStats() []ModelOutcomes
}

// ModelOutcomes is how the joining goes for one model's rollout.
type ModelOutcomes struct {
	Model   string `json:"model"`
	Rollout string `json:"rollout"`
	kpi.OutcomeStats
}

// OutcomeReport says what was done with a batch. An invalid outcome does not
// keep its neighbours from being taken.
type OutcomeReport struct {
	Accepted  int `json:"accepted"`
	Duplicate int `json:"duplicate"`
	Conflict  int `json:"conflict"` // another value came first, and stays
	Unknown   int `json:"unknown"`
	Late      int `json:"late"`
	Pending   int `json:"pending"`
	// Invalid lists the first hundred; Refused is how many there are.
	Refused int         `json:"refused"`
	Invalid []Complaint `json:"invalid"`
}

// Complaint is what is wrong with one outcome of a batch, counted from 0.
type Complaint struct {
	Item   int    `json:"item"`
	Field  string `json:"field,omitempty"`
	Value  string `json:"value,omitempty"`
	Wanted string `json:"wanted"`
}

// outcomeDoor bounds how many batches are read at once and how many come in a second.
type outcomeDoor struct {
	places chan struct{}
	pace   *rate.Limiter
}

func newOutcomeDoor() outcomeDoor {
	return outcomeDoor{places: make(chan struct{}, outcomesAtOnce), pace: rate.NewLimiter(outcomeBatches, 2*outcomeBatches)}
}

// enter gives a place and how to leave it; false asks the caller to slow down.
func (d *outcomeDoor) enter() (leave func(), ok bool) {
	if !d.pace.Allow() {
		return nil, false
	}
	select {
	case d.places <- struct{}{}:
		return func() { <-d.places }, true
	default:
		return nil, false
	}
}

// takeOutcomes joins a batch.
func (s *Server) takeOutcomes(w http.ResponseWriter, r *http.Request, _ string) (any, error) {
	leave, ok := s.outcomes.enter()
	if !ok {
		w.Header().Set("Retry-After", "1")
		return nil, problem(CodeTooMany, fmt.Sprintf("at most %d batches at once and %d a second", outcomesAtOnce, outcomeBatches), fmt.Sprintf("send larger batches, up to %d outcomes; sending one again does no harm", MaxOutcomes))
	}
	defer leave()
	items, err := readOutcomes(w, r)
	if err != nil {
		return nil, err
	}
	report := OutcomeReport{Invalid: []Complaint{}}
	for i, raw := range items {
		o, wrong := parseOutcome(raw)
		if wrong == nil {
			wrong = report.count(o, s.backend.Outcome(o))
		}
		if wrong != nil {
			wrong.Item = i
			report.refuse(*wrong)
		}
	}
	if len(items) > 0 && report.Refused == len(items) {
		c := report.Invalid[0]
		return nil, problem(rollout.Invalid, fmt.Sprintf("none of %d outcomes was taken; outcome %d: %s", len(items), c.Item, c), "the names and kinds are in docs/outcomes.md")
	}
	return report, nil
}

func (s *Server) outcomeStats(http.ResponseWriter, *http.Request, string) (any, error) {
	stats := s.backend.OutcomeStats()
	if stats == nil {
		stats = []ModelOutcomes{}
	}
	return stats, nil
}

// count adds one result; a complaint when the outcome could not be meant.
func (r *OutcomeReport) count(o Outcome, got kpi.Result) *Complaint {
	switch got {
	case kpi.OutcomeAccepted:
		r.Accepted++
	case kpi.OutcomeDuplicate:
		r.Duplicate++
	case kpi.OutcomeConflict:
		r.Conflict++
	case kpi.OutcomeLate:
		r.Late++
	case kpi.OutcomePending:
		r.Pending++
	case kpi.OutcomeUnjoined:
		return &Complaint{Field: "kind", Value: o.Kind, Wanted: "a kind that the policy joins: models.NAME.outcomes.windows names them"}
	case kpi.OutcomeNoRow:
		return &Complaint{Field: "index", Value: fmt.Sprint(o.Index), Wanted: "a prediction that the answer had, of the first 16"}
	case kpi.OutcomeTooMany:
		return &Complaint{Field: "name", Value: clip(o.Name), Wanted: "one of the names that came before: there is room for no other"}
	default:
		r.Unknown++
	}
	return nil
}

func (r *OutcomeReport) refuse(c Complaint) {
	r.Refused++
	if len(r.Invalid) < maxComplaints {
		r.Invalid = append(r.Invalid, c)
	}
}

func (c Complaint) String() string {
	if c.Field == "" {
		return "wanted " + c.Wanted
	}
	return fmt.Sprintf("%s: %q: wanted %s", c.Field, c.Value, c.Wanted)
}
