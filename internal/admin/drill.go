package admin

import (
	"context"
	"net/http"
	"slices"

	"github.com/headgate/headgate/internal/drill"
)

// Drills practises rollbacks.
type Drills interface {
	// StartDrill begins a drill and returns at once. Refusals: UnknownModel,
	// Refused while a rollout of the model or another drill is under way.
	StartDrill(ctx context.Context, model string, o DrillOrder) (drill.Status, error)
	// Drill is what is known of the model's drills.
	Drill(ctx context.Context, model string) (drill.Status, error)
}

// DrillOrder asks for a drill.
type DrillOrder struct {
	// In is where in a rollout the candidate turns bad: canary (default) or bake.
	In drill.Moment `json:"in,omitempty"`
	// Tell sends the incident to the model's webhooks too.
	Tell   bool   `json:"tell,omitempty"`
	Reason string `json:"reason,omitempty"`
	// By is the name of the token that signed in, never part of the body.
	By string `json:"-"`
}

func (s *Server) startDrill(w http.ResponseWriter, r *http.Request, who string) (any, error) {
	var o DrillOrder
	if err := decode(w, r, &o); err != nil {
		return nil, err
	}
	if o.In == "" {
		o.In = drill.InCanary
	}
	if !slices.Contains(drill.Moments(), o.In) {
		return nil, problem(CodeMalformed, `field "in": wanted canary or bake`, "")
	}
	o.By = who
	ctx, cancel := detached(r)
	defer cancel()
	return whatIs(s.backend.StartDrill(ctx, r.PathValue("model"), o))
}

func (s *Server) showDrill(_ http.ResponseWriter, r *http.Request, _ string) (any, error) {
	return whatIs(s.backend.Drill(r.Context(), r.PathValue("model")))
}

// whatIs keeps a status out of an answer that is an error.
func whatIs(v drill.Status, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return v, nil
}
