package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing/iotest"
	"time"

	"github.com/headgate/headgate/internal/alerts"
	"github.com/headgate/headgate/internal/kpi"
	"github.com/headgate/headgate/internal/rollout"
	"github.com/headgate/headgate/shadow"
)

// fake is a backend with one model, which refuses what its name says.
type fake struct {
	mu       sync.Mutex
	commands []rollout.Command
	deadline bool // the last command's context had one
	// gate holds a command until it is closed; nil holds nothing.
	gate     chan struct{}
	entered  chan struct{}
	ready    error
	moved    Move
	entered1 sync.Once
	made     Registration
	outcomes []Outcome
	// undecided is the error of Alert.
	undecided error
}

func refusal(code rollout.Code) error {
	return fmt.Errorf("backend: %w", &rollout.Refusal{Code: code, Message: "because " + string(code), Hint: "do better"})
}

func (f *fake) Views() []rollout.View {
	return []rollout.View{{Model: "churn-model", Phase: rollout.None}}
}

func (f *fake) View(model string) (rollout.View, error) {
	switch model {
	case "churn-model", "a/b", "..", "mödel":
		return rollout.View{Model: model, Phase: rollout.None, Generation: 7}, nil
	case "panic":
		panic("BUG: " + planted)
	case "broken":
		return rollout.View{}, errors.New("dial http://user:" + planted + "@mlflow: no")
	}
	return rollout.View{}, refusal(rollout.UnknownModel)
}

func (f *fake) Command(ctx context.Context, model string, c rollout.Command) (rollout.View, error) {
	if f.gate != nil {
		f.entered1.Do(func() { close(f.entered) })
		<-f.gate
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.commands = append(f.commands, c)
	_, f.deadline = ctx.Deadline()
	if ctx.Err() != nil {
		return rollout.View{}, ctx.Err()
	}
	if model == "slow" {
		return rollout.View{}, fmt.Errorf("ask the registry: %w", context.DeadlineExceeded)
	}
	if model != "churn-model" {
		return rollout.View{}, refusal(rollout.Code(model))
	}
	if c.IfMatch != nil && *c.IfMatch != 7 {
		return rollout.View{}, refusal(rollout.Conflict)
	}
	return rollout.View{Model: model, Phase: rollout.Progressing, Generation: 8}, nil
}

func (f *fake) given() []rollout.Command {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]rollout.Command(nil), f.commands...)
}

func (f *fake) Register(_ context.Context, r Registration) (Version, error) {
	f.made = r
	return Version{Model: r.Name, Version: "4", Source: r.Source, RunID: r.RunID}, nil
}

func (f *fake) TransitionStage(_ context.Context, m Move) (Transition, error) {
	f.moved = m
	if m.Stage == "prod" {
		return Transition{}, refusal(UnknownStage)
	}
	return Transition{Model: m.Model, Version: m.Version, From: "Staging", To: "Production"}, nil
}

func (f *fake) Doctor(context.Context) []Finding {
	return []Finding{{Level: LevelWarn, What: "no stages", Hint: "use aliases"}}
}

func (f *fake) Incidents(context.Context, int) ([]json.RawMessage, error) { return nil, nil }

func (f *fake) JournalEntries(_ context.Context, from uint64, limit int) ([]Entry, error) {
	var entries []Entry
	for seq := from; seq <= 5 && len(entries) < limit; seq++ {
		entries = append(entries, Entry{Seq: seq, Time: time.Unix(0, 0).UTC(), Hash: "h", Sealed: json.RawMessage(`{"a":"<"}`), Body: json.RawMessage(`{"b":"&"}`)})
	}
	return entries, nil
}

func (f *fake) VerifyJournal(context.Context) (Verification, error) {
	return Verification{Intact: false, Count: 5, Head: "h", Problems: []string{"record 3 was changed"}}, nil
}

func (f *fake) Alert(ctx context.Context, list []alerts.Alert) ([]AlertAnswer, error) {
	if f.gate != nil {
		f.entered1.Do(func() { close(f.entered) })
		<-f.gate
	}
	if _, limited := ctx.Deadline(); !limited {
		return nil, errors.New("an alert without a deadline")
	}
	if f.undecided != nil {
		return nil, f.undecided
	}
	var out []AlertAnswer
	for _, a := range list {
		out = append(out, AlertAnswer{Model: a.Model(), AlertDecision: rollout.AlertDecision{Alert: a.Name(), Fingerprint: a.Fingerprint, StartsAt: a.StartsAt, Decision: alerts.Ignored, Reason: "because"}})
	}
	return out, nil
}

func (f *fake) Ready() error { return f.ready }

// Outcome answers by the number that the request's id begins with, and keeps
// what came.
func (f *fake) Outcome(o Outcome) kpi.Result {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.outcomes = append(f.outcomes, o)
	if o.RequestID != "" && o.RequestID[0] >= '0' && o.RequestID[0] <= '9' {
		return kpi.Result(o.RequestID[0] - '0')
	}
	return kpi.OutcomeAccepted
}

func (f *fake) OutcomeStats() []ModelOutcomes {
	return []ModelOutcomes{{Model: "churn-model", Rollout: "r1", OutcomeStats: kpi.OutcomeStats{Keep: 9}}}
}

func (f *fake) Recordings(_ context.Context, o RecordingsOf) ([]Recording, error) {
	var out []Recording
	for day := range 3 {
		one := Recording{Model: "churn-model", Rollout: fmt.Sprint("r", day), StartedAt: time.Date(2026, 1, 1+day, 0, 0, 0, 0, time.UTC)}
		if o.Wants(one) {
			out = append(out, one)
		}
	}
	return out, nil
}

func (f *fake) Recording(_ context.Context, model, id string) (io.ReadCloser, error) {
	switch id {
	case "large":
		return io.NopCloser(io.LimitReader(repeated{}, 3<<20)), nil
	case "cut":
		return io.NopCloser(io.MultiReader(io.LimitReader(repeated{}, 1<<20), iotest.ErrReader(errors.New("disk "+planted)))), nil
	case "held":
		return io.NopCloser(io.MultiReader(strings.NewReader(strings.Repeat("x", streamChunk)), held{f.gate})), nil
	}
	return nil, refusal(rollout.UnknownVersion)
}

// repeated is a recording that never ends.
type repeated struct{}

func (repeated) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = "0123456789abcde\n"[i%16]
	}
	return len(p), nil
}

// held is a reader that waits.
type held struct{ until chan struct{} }

func (h held) Read([]byte) (int, error) {
	<-h.until
	return 0, io.EOF
}

func (f *fake) Shadow(model string, limit int) (ShadowReport, error) {
	if _, err := f.View(model); err != nil {
		return ShadowReport{}, err
	}
	out := ShadowReport{Model: model}
	for i := range min(limit, 30) {
		out.Pairs = append(out.Pairs, shadow.Sample{Seq: uint64(30 - i)})
	}
	return out, nil
}
