package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/headgate/headgate/configs"
	"github.com/headgate/headgate/internal/journal"
	"github.com/headgate/headgate/internal/judge"
	"github.com/headgate/headgate/internal/kpi"
	"github.com/headgate/headgate/internal/replay"
	"github.com/headgate/headgate/internal/rollout"
)

// replayPolicy is a whole policy file with some gates.
func replayPolicy(dir, hold, gates string) string {
	return fmt.Sprintf(`version: 1
traffic: {listen: "127.0.0.1:0"}
state: {dir: %q}
registry: {local: {}}
routes:
  - name: churn
    match: {path_prefix: /}
    model: churn-model
    baseline: {upstreams: ["http://127.0.0.1:1"], version_from: none}
    candidate: {upstreams: ["http://127.0.0.1:2"], version_from: none}
models:
  churn-model:
    warm_up: 0s
    plan:
      - canary: {weight: 20%%, hold: %s}
      - canary: {weight: 50%%, hold: 1m}
      - promote: {}
    gates:
%s`, dir, hold, gates)
}

const recordedGates = `      - {name: errors, require: "error_rate <= baseline + 4%"}
      - {name: latency, require: "latency_p95 <= 250ms", rollback_when: "latency_p95 > 400ms"}
`

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// archive keeps the recording of a rollout whose candidate fails a little from
// the first second and more from stratum 45 on: it was advanced and then taken
// back by its gate. What was decided is worked out with a judge of its own.
func archive(t *testing.T, dir, id string, started time.Time) journal.Archive {
	t.Helper()
	file := write(t, filepath.Join(t.TempDir(), "recorded.yaml"), replayPolicy(dir, "30s", recordedGates))
	loaded, err := configs.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	policy := loaded.Models["churn-model"].Config
	layout := kpi.NewLayout(policy.Thresholds()...)
	j, err := judge.New(policy.Config, layout, policy.Planned())
	if err != nil {
		t.Fatal(err)
	}
	finished := started.Add(time.Hour)
	s := rollout.State{Model: "churn-model", ID: id, Baseline: "1", Candidate: "2", Policy: policy, PolicyHash: "h", StartedAt: started,
		FinishedAt: &finished, Phase: rollout.RolledBack, Cause: rollout.CauseGate}
	var lines []replay.Line
	var strata []rollout.RecordedStratum
	add := func(seq uint64, served time.Duration, phase rollout.Phase, step int, weight float64, kind string, data any) {
		body, err := json.Marshal(map[string]any{"model": s.Model, "rollout": id, "generation": len(lines) + 1, "phase": phase, "weight": weight,
			"step": step, "served_ns": served, "strata": seq, "kind": kind, "data": data})
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, replay.Line{Seq: uint64(len(lines) + 1), Time: started.Add(served), Body: body})
	}
	add(0, 0, rollout.Pending, 0, 0, "start", nil)
	add(0, 0, rollout.Progressing, 0, 0.2, "started", nil)
	step, began := 0, time.Duration(0)
	for seq := uint64(1); ; seq++ {
		if seq > 500 {
			t.Fatal("nothing takes this candidate back")
		}
		in := rollout.RecordedStratum{Begin: step == 0 && seq == 1, Stratum: kpi.Stratum{Seq: seq, Step: step, From: time.Duration(seq-1) * time.Second, To: time.Duration(seq) * time.Second}}
		in.Held = in.Stratum.To - began
		in.Stratum.Baseline = counts(layout, seq, 160, 1)
		in.Stratum.Candidate = counts(layout, seq+7, 40, 1)
		if seq >= 45 {
			in.Stratum.Candidate = counts(layout, seq+7, 40, 4)
		}
		in.Begin = in.Begin || len(strata) > 0 && strata[len(strata)-1].Stratum.Step != step
		if in.Begin {
			j.BeginStep(step)
		}
		j.Add(in.Stratum)
		strata = append(strata, in)
		v := j.Judgement()
		if v.Failed != nil {
			add(seq, in.Stratum.To, rollout.RollingBack, step, 0, "rolling_back", rollout.Order{ID: id, Cause: rollout.CauseGate, Gate: v.Failed, Gates: v.Gates})
			break
		}
		if step == 0 && in.Held >= 30*time.Second && v.Verdict == judge.Pass {
			add(seq, in.Stratum.To, rollout.Progressing, 1, 0.5, "advanced", map[string]any{"from": 0, "to": 1, "why": "pass", "held_s": in.Held.Seconds(), "gates": v.Gates})
			step, began = 1, in.Stratum.To
		}
	}
	one, _, err := journal.OpenArchives(dir, journal.GB).Put(s.Model, id, func(w io.Writer) error {
		out, err := replay.NewWriter(w, replay.NewHeader(s))
		for _, l := range lines {
			if err == nil {
				err = out.Record(l)
			}
		}
		for _, in := range strata {
			if err == nil {
				err = out.Stratum(in)
			}
		}
		if err != nil {
			return err
		}
		return out.End()
	})
	if err != nil {
		t.Fatal(err)
	}
	return one
}

// counts are n outcomes with some failures, the latencies spread around 100 ms.
func counts(l *kpi.Layout, seq uint64, n, failures uint64) kpi.Counts {
	c := kpi.Counts{Requests: n, Failures: failures}
	for i, part := range []uint64{n / 2, n / 4, n - failures - n/2 - n/4} {
		c.Latency = append(c.Latency, kpi.Bin{Index: l.Bin(time.Duration(60+seq%9+40*uint64(i)) * time.Millisecond), Count: part})
	}
	return c
}

func unreached(http.ResponseWriter, *http.Request) {}

func TestReplayTables(t *testing.T) {
	dir := t.TempDir()
	archive(t, dir, "20260101T120000-0a0b0c0d", time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC))
	for name, gates := range map[string]string{
		"same": recordedGates,
		"stricter": `      - {name: errors, require: "error_rate <= baseline + 2%"}
      - {name: latency, require: "latency_p95 <= 240ms", rollback_when: "latency_p95 > 400ms"}
`,
		"lenient": `      - {name: errors, require: "error_rate <= baseline + 30%"}
      - {name: clicks, rollback_when: "latency_p99 > baseline * 3"}
`,
	} {
		t.Run(name, func(t *testing.T) {
			hold := "30s"
			if name == "lenient" {
				hold = "10s"
			}
			file := write(t, filepath.Join(t.TempDir(), name+".yaml"), replayPolicy(dir, hold, gates))
			got := against(t, unreached, nil, false, "replay", "--state", dir, "--policy", file)
			if got.code != 0 || got.err != "" {
				t.Fatalf("%+v", got)
			}
			compare(t, "replay-"+name+".txt", got.out)
			check := against(t, unreached, nil, false, "replay", "--state", dir, "--check", file, "churn-model")
			if want := map[bool]int{true: 0, false: 1}[name == "same"]; check.code != want {
				t.Errorf("--check ends with %d, want %d: %s", check.code, want, check.err)
			}
		})
	}
}

func TestReplayNamesADamagedArchive(t *testing.T) {
	dir := t.TempDir()
	archive(t, dir, "20260101T120000-00000001", time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC))
	bad := archive(t, dir, "20260102T120000-00000002", time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC))
	whole, err := os.ReadFile(bad.Path)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"a bit":        append(append(bytes.Clone(whole[:len(whole)/2]), whole[len(whole)/2]^4), whole[len(whole)/2+1:]...),
		"cut":          whole[:len(whole)-9],
		"empty":        nil,
		"another file": []byte("hello"),
		"two in one":   append(bytes.Clone(whole), whole...),
	} {
		t.Run(name, func(t *testing.T) {
			write(t, bad.Path, string(data))
			got := against(t, unreached, nil, false, "replay", "--state", dir, "--recorded")
			if got.code != 1 || !strings.Contains(got.err, "20260102T120000-00000002") || !strings.Contains(got.err, "damaged") {
				t.Errorf("%d: %s", got.code, got.err)
			}
			if strings.Count(got.out, "identical, to the last bit") != 1 || strings.Contains(got.out, "20260102T120000-00000002") {
				t.Errorf("the other one was not replayed, or this one was:\n%s", got.out)
			}
		})
	}
}

func TestReplayBoundsByTime(t *testing.T) {
	dir := t.TempDir()
	archive(t, dir, "20260101T120000-00000001", time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC))
	for args, want := range map[string]int{
		"--from 2026-01-01": 1, "--from 2026-01-02": 0, "--to 2026-01-01": 1, "--to 2026-01-01T11:00:00Z": 0, "--from 24h": 1, "--from 1h": 0,
	} {
		got := against(t, unreached, nil, false, append([]string{"replay", "--state", dir, "--recorded", "--json"}, strings.Fields(args)...)...)
		var list []json.RawMessage
		if err := json.Unmarshal([]byte(got.out), &list); err != nil || len(list) != want {
			t.Errorf("%s: %d rollouts (%v), want %d", args, len(list), err, want)
		}
	}
}
