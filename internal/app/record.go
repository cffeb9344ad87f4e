package app

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/headgate/headgate/internal/admin"
	"github.com/headgate/headgate/internal/journal"
)

// byHandKey holds the last thing that a person changed in the registry through
// us; the record holds them all.
const byHandKey = "registry/by-hand"

// noteTries bounds the writers that may be faster.
const noteTries = 5

// byHand is the line of the record about a change that no rollout made.
type byHand struct {
	Kind    string `json:"kind"`
	Model   string `json:"model"`
	Version string `json:"version"`
	From    string `json:"from,omitempty"`
	To      string `json:"to,omitempty"`
	Source  string `json:"source,omitempty"`
	By      string `json:"by"`
	// Rungs says which rungs of the promotion ladder were asked for.
	Rungs string `json:"rungs,omitempty"`
}

func transitionNote(t admin.Transition, by string) byHand {
	return byHand{Kind: "transition_stage", Model: t.Model, Version: t.Version, From: t.From, To: t.To, By: by, Rungs: t.Rungs}
}

func registerNote(v admin.Version, by string) byHand {
	return byHand{Kind: "register", Model: v.Model, Version: v.Version, Source: v.Source, By: by}
}

// note writes a line of the record. The registry has been changed already, so a
// journal that cannot be written is said in the log and fails nobody.
func (a *App) note(ctx context.Context, line byHand) {
	data, err := json.Marshal(line)
	if err != nil {
		panic("BUG: a line of the record does not marshal: " + err.Error())
	}
	for range noteTries {
		var rev uint64
		if _, rev, err = a.journal.Load(ctx, byHandKey); err != nil {
			break
		}
		if _, err = a.journal.Commit(ctx, byHandKey, rev, data, data); !errors.Is(err, journal.ErrConflict) {
			break
		}
	}
	a.warn("a change of the registry by hand is not in the record", err)
}
