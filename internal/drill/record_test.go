package drill

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func float(v float64) *float64 { return &v }

func TestVerified(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	good := Record{Result: Met, Mode: "stages", EndedAt: now.Add(-time.Hour), Times: Times{TrafficOff: float(0.01), Registry: float(2)}}
	with := func(change func(*Record)) *Record { r := good; change(&r); return &r }
	var c Config
	c.SetDefaults()
	for _, one := range []struct {
		name string
		rec  *Record
		c    Config
		mode string
		want string // "" = verified
	}{
		{"good", &good, c, "stages", ""},
		{"none", nil, c, "stages", "no drill is recorded"},
		{"failed", with(func(r *Record) { r.Result, r.Problem = Failed, "no registry" }), c, "stages", "failed: no registry"},
		{"missed", with(func(r *Record) { r.Result, r.Misses = Missed, []string{"too slow"} }), c, "stages", "was missed: too slow"},
		{"unknown result", with(func(r *Record) { r.Result = "" }), c, "stages", `ended as ""`},
		{"exactly as old as it may be", with(func(r *Record) { r.EndedAt = now.Add(-DefaultMaxAge) }), c, "stages", ""},
		{"too old", with(func(r *Record) { r.EndedAt = now.Add(-DefaultMaxAge - time.Second) }), c, "stages", "is older than 720h0m0s"},
		{"another registry", &good, c, "aliases", "registry mode stages, which is aliases now"},
		{"tighter traffic", &good, Config{MaxAge: c.MaxAge, TrafficOff: time.Millisecond, Registry: c.Registry}, "stages", "traffic off after 10ms, the limit is 1ms"},
		{"tighter registry", &good, Config{MaxAge: c.MaxAge, TrafficOff: c.TrafficOff, Registry: time.Second}, "stages", "the registry right after 2s, the limit is 1s"},
		{"nothing measured", with(func(r *Record) { r.Times.Registry = nil }), c, "stages", "the registry right: not reached"},
	} {
		err := Verified(one.rec, one.c, one.mode, now)
		if (err == nil) != (one.want == "") || err != nil && !strings.Contains(err.Error(), one.want) {
			t.Errorf("%s: %v, want %q", one.name, err, one.want)
		}
	}
}

func TestLimitsThatWereNotKeptAreMisses(t *testing.T) {
	r := &run{rec: Record{Limits: Limits{TrafficOff: 1, Registry: 60}, Times: Times{TrafficOff: float(1.5), Registry: float(61)}}}
	r.judge(nil)
	if r.rec.Result != Missed || len(r.rec.Misses) != 2 {
		t.Errorf("%s %v", r.rec.Result, r.rec.Misses)
	}
}

func TestWhatDoesNotComeIsAMissOnceTheCandidateIsBad(t *testing.T) {
	at := time.Now()
	for _, c := range []struct {
		first *time.Time
		want  Result
	}{{nil, Failed}, {&at, Missed}} {
		r := &run{rec: Record{FirstFailureAt: c.first, Times: Times{TrafficOff: float(0)}}}
		r.judge(&late{"the registry being right did not come within 5s"})
		if r.rec.Result != c.want {
			t.Errorf("%s %v %s, want %s", r.rec.Result, r.rec.Misses, r.rec.Problem, c.want)
		}
	}
}

type memory struct {
	state []byte
	rev   uint64
	lines []json.RawMessage
}

func (m *memory) Load(context.Context, string) ([]byte, uint64, error) { return m.state, m.rev, nil }
func (m *memory) Commit(_ context.Context, _ string, _ uint64, state []byte, lines ...json.RawMessage) (uint64, error) {
	m.state, m.lines = state, append(m.lines, lines...)
	m.rev++
	return m.rev, nil
}

func TestTheLastDrillCounts(t *testing.T) {
	j := &memory{}
	if r, err := Latest(t.Context(), j, "m"); r != nil || err != nil {
		t.Fatalf("%+v %v", r, err)
	}
	for _, result := range []Result{Met, Failed} {
		if err := Keep(t.Context(), j, Record{Kind: "drill", Model: "m", Result: result}); err != nil {
			t.Fatal(err)
		}
	}
	r, err := Latest(t.Context(), j, "m")
	if err != nil || r.Result != Failed || len(j.lines) != 2 || !strings.Contains(string(j.lines[0]), `"kind":"drill"`) {
		t.Errorf("%+v %v %s", r, err, j.lines)
	}
}

func TestPlansOfDrillsAreValid(t *testing.T) {
	for _, in := range Moments() {
		Order{In: in, FalseRollback: 0.01}.plan().Validate(func(path string, value any, wanted string) {
			t.Errorf("%s: %s: %v: wanted %s", in, path, value, wanted)
		})
	}
}

func TestConfigIsChecked(t *testing.T) {
	var c Config
	c.SetDefaults()
	var wrong []string
	report := func(path string, _ any, _ string) { wrong = append(wrong, path) }
	c.Validate(report)
	Config{MaxAge: -1, TrafficOff: -1, Registry: 2 * time.Hour}.Validate(report)
	if got := strings.Join(wrong, " "); got != "max_age traffic_off registry" {
		t.Errorf("refused: %s", got)
	}
}
