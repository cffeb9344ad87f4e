package admin

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/headgate/headgate/internal/rollout"
)

// Approvals are people's words for versions.
type Approvals interface {
	// Approve keeps an approval; the person and the role were seen on their token.
	// It returns the one that is kept: giving it twice changes nothing.
	Approve(ctx context.Context, model string, a rollout.Approval) (rollout.Approval, error)
}

// Approval is an approval as the API shows it.
type Approval struct {
	Model string `json:"model"`
	rollout.Approval
	// Expired: it does not count any more.
	Expired bool `json:"expired,omitempty"`
}

// approvalBody is what POST approvals takes. Who gives it is who signed in.
type approvalBody struct {
	Model   string `json:"model"`
	Version string `json:"version"`
	For     string `json:"for"`
	Role    string `json:"role"`
	Comment string `json:"comment"`
}

func (s *Server) approve(w http.ResponseWriter, r *http.Request, who string) (any, error) {
	var b approvalBody
	if err := decode(w, r, &b); err != nil {
		return nil, err
	}
	for name, value := range map[string]string{"model": b.Model, "version": b.Version, "for": b.For, "role": b.Role} {
		if strings.TrimSpace(value) == "" {
			return nil, problem(CodeMalformed, fmt.Sprintf("field %q is missing", name), "an approval has model, version, for, role and comment")
		}
	}
	if err := s.carries(r, who, b.Role); err != nil {
		return nil, err
	}
	ctx, cancel := detached(r)
	defer cancel()
	a, err := s.backend.Approve(ctx, b.Model, rollout.Approval{Version: b.Version, For: b.For, Role: b.Role, By: who, Comment: b.Comment})
	if err != nil {
		return nil, err
	}
	return s.shown(b.Model, a), nil
}

// carries refuses a role that the caller's token does not have. Nobody else's
// role stands in for it: neither operator nor admin.
func (s *Server) carries(r *http.Request, who, role string) error {
	ring := s.keys.Load()
	if len(ring.keys) == 0 {
		return problem(CodeNotPermitted, "no tokens are configured, so nobody carries the role "+role, "configure admin.tokens: headgate token new NAME --role "+role)
	}
	_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	found := ring.find(strings.TrimSpace(token))
	if found == nil || builtIn(role) || !slices.Contains(found.roles, role) {
		return problem(CodeNotPermitted, fmt.Sprintf("the token %q does not carry the role %s", who, role), "use a token with that role, one of admin.approvers")
	}
	return nil
}

func (s *Server) shown(model string, a rollout.Approval) Approval {
	return Approval{Model: model, Approval: a, Expired: !s.now().Before(a.ExpiresAt)}
}

// approvals lists those of every model, or of ?model=NAME, the oldest first.
func (s *Server) approvals(_ http.ResponseWriter, r *http.Request, _ string) (any, error) {
	views := s.backend.Views()
	if name := r.URL.Query().Get("model"); name != "" {
		v, err := s.backend.View(name)
		if err != nil {
			return nil, err
		}
		views = []rollout.View{v}
	}
	out := []Approval{}
	for _, v := range views {
		for _, a := range v.Approvals {
			out = append(out, s.shown(v.Model, a))
		}
	}
	slices.SortStableFunc(out, func(a, b Approval) int { return a.At.Compare(b.At) })
	return out, nil
}
