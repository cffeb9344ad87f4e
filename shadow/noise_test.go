package shadow

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/headgate/headgate/internal/kpi"
)

var layout = kpi.NewLayout()

func defaulted() Config {
	var c Config
	c.SetDefaults()
	return c
}

// model is a noisy model server: its answer to the same request differs from
// time to time.
type model func(r *rand.Rand) string

// run lets a candidate be compared with a baseline whose noise is learnt from a
// tenth of the requests, and returns the tally.
func run(t *testing.T, baseline, candidate model) *tally {
	t.Helper()
	c := Config{Noise: &Noise{Methods: []string{"POST"}, Paths: []string{"/predict"}, Learn: 100}}
	c.SetDefaults()
	by := comparerFor(t, c)
	tally := newTally(c, layout)
	random := rand.New(rand.NewPCG(1, 2))
	reading := func(m model) *reading {
		r := read(200, jsonType, "", []byte(m(random)), false, 1<<20)
		return &r
	}
	for i := range 8000 {
		live := reading(baseline)
		shadow := reading(candidate)
		f := by.pair(live, shadow)
		tally.judge(by, f, predictions{}, true, 0)
		if i%10 == 0 {
			by.pair(live, reading(baseline))
			tally.learn(by.places, predictions{})
		}
	}
	return tally
}

// disagreement is the share of the pairs that say something.
func (t *tally) disagreement() float64 {
	said := t.outcomes[pairAgreed] + t.outcomes[pairNoise] + t.outcomes[pairDisagreed]
	return float64(t.outcomes[pairDisagreed]) / float64(said)
}

// Differences count only beyond what the baseline differs from itself.
func TestNoiseIsNotHeldAgainstTheCandidate(t *testing.T) {
	scores := func(sigma float64) model {
		return func(r *rand.Rand) string {
			return fmt.Sprintf(`{"scores":[%g,%g],"label":1}`, 0.5+sigma*r.NormFloat64(), 0.001+sigma*r.NormFloat64())
		}
	}
	flips := func(rate float64) model {
		return func(r *rand.Rand) string {
			if r.Float64() < rate {
				return `{"label":1}`
			}
			return `{"label":0}`
		}
	}
	planted := func(m model, rate float64) model {
		return func(r *rand.Rand) string {
			if r.Float64() < rate {
				return `{"scores":[0.9,0.001],"label":0}`
			}
			return m(r)
		}
	}
	stamped := func(r *rand.Rand) string {
		return fmt.Sprintf(`{"time":"t%d","id":%d,"label":1}`, r.Uint64(), r.IntN(1e9))
	}
	for _, c := range []struct {
		name                string
		baseline, candidate model
		least, most         float64
	}{
		{"equal, no noise", scores(0), scores(0), 0, 0},
		{"float noise within the tolerance", scores(1e-12), scores(1e-12), 0, 0},
		{"float noise of both", scores(1e-4), scores(1e-4), 0, 0},
		{"times and ids", stamped, stamped, 0, 0},
		{"3 % planted, no noise", scores(0), planted(scores(0), .03), .025, .035},
		{"3 % planted in float noise", scores(1e-4), planted(scores(1e-4), .03), .025, .035},
		{"3 % planted among times and ids", stamped, func(r *rand.Rand) string {
			if r.Float64() < .03 {
				return fmt.Sprintf(`{"time":"t%d","id":%d,"label":0}`, r.Uint64(), r.IntN(1e9))
			}
			return stamped(r)
		}, .025, .035},
		{"noise of the candidate alone", scores(0), scores(1e-3), .99, 1},
		{"ten times the noise", scores(1e-4), scores(1e-2), .8, 1},
		{"labels that flip in both", flips(.01), flips(.01), 0, .01},
		{"labels that flip more", flips(.01), flips(.06), .03, .062},
		{"everything differs", scores(0), func(*rand.Rand) string { return `{"label":0}` }, 1, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := run(t, c.baseline, c.candidate)
			if d := got.disagreement(); d < c.least || d > c.most {
				t.Errorf("%.4f disagree, want %g to %g; %+v", d, c.least, c.most, got.outcomes)
			}
			// The first 100 repetitions take 991 requests.
			if got.outcomes[pairLearning] < 900 || got.outcomes[pairLearning] > 1000 {
				t.Errorf("%d pairs before the noise was known", got.outcomes[pairLearning])
			}
		})
	}
}

// A candidate that was good for long has no credit for a bad hour.
func TestCreditIsBounded(t *testing.T) {
	n := newNoise(0)
	there := map[string]size{"label": incomparable}
	for i := range 1000 {
		if i%100 == 0 {
			n.observe(there)
		} else {
			n.observe(nil)
		}
	}
	for range 100_000 {
		n.excuses(nil, false)
	}
	excused := 0
	for range 1000 {
		if n.excuses(there, false) {
			excused++
		}
	}
	if excused < maxCredit || excused > maxCredit+20 {
		t.Errorf("%d of 1000 differences in a row are excused", excused)
	}
}

func TestNoisePlacesAreBounded(t *testing.T) {
	n := newNoise(0)
	for i := range 10 * maxNoisePlaces {
		n.observe(map[string]size{fmt.Sprint(i): {1, 1}})
	}
	if len(n.places) != maxNoisePlaces || n.left != 9*maxNoisePlaces {
		t.Errorf("%d places, %d left out", len(n.places), n.left)
	}
}

func TestConfusionIsBounded(t *testing.T) {
	var c confusion
	for i := range 1000 {
		c.add(fmt.Sprint(i), fmt.Sprint(i/2))
	}
	c.add("", "fraction")
	s := c.snapshot()
	total := uint64(0)
	for _, row := range s.Counts {
		for _, n := range row {
			total += n
		}
	}
	if len(s.Classes) != maxClasses+1 || total != 1000 {
		t.Errorf("%d classes, %d counts", len(s.Classes), total)
	}
}
