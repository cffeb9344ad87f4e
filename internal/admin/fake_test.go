package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/headgate/headgate/internal/rollout"
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

func (f *fake) Ready() error { return f.ready }
