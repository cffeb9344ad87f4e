package replay

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"

	"github.com/headgate/headgate/internal/judge"
	"github.com/headgate/headgate/internal/kpi"
	"github.com/headgate/headgate/internal/rollout"
)

func sample(t testing.TB, strata int) []byte {
	t.Helper()
	s := rollout.State{Model: "m", ID: "r", Baseline: "1", Candidate: "2", StartedAt: time.Unix(0, 0).UTC(), Phase: rollout.Progressing}
	s.Policy.Gates = []judge.GateConfig{{Name: "p95", Require: "latency_p95 <= 123ms"}}
	s.Policy.SetDefaults()
	var out bytes.Buffer
	w, err := NewWriter(&out, NewHeader(s))
	if err == nil {
		err = w.Record(Line{Seq: 7, Time: time.Unix(1, 0).UTC(), Body: json.RawMessage(`{"model":"m","rollout":"r","kind":"start"}`)})
	}
	for i := 0; i < strata && err == nil; i++ {
		err = w.Stratum(rollout.RecordedStratum{Begin: i == 0, Stratum: kpi.Stratum{Seq: uint64(i + 1), To: time.Duration(i+1) * time.Second}})
	}
	if err == nil {
		err = w.End()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// read goes to the end, as Run does.
func read(data io.Reader) (strata int, err error) {
	in, err := NewReader(data)
	for err == nil {
		if _, err = in.Stratum(); err == nil {
			strata++
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return strata, err
}

func TestReaderGivesBackWhatWasWritten(t *testing.T) {
	data := sample(t, 3)
	in, err := NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if in.Header.Model != "m" || in.Header.ID != "r" || len(in.Records) != 1 || in.Records[0].Seq != 7 {
		t.Errorf("%+v, %d records", in.Header, len(in.Records))
	}
	if edges := in.Header.edges(); !slices.Contains(edges, 123*time.Millisecond) || !slices.IsSorted(edges) {
		t.Error("the edges are not those of the layout")
	}
	if strings.Contains(string(data), "salt") {
		t.Error("a recording holds the salt")
	}
	if n, err := read(bytes.NewReader(data)); n != 3 || err != nil {
		t.Errorf("%d strata, %v", n, err)
	}
}

func TestEveryChangeOfARecordingIsNoticed(t *testing.T) {
	data := sample(t, 4)
	r := rand.New(rand.NewPCG(1, 1))
	for i := range data {
		bent := slices.Clone(data)
		bent[i] ^= byte(1 << r.IntN(8))
		if _, err := read(bytes.NewReader(bent)); err == nil {
			t.Errorf("byte %d changed from %q to %q: unnoticed", i, data[i], bent[i])
		}
		if i == len(data)-1 {
			continue // the last line end alone
		}
		if _, err := read(bytes.NewReader(data[:i])); err == nil {
			t.Errorf("cut at %d: unnoticed", i)
		}
	}
	lines := bytes.SplitAfter(data, []byte("\n"))
	swapped := slices.Concat(lines[0], lines[1], lines[3], lines[2], lines[4], lines[5], lines[6])
	for name, bad := range map[string][]byte{
		"lines swapped": swapped, "twice": slices.Concat(data, data), "something behind": append(slices.Clone(data), "{}\n"...),
		"nothing": nil, "another file": []byte("hello\n"),
		"a newer format": bytes.Replace(data, []byte(`"format":1`), []byte(`"format":9`), 1),
	} {
		if _, err := read(bytes.NewReader(bad)); err == nil {
			t.Errorf("%s: unnoticed", name)
		}
	}
	broken := errors.New("connection reset")
	_, err := read(io.MultiReader(bytes.NewReader(data[:len(data)/2]), iotest.ErrReader(broken)))
	var named *DamagedError
	if !errors.Is(err, broken) || !errors.As(err, &named) {
		t.Errorf("a connection that breaks: %v", err)
	}
}

func TestIncompleteRecordingsAreNotReplayed(t *testing.T) {
	in, err := NewReader(bytes.NewReader(sample(t, 6)))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w, err := NewWriter(&out, in.Header)
	if err != nil {
		t.Fatal(err)
	}
	for s, err := in.Stratum(); err == nil; s, err = in.Stratum() {
		if s.Stratum.Seq > 2 {
			if err := w.Stratum(s); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.End(); err != nil {
		t.Fatal(err)
	}
	cut, err := NewReader(&out)
	if err != nil {
		t.Fatal(err)
	}
	var gap *IncompleteError
	if _, err := Run(cut, cut.Header.Policy); !errors.As(err, &gap) || gap.From != 1 || gap.To != 2 {
		t.Errorf("%v", err)
	}
}

// Whatever layouts are drawn: every threshold that was an edge of the record
// counts exactly what it counted, every other what its nearest edge did.
func TestRefitKeepsEveryRecordedEdge(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		draw := func(name string) []time.Duration {
			var out []time.Duration
			for i := range rapid.IntRange(0, 6).Draw(rt, name) {
				out = append(out, time.Duration(rapid.Int64Range(1, int64(90*time.Second)).Draw(rt, fmt.Sprint(name, i))))
			}
			return out
		}
		was, now := draw("recorded"), draw("wanted")
		from, to := kpi.NewLayout(was...), kpi.NewLayout(slices.Concat(was, now)...)
		header := Header{}
		var last time.Duration
		for i := range from.Bins() - 1 {
			edge, _ := from.Edge(i)
			header.Edges, last = append(header.Edges, edge-last), edge
		}
		edges := header.edges()
		fit := newRefit(edges, to)
		c := kpi.Counts{Requests: 3, Failures: 3}
		for i := range from.Bins() {
			c.Requests++
			c.Latency = append(c.Latency, kpi.Bin{Index: i, Count: 1})
		}
		moved := fit.counts(c)
		for i := range to.Bins() - 1 {
			t, _ := to.Edge(i)
			near, ok := from.EdgeIndex(nearest(edges, t))
			if !ok {
				rt.Fatalf("%v has no nearest edge", t)
			}
			if t < edges[0] {
				continue // below the grid
			}
			got, tie := moved.Over(i), false
			for _, other := range []int{near - 1, near + 1} { // in the middle of a bin both its edges are as near
				if other >= 0 && other < len(edges) && ((edges[other]-t).Abs()-(edges[near]-t).Abs()) <= 1 {
					tie = tie || got == c.Over(other)
				}
			}
			if got != c.Over(near) && !tie {
				rt.Fatalf("over %v: %d, the nearest edge %v counted %d", t, got, edges[near], c.Over(near))
			}
			if _, exact := from.EdgeIndex(t); exact {
				if index, _ := from.EdgeIndex(t); moved.Over(i) != c.Over(index) {
					rt.Fatalf("%v was an edge and is not exact", t)
				}
			}
		}
	})
}
