package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/headgate/headgate/internal/admin"
	"github.com/headgate/headgate/internal/admin/client"
	"github.com/headgate/headgate/internal/kpi"
	"github.com/headgate/headgate/internal/rollout"
)

// echo is a backend that shows what reached it.
type echo struct{ admin.Backend }

func (echo) View(model string) (rollout.View, error) {
	if model == "nobody" {
		return rollout.View{}, &rollout.Refusal{Code: rollout.UnknownModel, Message: "no such model", Hint: "look"}
	}
	return rollout.View{Model: model, Generation: 7}, nil
}

func (echo) Command(_ context.Context, model string, c rollout.Command) (rollout.View, error) {
	if c.IfMatch != nil && *c.IfMatch != 7 {
		return rollout.View{}, &rollout.Refusal{Code: rollout.Conflict, Message: "it is at 7"}
	}
	c.IfMatch = nil
	text, err := json.Marshal(c)
	return rollout.View{Model: model, Message: string(text)}, err
}

func (echo) JournalEntries(_ context.Context, from uint64, limit int) ([]admin.Entry, error) {
	var entries []admin.Entry
	for seq := from; seq <= 2500 && len(entries) < limit; seq++ {
		entries = append(entries, admin.Entry{Seq: seq, Sealed: json.RawMessage(`{"<":1}`), Body: json.RawMessage(`{"&":2}`)})
	}
	return entries, nil
}

// talking is a client of a real server with one operator.
func talking(t *testing.T) *client.Client {
	t.Helper()
	token, digest, err := client.NewToken(strings.NewReader(strings.Repeat("r", 32)))
	if err != nil {
		t.Fatal(err)
	}
	s, err := admin.New(admin.Config{Listen: "127.0.0.1:0", Tokens: []admin.Token{{Name: "ada", Roles: []string{"operator"}, SHA256: digest}}}, echo{}, admin.Options{})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve() }()
	t.Cleanup(func() {
		if err := errors.Join(s.Shutdown(context.Background()), <-done); err != nil {
			t.Error(err)
		}
	})
	c, err := client.New("http://"+s.Addr().String(), token)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestNamesArriveWhole(t *testing.T) {
	c := talking(t)
	for _, name := range []string{"churn-model", "a/b", "..", ".", "mödel", "a b?c#d%2F", "a//b"} {
		v, err := c.Rollout(context.Background(), name)
		if err != nil || v.Model != name {
			t.Errorf("%q arrived as %q: %v", name, v.Model, err)
		}
		v, err = c.Order(context.Background(), name, client.Command{Kind: client.Pause})
		if err != nil || v.Model != name {
			t.Errorf("an order for %q arrived as %q: %v", name, v.Model, err)
		}
	}
}

func TestOrdersArriveWithTheirGiver(t *testing.T) {
	c := talking(t)
	six := uint64(6)
	for _, o := range []client.Command{
		{Kind: client.Start, Version: "3", Baseline: "1", Reason: "r", Again: true, Unverified: true},
		{Kind: client.Rollback, Reason: "r", Force: true, IfMatch: &six},
		{Kind: client.Pause, Reason: "r", IfMatch: &six},
		{Kind: client.Resume}, {Kind: client.Advance}, {Kind: client.Promote},
	} {
		v, err := c.Order(context.Background(), "m", o)
		o.By = "ada"
		want, _ := json.Marshal(o)
		if err != nil || v.Message != string(want) {
			t.Errorf("got %s %v, want %s", v.Message, err, want)
		}
	}
	_, err := c.Order(context.Background(), "m", client.Command{Kind: client.Promote, IfMatch: &six})
	var r *client.Refusal
	if !errors.As(err, &r) || r.Code != client.Conflict || r.Message != "it is at 7" {
		t.Errorf("%v", err)
	}
	_, err = c.Rollout(context.Background(), "nobody")
	if !errors.As(err, &r) || *r != (client.Refusal{Code: client.UnknownModel, Message: "no such model", Hint: "look"}) {
		t.Errorf("%v", err)
	}
}

func (echo) Outcome(o admin.Outcome) kpi.Result {
	if o.Model == "m" && *o.Value == 0.5 {
		return kpi.OutcomeAccepted
	}
	return kpi.OutcomeLate
}

func TestOutcomesArriveAsTheyWereMeant(t *testing.T) {
	half := 0.5
	got, err := talking(t).Outcomes(context.Background(), []client.Outcome{
		{RequestID: "a", Kind: "label", Value: &half, Model: "m"}, {RequestID: "b", Kind: "click"}, {RequestID: "c", Kind: "clik"},
	})
	if err != nil || got.Accepted != 1 || got.Late != 1 || got.Refused != 1 || got.Invalid[0].Item != 2 {
		t.Errorf("%+v %v", got, err)
	}
}

func TestALongRecordComesWhole(t *testing.T) {
	next := uint64(1)
	err := talking(t).Journal(context.Background(), 1, func(e client.Entry) error {
		if e.Seq != next || string(e.Sealed) != `{"<":1}` || string(e.Body) != `{"&":2}` {
			t.Fatalf("record %d: %+v", next, e)
		}
		next++
		return nil
	})
	if err != nil || next != 2501 {
		t.Errorf("up to %d: %v", next, err)
	}
}
