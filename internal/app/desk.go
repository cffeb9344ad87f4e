package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/headgate/headgate/configs"
	"github.com/headgate/headgate/internal/notify"
	"github.com/headgate/headgate/internal/rollout"
	"github.com/headgate/headgate/rollback"
)

// raiseLimit bounds the delivery of an incident that is not a rollback.
const raiseLimit = time.Minute

// desk is where incidents go: files first, then the people who want to know.
// A reload changes where that is at once.
type desk struct {
	log    hclog.Logger
	policy atomic.Pointer[configs.Policy]
	raised sync.WaitGroup
}

var (
	_ rollback.Desk     = (*desk)(nil)
	_ rollout.Incidents = (*desk)(nil)
)

func newDesk(p *configs.Policy, log hclog.Logger) *desk {
	d := &desk{log: log}
	d.policy.Store(p)
	return d
}

func (d *desk) places(model string, files bool) []notify.Config {
	var out []notify.Config
	for _, c := range d.policy.Load().Models[model].Incidents {
		if (c.File != "") == files {
			out = append(out, c)
		}
	}
	return out
}

func (d *desk) deliver(ctx context.Context, model string, files bool, in rollback.Incident) error {
	var failed []error
	id := in.ID
	if !files && in.Registry.Result == rollback.ResultPending { // a message of its own: the final one is no repetition
		id += "-" + rollback.ResultPending
	}
	for _, c := range d.places(model, files) {
		failed = append(failed, notify.Deliver(ctx, c, notify.Message{ID: id, Title: in.Title, JSON: in.JSON(), Markdown: []byte(in.Ticket())}))
	}
	return errors.Join(failed...)
}

// Keep writes the incident into every incident directory of the model.
func (d *desk) Keep(ctx context.Context, model string, in rollback.Incident) error {
	return d.deliver(ctx, model, true, in)
}

// Tell posts it to every webhook of the model.
func (d *desk) Tell(ctx context.Context, model string, in rollback.Incident) error {
	return d.deliver(ctx, model, false, in)
}

// Raise tells of something that is not a rollback, beside everything else.
func (d *desk) Raise(model, rolloutID string, r rollout.RaiseIncident, v rollout.View) {
	in := rollback.Incident{
		ID: rolloutID + "-" + string(r.Kind), Kind: string(r.Kind), Model: model, Rollout: rolloutID, Title: r.Message,
		DecidedBy: "headgate", Reason: r.Message, Alert: r.Alert, Baseline: v.Baseline.Version, Candidate: v.Candidate.Version, Phase: v.Phase,
		Weight: v.Weight.Ratio(), Gates: v.Gates, Times: rollback.Times{DecidedAt: time.Now().UTC(), StartedAt: v.StartedAt},
		Registry: rollback.Registered{Mode: v.Registry.Mode, RunID: v.Registry.RunID},
	}
	if a := r.Alert; a != nil { // one incident for each firing of each alert
		in.ID += fmt.Sprintf("-%s-%d", a.Fingerprint, a.StartsAt.UnixMilli())
		in.DecidedBy = "alert " + a.Name()
	}
	d.raised.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), raiseLimit)
		defer cancel()
		if err := errors.Join(d.Keep(ctx, model, in), d.Tell(ctx, model, in)); err != nil {
			d.log.Error("incident not delivered", "id", in.ID, "error", err)
		}
	})
}

// read lists the incident files, newest first.
func (d *desk) read(limit int) ([]json.RawMessage, error) {
	var places []notify.Config
	for name := range d.policy.Load().Models {
		places = append(places, d.places(name, true)...)
	}
	return notify.Read(places, limit)
}
