package admin

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestShadowReport(t *testing.T) {
	s := run(t, Config{}, &fake{})
	for query, want := range map[string]int{"": 20, "?limit=3": 3, "?limit=0": 0} {
		a := s.ask(t, "GET", "/api/v1/rollouts/churn-model/shadow"+query, "")
		var got struct {
			Model     string
			Agreement *float64
			Requests  struct{ Offered *uint64 }
			Pairs     []struct{ Seq uint64 }
		}
		if err := json.Unmarshal([]byte(a.body), &got); err != nil || a.status != 200 {
			t.Fatalf("%d %s: %v", a.status, a.body, err)
		}
		if got.Model != "churn-model" || got.Requests.Offered == nil || got.Agreement != nil || got.Pairs == nil || len(got.Pairs) != want {
			t.Errorf("%s: %s", query, a.body)
		}
	}
	if a := s.ask(t, "GET", "/api/v1/rollouts/churn-model/shadow?limit=1001", ""); a.status != 400 || !strings.Contains(a.body, "limit has to be a whole number from 0 to 1000") {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := s.ask(t, "GET", "/api/v1/rollouts/nobody/shadow", ""); a.status != 404 {
		t.Errorf("%d %s", a.status, a.body)
	}
}
