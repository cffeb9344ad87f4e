package main

import (
	"bytes"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"go.uber.org/goleak"

	seq "github.com/headgate/headgate/internal/judge/sequential"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The limits lie on the boundary: the statistics find them in large samples.
func TestTruthIsWhatTheStatisticsFind(t *testing.T) {
	const n = 2_000_000
	r := rand.New(rand.NewPCG(1, 1))
	near := func(name string, got, want float64) {
		if math.Abs(got-want) > .003 {
			t.Errorf("%s: found %v, true %v", name, got, want)
		}
	}
	s, h := overconfident(), fresh()
	s.draw(r, h, n)
	near("AUC", seq.NewAUC(h[1], h[0]).Value, trueAUC(s))
	near("calibration", seq.Calibration(h[1], h[0]).Value, trueCalibration(s))
	near("AUC asked for", trueAUC(shifted(.2, .8)), .8)

	c, hc, hb := tilted(.2, truePSI), make([]float64, 10), make([]float64, 10)
	fill(newAlias(c), r, hc, n)
	fill(newAlias(even), r, hb, n)
	value, _ := seq.PSI(hc, hb)
	near("PSI", value, .2)
	near("KS", seq.KS(hc, hb), trueKS(c, even))

	var m seq.Moments
	for range n {
		m.Add(sale(r))
	}
	if v := m.Value(); math.Abs(v-1) > .04 {
		t.Errorf("sale: found %v, true 1", v)
	}
}

func TestSameSeedSameTable(t *testing.T) {
	table := func() (string, int) {
		var out bytes.Buffer
		missed, err := command(&out, []string{"-runs", "20", "-only", "split 15 %"})
		if err != nil {
			t.Fatal(err)
		}
		return out.String(), missed
	}
	a, missed := table()
	if b, _ := table(); a != b || missed != 0 {
		t.Errorf("%d missed\n%s\n%s", missed, a, b)
	}
	if !strings.Contains(a, "split 15 %") {
		t.Errorf("no row:\n%s", a)
	}
}

// A world off its boundary is caught: the bars can fail.
func TestAlarmsAreCounted(t *testing.T) {
	var out bytes.Buffer
	p := &printer{out: &out}
	off := world{name: "off", sides: "above", perLook: perLook, start: meanAbsolute(exponential(1.5), 1)}
	if missed := p.boundary([]world{off}, 20, 1, ""); missed != 2 || strings.Count(out.String(), "**missed**") != 2 {
		t.Errorf("%d missed:\n%s", missed, out.String())
	}
}

func TestClopperPearson(t *testing.T) {
	for _, c := range []struct {
		hits, n int
		want    float64
	}{{0, 59, .0495}, {20, 1000, .0289}, {5, 5, 1}} {
		if got := clopperPearson(c.hits, c.n); math.Abs(got-c.want) > 5e-4 {
			t.Errorf("%d of %d: %v, want %v", c.hits, c.n, got, c.want)
		}
	}
}
