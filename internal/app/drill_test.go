package app

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/headgate/headgate/internal/admin"
	"github.com/headgate/headgate/internal/drill"
	"github.com/headgate/headgate/internal/rollout"
)

// drill begins one and waits for its end.
func (r *rig) drill(in drill.Moment) drill.Status {
	r.t.Helper()
	if _, err := r.app.StartDrill(r.t.Context(), "m", admin.DrillOrder{In: in, By: "ann"}); err != nil {
		r.t.Fatal(err)
	}
	return r.drilled(90 * time.Second)
}

func (r *rig) drilled(limit time.Duration) drill.Status {
	r.t.Helper()
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		s, err := r.app.Drill(r.t.Context(), "m")
		if err != nil {
			r.t.Fatal(err)
		}
		if s.Running == nil {
			return s
		}
	}
	r.t.Fatalf("the drill did not end in %s", limit)
	return drill.Status{}
}

// allMeasured checks that everything was measured, and prints it.
func allMeasured(t *testing.T, rec *drill.Record) {
	t.Helper()
	if rec == nil {
		t.Fatal("no record")
	}
	t.Logf("%s, in %s, %s registry: %s %v %s", rec.ID, rec.In, rec.Mode, rec.Result, rec.Misses, rec.Problem)
	for what, s := range map[string]*float64{"detection": rec.Times.Detection, "traffic off": rec.Times.TrafficOff, "registry": rec.Times.Registry, "incident": rec.Times.Incident} {
		if s == nil {
			t.Fatalf("%s was not reached: %+v", what, rec)
		}
		t.Logf("%12s %9.6f s", what, *s)
	}
	if rec.Result != drill.Met || rec.Traffic.Failed == 0 || rec.Traffic.After == 0 || rec.Traffic.FailedAfter > 0 || rec.FirstFailureAt == nil {
		t.Errorf("%+v", rec)
	}
	t.Logf("%+v; %s; %s", rec.Traffic, rec.Registry, rec.Decided)
}

func (r *rig) ask(text string) { // for a condition of the policy
	r.models = strings.TrimSuffix(text, "\n") + "\n"
}

func TestDrillMeasuresARollbackAndTouchesNobody(t *testing.T) {
	for _, in := range drill.Moments() {
		t.Run(string(in), func(t *testing.T) {
			r := newRig(t, "1m", "10s")
			r.boot()
			r.ready()
			if _, err := r.app.TransitionStage(t.Context(), admin.Move{Model: "m", Version: "1", Stage: "Production"}); err != nil {
				t.Fatal(err)
			}
			before := r.view()
			s := r.drill(in)
			allMeasured(t, s.Last)
			if s.Last.By != "ann" || s.Last.In != in || s.Last.Mode != "local" || s.Last.PolicyHash == "" || !s.Verified || s.Required != nil {
				t.Errorf("%+v %+v", s, s.Last)
			}
			if b := s.Last.Baseline; b.Version != "1" || b.Serves != drill.Yes {
				t.Errorf("baseline %+v", b)
			}
			if want := "version 1 in Production, version 2 Archived"; s.Last.Registry != want {
				t.Errorf("registry %q, want %q", s.Last.Registry, want)
			}
			if after := r.view(); after.Phase != before.Phase || after.Generation != before.Generation {
				t.Errorf("the model's own rollout changed: %+v", after)
			}
			if n := r.baseline.served.Load() + r.candidate.served.Load(); n > 0 {
				t.Errorf("%d requests went to the users' backends", n)
			}
			in := r.incidents()
			if len(in) != 1 || in[0]["cause"] != "drill" || in[0]["model"] != "headgate-drill-m" || in[0]["id"] != s.Last.Rollout ||
				!strings.HasPrefix(in[0]["title"].(string), "DRILL, no user was affected") {
				t.Errorf("incidents %v", in)
			}
			if v, err := r.app.VerifyJournal(t.Context()); err != nil || !v.Intact {
				t.Errorf("journal %+v, %v", v, err)
			}
		})
	}
}

func TestDrillIsWhatAStartAsksFor(t *testing.T) {
	r := newRig(t, "1m", "10s")
	r.ask("    drill: {max_age: 1h}")
	r.write("1m", "10s")
	r.boot()
	r.ready()
	start := rollout.Command{Kind: rollout.Start, Version: "2", Baseline: "1", By: "ann"}
	refused := func(want string) {
		t.Helper()
		_, err := r.app.Command(t.Context(), "m", start)
		var no *rollout.Refusal
		if !errors.As(err, &no) || no.Code != rollout.Refused || no.Hint != "headgate drill m" || !strings.Contains(no.Message, want) {
			t.Fatalf("%+v, want %q", err, want)
		}
	}
	refused("no drill is recorded")
	if s := r.drill(drill.InCanary); !s.Verified || s.Required == nil || s.Required.MaxAge != 3600 {
		t.Fatalf("%+v %+v", s, s.Last)
	}
	r.stopped()

	// The record survives a restart, and ages.
	r.ask("    drill: {max_age: 1ms}")
	r.write("1m", "10s")
	r.boot()
	r.ready()
	refused("is older than 1ms")
	r.stopped()
	r.ask("    drill: {traffic_off: 1ns}")
	r.write("1m", "10s")
	r.boot()
	r.ready()
	refused("does not keep the policy's limits: traffic off after")
	r.stopped()
	r.ask("    drill: {}")
	r.write("1m", "10s")
	r.boot()
	r.ready()
	if v := r.do(start); v.Phase != rollout.Progressing {
		t.Fatalf("%s %s", v.Phase, v.Message)
	}
	if _, err := r.app.StartDrill(t.Context(), "m", admin.DrillOrder{In: drill.InCanary}); err == nil || !strings.Contains(err.Error(), "a rollout of m to version 2 is progressing") {
		t.Errorf("a drill beside a live rollout: %v", err)
	}
}

func TestDrillsAreHeldOneAtATimeAndStopWithTheServer(t *testing.T) {
	r := newRig(t, "1m", "10s")
	r.boot()
	r.ready()
	if _, err := r.app.StartDrill(t.Context(), "nobody", admin.DrillOrder{In: drill.InCanary}); err == nil {
		t.Error("a drill of an unknown model")
	}
	if _, err := r.app.StartDrill(t.Context(), "m", admin.DrillOrder{In: drill.InCanary, By: "ann"}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.app.StartDrill(t.Context(), "m", admin.DrillOrder{In: drill.InCanary}); err == nil || !strings.Contains(err.Error(), "under way, begun by ann") {
		t.Errorf("two drills at once: %v", err)
	}
	begun := func() bool {
		s, err := r.app.Drill(t.Context(), "m")
		return err == nil && s.Running != nil && strings.Contains(strings.Join(s.Running.Progress, "\n"), "turns bad")
	}
	for end := time.Now().Add(20 * time.Second); !begun(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the candidate never turned bad")
		}
	}
	r.stopped() // goleak sees what is left

	// What was cut off is no record, and the next drill is held all the same.
	r.boot()
	r.ready()
	if s, err := r.app.Drill(t.Context(), "m"); err != nil || s.Last != nil {
		t.Errorf("%+v %v", s.Last, err)
	}
	allMeasured(t, r.drill(drill.InCanary).Last)
}

// A scratch rollout that was live when the process was killed is ended first.
func TestDrillAfterOneThatWasKilled(t *testing.T) {
	r := newRig(t, "1m", "10s")
	r.boot()
	r.ready()
	first := r.drill(drill.InBake).Last
	allMeasured(t, first)
	binding, err := r.app.book.Begin(t.Context(), rollout.State{Model: first.Scratch, ID: "killed", Baseline: "1", Candidate: "2", Again: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.app.book.Promote(t.Context(), binding); err != nil {
		t.Fatal(err)
	}
	r.stopped()
	r.loseState("rollout/" + first.Scratch)
	r.boot()
	r.ready()
	allMeasured(t, r.drill(drill.InCanary).Last)
	if id, err := r.app.book.Unfinished(t.Context(), first.Scratch); err != nil || id != "" {
		t.Errorf("marks of %q, %v", id, err)
	}
}

func TestDrillThatFailsIsRecordedAsSuch(t *testing.T) {
	r := newRig(t, "1m", "10s")
	r.registry = "{mlflow: {tracking_uri: 'http://127.0.0.1:1'}}" // nobody is there
	r.write("1m", "10s")
	r.boot()
	r.ready()
	s := r.drill(drill.InCanary)
	if s.Verified || s.Last == nil || s.Last.Result != drill.Failed || s.Last.Code != rollout.Unreachable || !strings.Contains(s.Why, "failed: ") {
		t.Errorf("%+v %+v", s, s.Last)
	}
	if s.Last.Baseline.Serves != drill.Unverified {
		t.Errorf("baseline %+v", s.Last.Baseline)
	}
}
