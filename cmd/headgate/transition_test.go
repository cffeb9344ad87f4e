package main

import (
	"net/http"
	"strings"
	"testing"
)

// Straight to MLflow: the exit code of each kind of trouble.
func TestTransitionStraightToMLflow(t *testing.T) {
	cases := []struct {
		name   string
		status int
		body   string
		stage  string
		code   int
		words  string
	}{
		{"not signed in", 401, `{"error_code":"UNAUTHENTICATED","message":"You are not authenticated."}`, "Staging", 7, ""},
		{"denied", 403, `{"error_code":"PERMISSION_DENIED","message":"Permission denied"}`, "staging", 7, ""},
		{"unknown", 404, `{"error_code":"RESOURCE_DOES_NOT_EXIST","message":"Registered Model with name=m not found"}`, "Staging", 5, `"m"`},
		{"no such stage", 200, `{}`, "Live", 6, "None, Staging, Production, Archived"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			asked := 0
			got := againstMLflow(t, func(w http.ResponseWriter, r *http.Request) {
				asked++
				answering(c.status, "application/json", c.body)(w, r)
			}, "transition-stage", "--model-name", "m", "--version", "1", "--stage", c.stage)
			if got.code != c.code || got.out != "" || !strings.Contains(got.err, c.words) || !strings.HasPrefix(got.err, "error: ") {
				t.Errorf("%+v", got)
			}
			if c.code == exitUnknownStage && asked != 0 {
				t.Errorf("MLflow was asked %d times about a stage that cannot exist", asked)
			}
		})
	}
}

// againstMLflow takes what answers for an MLflow that --tracking-uri names.
func againstMLflow(t *testing.T, h http.HandlerFunc, args ...string) said {
	t.Helper()
	return against(t, h, map[string]string{"MLFLOW_TRACKING_URI": "served"}, false, args...)
}
