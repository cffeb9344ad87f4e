package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/headgate/headgate/internal/admin"
	"github.com/headgate/headgate/internal/journal"
	"github.com/headgate/headgate/internal/rollout"
)

var _ admin.Backend = (*App)(nil)

// errPageFull ends a walk over the journal that has read enough.
var errPageFull = errors.New("page full")

// Views lists every model's rollout.
func (a *App) Views() []rollout.View {
	views := []rollout.View{}
	for _, name := range a.names() {
		if v, err := a.View(name); err == nil {
			views = append(views, v)
		}
	}
	return views
}

// View is one model's rollout.
func (a *App) View(name string) (rollout.View, error) {
	m, err := a.model(name)
	if err != nil {
		return rollout.View{}, err
	}
	return m.ctl.View(), nil
}

// Command carries out one order of an operator.
func (a *App) Command(ctx context.Context, name string, c rollout.Command) (rollout.View, error) {
	m, err := a.model(name)
	if err != nil {
		return rollout.View{}, err
	}
	if c.Kind == rollout.Start { // a version that a backend reports is known at once
		m.observe(ctx)
		if err := a.drilled(ctx, name); err != nil {
			return m.ctl.View(), err
		}
	}
	return m.ctl.Do(ctx, c)
}

func (a *App) model(name string) (*model, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if m, ok := a.models[name]; ok {
		return m, nil
	}
	return nil, &rollout.Refusal{Code: rollout.UnknownModel, Message: fmt.Sprintf("the policy names no model %q", name), Hint: "headgate status lists the models"}
}

// Register makes a new version in the registry.
func (a *App) Register(ctx context.Context, r admin.Registration) (admin.Version, error) {
	v, err := a.book.Register(ctx, r.Name, r.Source, r.RunID)
	if err != nil {
		return admin.Version{}, refusal(err)
	}
	a.lookAgain(r.Name)
	out := admin.Version{Model: v.Model, Version: v.Version, Stage: v.Stage, Source: v.Source, RunID: v.RunID}
	a.note(ctx, registerNote(out, r.By))
	return out, nil
}

// TransitionStage moves exactly one version.
func (a *App) TransitionStage(ctx context.Context, m admin.Move) (admin.Transition, error) {
	if v, err := a.View(m.Model); err == nil && v.Phase.Live() && isProduction(m.Stage) {
		return admin.Transition{}, &rollout.Refusal{Code: rollout.Refused, Message: fmt.Sprintf("a rollout of %s to version %s is %s: Production is its business", m.Model, v.Candidate.Version, v.Phase), Hint: "headgate promote or headgate rollback ends it"}
	}
	t, err := a.book.TransitionStage(ctx, m.Model, m.Version, m.Stage)
	if err != nil {
		return admin.Transition{}, stageRefusal(err)
	}
	a.lookAgain(m.Model)
	out := admin.Transition{Model: m.Model, Version: m.Version, From: t.From, To: t.To, Rungs: admin.RungsNotAsked}
	a.note(ctx, transitionNote(out, m.By))
	return out, nil
}

func (a *App) lookAgain(name string) {
	if m, err := a.model(name); err == nil {
		m.lookNow()
	}
}

// Doctor says what is right and wrong with the registry and the upstreams.
func (a *App) Doctor(ctx context.Context) []admin.Finding {
	var out []admin.Finding
	for _, f := range a.book.Diagnose(ctx, a.names()) {
		if a.ownRollout(f.What) {
			continue // the mark of a rollout that runs here is as it should be
		}
		out = append(out, admin.Finding{Level: admin.Level(f.Level), What: f.What, Hint: f.Hint})
	}
	for _, v := range a.Views() {
		out = append(out, servingFindings(v)...)
		if c := v.Colours; c != nil && c.Exchanged {
			out = append(out, admin.Finding{Level: admin.LevelOK, What: fmt.Sprintf("%s: the arms have swapped at %s: users are on %s, which the policy names candidate", v.Model, c.At.Format(time.RFC3339), strings.Join(c.Serving, " "))})
		}
	}
	return out
}

func (a *App) ownRollout(text string) bool {
	for _, v := range a.Views() {
		if v.Phase.Live() && strings.Contains(text, v.ID) {
			return true
		}
	}
	return false
}

func servingFindings(v rollout.View) []admin.Finding {
	var out []admin.Finding
	for _, s := range v.Serving {
		where := fmt.Sprintf("%s, %s %s", v.Model, s.Arm, s.URL)
		switch {
		case !s.Up:
			out = append(out, admin.Finding{Level: admin.LevelWarn, What: where + " does not pass its probe: " + s.Error, Hint: "start the backend, or mend version_from of its route"})
		case !s.OK:
			out = append(out, admin.Finding{Level: admin.LevelError, What: fmt.Sprintf("%s serves version %q, the registry says %s", where, s.Version, s.Expected), Hint: "reload the backend, or put the registry right"})
		default:
			out = append(out, admin.Finding{Level: admin.LevelOK, What: fmt.Sprintf("%s serves version %q", where, s.Version)})
		}
	}
	return out
}

// Incidents lists the newest first.
func (a *App) Incidents(_ context.Context, limit int) ([]json.RawMessage, error) {
	return a.desk.read(limit)
}

// JournalEntries reads the record upwards.
func (a *App) JournalEntries(ctx context.Context, from uint64, limit int) ([]admin.Entry, error) {
	out := []admin.Entry{}
	err := a.journal.Records(ctx, from, func(e journal.Entry) error {
		if len(out) == limit {
			return errPageFull
		}
		out = append(out, admin.Entry(e))
		return nil
	})
	if err != nil && !errors.Is(err, errPageFull) {
		return nil, err
	}
	return out, nil
}

// VerifyJournal walks the whole chain.
func (a *App) VerifyJournal(ctx context.Context) (admin.Verification, error) {
	r, err := a.journal.Verify(ctx)
	return verification(r), err
}

// Ready is nil when users are being served.
func (a *App) Ready() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.running == nil:
		return errors.New("starting")
	case a.stopping.Load():
		return errors.New("stopping")
	}
	return nil
}
