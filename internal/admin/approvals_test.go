package admin

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/headgate/headgate/internal/rollout"
)

func (f *fake) Approve(_ context.Context, model string, a rollout.Approval) (rollout.Approval, error) {
	if _, err := f.View(model); err != nil {
		return a, err
	}
	if a.Version == "99" {
		return a, refusal(rollout.UnknownVersion)
	}
	if a.Comment == "own" {
		return a, refusal(rollout.Refused)
	}
	a.At, a.ExpiresAt = time.Unix(0, 0).UTC(), time.Unix(3600, 0).UTC()
	return a, nil
}

func TestApprovalsAskForTheRoleOnTheToken(t *testing.T) {
	c := Config{Approvers: []string{"ml-lead", "compliance"}}
	lead, entry := holder(t, 1, "ann", "ml-lead")
	c.Tokens = append(c.Tokens, entry)
	admin, entry := holder(t, 2, "root", "admin")
	c.Tokens = append(c.Tokens, entry)
	s := run(t, c, &fake{})
	body := func(role, version, comment string) string {
		return `{"model":"churn-model","version":"` + version + `","for":"production","role":"` + role + `","comment":"` + comment + `"}`
	}
	for _, one := range []struct {
		name, token, body string
		status            int
	}{
		{"with the role", lead, body("ml-lead", "3", "seen"), 200},
		{"another role", lead, body("compliance", "3", "seen"), 403},
		{"admin is no lead", admin, body("ml-lead", "3", "seen"), 403},
		{"a built-in role is none", admin, body("admin", "3", "seen"), 403},
		{"nobody", "", body("ml-lead", "3", "seen"), 401},
		{"unknown version", lead, body("ml-lead", "99", "seen"), 404},
		{"unknown model", lead, `{"model":"x","version":"3","for":"production","role":"ml-lead"}`, 404},
		{"one's own rollout", lead, body("ml-lead", "3", "own"), 409},
		{"no version", lead, `{"model":"churn-model","for":"production","role":"ml-lead"}`, 400},
		{"somebody else's name", lead, `{"model":"churn-model","version":"3","for":"production","role":"ml-lead","by":"bob"}`, 400},
	} {
		t.Run(one.name, func(t *testing.T) {
			header := []string{"Content-Type", "application/json"}
			if one.token != "" {
				header = append(header, "Authorization", "Bearer "+one.token)
			}
			a := s.ask(t, "POST", "/api/v1/approvals", one.body, header...)
			if a.status != one.status {
				t.Fatalf("answered %d: %s", a.status, a.body)
			}
			if one.status != 200 {
				return
			}
			var got Approval
			if err := json.Unmarshal([]byte(a.body), &got); err != nil {
				t.Fatal(err)
			}
			if got.By != "ann" || got.Model != "churn-model" || !got.Expired {
				t.Errorf("got %+v: by has to be the token's name", got)
			}
		})
	}
}

func TestNobodyApprovesWithoutTokens(t *testing.T) {
	s := run(t, Config{}, &fake{})
	a := s.ask(t, "POST", "/api/v1/approvals", `{"model":"churn-model","version":"3","for":"production","role":"ml-lead"}`, "Content-Type", "application/json")
	if a.status != 403 {
		t.Errorf("answered %d: %s", a.status, a.body)
	}
	if a := s.ask(t, "GET", "/api/v1/approvals?model=churn-model", ""); a.status != 200 || string(a.body) != "[]\n" && string(a.body) != "[]" {
		t.Errorf("listed %d: %s", a.status, a.body)
	}
}
