package admin

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/headgate/headgate/internal/drill"
	"github.com/headgate/headgate/internal/rollout"
)

func (f *fake) StartDrill(_ context.Context, model string, o DrillOrder) (drill.Status, error) {
	if model != "churn-model" {
		return drill.Status{}, refusal(rollout.Code(model))
	}
	return drill.Status{Model: model, Running: &drill.Running{ID: "d1", By: o.By, Progress: []string{string(o.In)}}}, nil
}

func (f *fake) Drill(_ context.Context, model string) (drill.Status, error) {
	if model != "churn-model" {
		return drill.Status{}, refusal(rollout.UnknownModel)
	}
	return drill.Status{Model: model, Why: "no drill is recorded"}, nil
}

func TestDrills(t *testing.T) {
	s := run(t, Config{}, &fake{})
	for _, c := range []struct {
		method, model, body string
		status              int
		want                string
	}{
		{"POST", "churn-model", ``, http.StatusOK, `"by":"local","progress":["canary"]`},
		{"POST", "churn-model", `{"in":"bake","tell":true,"reason":"r"}`, http.StatusOK, `"progress":["bake"]`},
		{"POST", "churn-model", `{"in":"shadow"}`, http.StatusBadRequest, `wanted canary or bake`},
		{"POST", "churn-model", `{"by":"me"}`, http.StatusBadRequest, `unknown field \"by\"`},
		{"POST", "refused", ``, http.StatusConflict, `because refused`},
		{"GET", "churn-model", ``, http.StatusOK, `"running":null,"last":null,"required":null,"verified":false,"why":"no drill is recorded"`},
		{"GET", "nobody", ``, http.StatusNotFound, `unknown_model`},
	} {
		a := s.ask(t, c.method, "/api/v1/drills/"+c.model, c.body)
		if a.status != c.status || !strings.Contains(string(a.body), c.want) {
			t.Errorf("%s %s %s: %d %s", c.method, c.model, c.body, a.status, a.body)
		}
	}
}
