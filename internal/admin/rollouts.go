package admin

import (
	"context"
	"net/http"

	"github.com/headgate/headgate/internal/judge"
	"github.com/headgate/headgate/internal/rollout"
)

// startBody, rollbackBody and plainBody are what each order takes; a field
// that an order does not know is refused and not ignored.
type startBody struct {
	Version    string `json:"version"`
	Baseline   string `json:"baseline"`
	Reason     string `json:"reason"`
	Again      bool   `json:"again"`
	Unverified bool   `json:"unverified"`
}

type rollbackBody struct {
	Reason string `json:"reason"`
	Force  bool   `json:"force"`
}

type plainBody struct {
	Reason string `json:"reason"`
}

func (s *Server) listRollouts(http.ResponseWriter, *http.Request, string) (any, error) {
	views := make([]rollout.View, 0)
	for _, v := range s.backend.Views() {
		views = append(views, whole(v))
	}
	return views, nil
}

func (s *Server) showRollout(w http.ResponseWriter, r *http.Request, _ string) (any, error) {
	v, err := s.backend.View(r.PathValue("model"))
	if err != nil {
		return nil, err
	}
	w.Header().Set("ETag", etag(v.Generation))
	return whole(v), nil
}

// command is the endpoint of one kind of order.
func (s *Server) command(kind rollout.Kind) answer {
	return func(w http.ResponseWriter, r *http.Request, who string) (any, error) {
		c, err := order(w, r, kind)
		if err != nil {
			return nil, err
		}
		c.By = who
		ctx, cancel := detached(r)
		defer cancel()
		v, err := s.backend.Command(ctx, r.PathValue("model"), c)
		if err != nil {
			return nil, err
		}
		w.Header().Set("ETag", etag(v.Generation))
		return whole(v), nil
	}
}

// order reads the body of one kind of order.
func order(w http.ResponseWriter, r *http.Request, kind rollout.Kind) (c rollout.Command, err error) {
	c.Kind = kind
	switch kind {
	case rollout.Start:
		var b startBody
		err = decode(w, r, &b)
		c.Version, c.Baseline, c.Reason, c.Again, c.Unverified = b.Version, b.Baseline, b.Reason, b.Again, b.Unverified
		if err == nil && b.Version == "" {
			err = problem(CodeMalformed, `field "version" is missing: which version is to be tried?`, "")
		}
	case rollout.Rollback:
		var b rollbackBody
		err = decode(w, r, &b)
		c.Reason, c.Force = b.Reason, b.Force
	case rollout.Pause, rollout.Resume, rollout.Advance, rollout.Promote:
		var b plainBody
		err = decode(w, r, &b)
		c.Reason = b.Reason
	}
	// The safe direction is never held up, not by a stale view either.
	if err == nil && kind != rollout.Rollback && kind != rollout.Pause {
		c.IfMatch, err = generation(r)
	}
	return c, err
}

// detached gives an order its own deadline: a caller who hangs up has given
// the order all the same.
func detached(r *http.Request) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(r.Context()), orderTimeout)
}

// whole writes empty lists as [] and not as null.
func whole(v rollout.View) rollout.View {
	if v.Gates == nil {
		v.Gates = []judge.GateVerdict{}
	}
	if v.Serving == nil {
		v.Serving = []rollout.ServingView{}
	}
	return v
}
