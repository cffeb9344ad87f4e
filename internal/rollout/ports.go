package rollout

import (
	"context"
	"encoding/json"
	"time"

	"github.com/headgate/headgate/canary"
	"github.com/headgate/headgate/internal/kpi"
)

// Assignment is what the data plane does for a model: its split, and where the
// outcomes are counted. The zero value sends everyone to the baseline, as it is
// configured.
type Assignment struct {
	Split    canary.Split
	Recorder *kpi.Recorder
	// Shadow is the share of the live requests that the candidate gets a copy of;
	// 0 = none. ShadowByKey draws it by the user's key instead of by request.
	Shadow      canary.Weight
	ShadowByKey bool
	// Colours say which upstreams have which role; nil: as they are configured.
	Colours *Colours
}

// Traffic is the data plane in this process: neither call can fail or block.
type Traffic interface {
	Assign(model string, a Assignment)
	Health(model string) Health
}

// Journal keeps state and record together, and the strata beside them.
type Journal interface {
	Load(ctx context.Context, key string) (state []byte, rev uint64, err error)
	Commit(ctx context.Context, key string, rev uint64, state []byte, records ...json.RawMessage) (uint64, error)
	AppendEvidence(ctx context.Context, key string, seq uint64, data []byte) error
	Evidence(ctx context.Context, key string, fn func(seq uint64, data []byte) error) error
}

// Candidate is what the registry says of a version that is to go on trial.
type Candidate struct {
	Version string
	Stage   string
}

// Registry is told what became of a rollout. Errors that are a person's
// business come as *Refusal; every other is tried again.
type Registry interface {
	Mode() string
	// Baseline is the one Production version; refused when there is none or more.
	Baseline(ctx context.Context, model string) (string, error)
	Candidate(ctx context.Context, model, version string) (Candidate, error)
	// Unfinished is the id of a rollout that the registry thinks is running; "" = none.
	Unfinished(ctx context.Context, model string) (string, error)
	// Recover reads the binding of such a rollout back; false = there is none.
	Recover(ctx context.Context, model string) (Binding, bool, error)
	Begin(ctx context.Context, s State) (Binding, error)
	Promote(ctx context.Context, b Binding) (Outcome, error)
	Finish(ctx context.Context, b Binding, status string) error
}

// Reloader has the upstreams of the baseline load a version: by a call to each of
// them or by a command, as the hook says. It is never asked to swap.
type Reloader interface {
	Reload(ctx context.Context, model, version string, hook AfterPromote) error
}

// Warmer sends the check's requests to every upstream of the candidate and
// returns how many were answered well; an error when one was not.
type Warmer interface {
	WarmUp(ctx context.Context, model string, c Check) (answered int, err error)
}

// Executor carries a rollback out beyond the traffic: registry, incident,
// messages. It reports until Progress.Finished or until ctx ends, and starts
// where the order says it stopped.
type Executor interface {
	Execute(ctx context.Context, job Job, report func(Event))
}

// Job is one rollback as the executor gets it.
type Job struct {
	State State
	// Hook reloads the baseline's upstreams where RegistryFirst asks for it; nil:
	// they are waited for.
	Hook *AfterPromote
}

// Incidents tells people about something that is not a rollback.
type Incidents interface {
	Raise(model, rolloutID string, r RaiseIncident, v View)
}

// Clock is the wall and monotonic time; tests bring their own.
type Clock func() time.Time
