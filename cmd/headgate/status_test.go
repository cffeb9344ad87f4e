package main

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestStatusOfOneModel(t *testing.T) {
	for _, name := range []string{"baking", "rolled_back", "none", "shadowing", "approval", "bluegreen"} {
		t.Run(name, func(t *testing.T) {
			got := against(t, answering(200, "application/json", view(t, name)), nil, false, "status", "m")
			if got.code != 0 || got.err != "" {
				t.Errorf("%+v", got)
			}
			compare(t, name+".txt", got.out)
		})
	}
}

func TestStatusOfAllModels(t *testing.T) {
	body := "[" + view(t, "baking") + "," + view(t, "none") + "]"
	got := against(t, answering(200, "application/json", body), nil, false, "status")
	compare(t, "overview.txt", got.out)
	boxed := against(t, answering(200, "application/json", body), nil, true, "status")
	compare(t, "overview-terminal.txt", boxed.out)
	if empty := against(t, answering(200, "application/json", "[]"), nil, false, "status"); empty.out != "no models in the policy\n" {
		t.Errorf("%+v", empty)
	}
}

// What the server says comes out as JSON with nothing lost.
func TestStatusJSONIsTheServers(t *testing.T) {
	for _, name := range []string{"baking", "rolled_back", "none", "shadowing", "approval", "bluegreen"} {
		got := against(t, answering(200, "application/json", view(t, name)), nil, false, "status", "m", "--json")
		var want, have map[string]any
		if err := json.Unmarshal([]byte(view(t, name)), &want); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(got.out), &have); err != nil {
			t.Fatal(err)
		}
		for key := range want {
			a, _ := json.Marshal(want[key])
			b, _ := json.Marshal(have[key])
			if string(a) != string(b) {
				t.Errorf("%s: %s: got %s, want %s", name, key, b, a)
			}
		}
	}
}

// Strangers' text cannot steer the terminal, with colours or without.
func TestHostileTextIsDefused(t *testing.T) {
	one := answering(200, "application/json", view(t, "hostile"))
	all := answering(200, "application/json", "["+view(t, "hostile")+"]")
	problem := answering(409, "application/problem+json", `{"status":409,"code":"refused","detail":"\u001b[2J\nerror: forged","hint":"\u001b"}`)
	for _, got := range []said{
		against(t, one, nil, false, "status", "m"), against(t, all, nil, false, "status"),
		against(t, one, nil, false, "pause", "m"), against(t, problem, nil, false, "pause", "m"),
	} {
		if strings.ContainsAny(got.out+got.err, "\x1b\x07\u202e\u009b") || strings.Contains(got.err, "\nerror: forged") {
			t.Errorf("%+q", got.out+got.err)
		}
	}
	for _, got := range []said{against(t, one, nil, true, "status", "m"), against(t, all, nil, true, "status")} {
		for _, planted := range []string{"\x1b[2J", "\x1b]0", "\x07", "\u202e", "\u009b"} {
			if strings.Contains(got.out, planted) {
				t.Errorf("%q in %q", planted, got.out)
			}
		}
	}
}

// Watched JSON is one object per line; a server that restarts is waited for.
func TestWatchOutlivesARestart(t *testing.T) {
	var asked atomic.Int32
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	got := during(ctx, t, func(w http.ResponseWriter, _ *http.Request) {
		switch asked.Add(1) {
		case 2: // gone
			panic(http.ErrAbortHandler)
		case 3:
			cancel()
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"model":"m","phase":"none"}`))
	}, nil, false, "status", "m", "--watch", "--json")
	if got.code != 0 || !strings.Contains(got.err, "cannot be reached") || strings.Count(got.out, "\n") != 1 || !json.Valid([]byte(got.out)) {
		t.Errorf("%+v", got)
	}
}
