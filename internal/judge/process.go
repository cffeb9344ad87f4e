package judge

import (
	"math"
	"time"

	"github.com/headgate/headgate/internal/judge/sequential"
)

const (
	alternatives = 10
	slotLength   = time.Minute // a part of the mass starts anew this often
	minSpan      = 24 * time.Hour
	maxE         = 1e300
)

// failRatios are the excess ratios 1 + 0.3·2^j that the fail process bets on.
var failRatios = func() []float64 {
	r := make([]float64, alternatives)
	for j := range r {
		r[j] = 1 + 0.3*math.Ldexp(1, j)
	}
	return r
}()

// lessRatios are the alternatives below the limit: of a candidate that fails
// less often than it may, or is clicked less often.
var lessRatios = []float64{.95, .9, .8, .6, .4, .2, .05}

// moreRatios are those above a limit that is a share of the baseline's own: a
// candidate that is clicked as often as the baseline is a little above it.
var moreRatios = []float64{1.02, 1.05, 1.1, 1.2, 1.5, 2, 4}

// nearRatios are those below a limit on the opposite of what is asked for, where
// the limit goes with the baseline or with another group: an equal candidate is
// close below it. Below a number (agreement >= 95%, so at most 5% that disagree)
// a good one is far below, as it is below a limit on errors: lessRatios.
var nearRatios = []float64{.99, .98, .95, .9, .8, .6}

// equal stands for the alternative that the candidate is as the baseline's past
// was: the one that a limit with a margin is written for. The ratio to the limit
// follows from the past.
const equal = 0

// equalMass is the part of a pass process that bets on it.
const equalMass = 0.4

// passRatios are the alternatives toward advancing: those of the direction, and,
// beside the baseline, that of an equal candidate before them.
func (t *test) passRatios(s side) []float64 {
	if s == inverse && t.cond.subject.family == events && !t.cond.Baseline && !t.up(s) {
		return lessRatios
	}
	rs := ratios(false, t.up(s), s)
	if t.cond.subject.family == events && t.cond.Baseline {
		return append([]float64{equal}, rs...)
	}
	return rs
}

// ratios that a process bets on.
func ratios(worse, up bool, s side) []float64 {
	switch {
	case !up && s == inverse && !worse:
		return nearRatios
	case !up:
		return lessRatios
	case worse:
		return failRatios
	}
	return moreRatios
}

// failProcess is the e-process toward rolling back: a mixture over the
// alternatives, half of its mass started at once, the rest spread over later
// starts, so that a regression that begins late is found as well. All in
// logarithms. Exported fields are its state.
type failProcess struct {
	Started   []float64 // ln S_j
	Restarted []float64 // ln Q_j
	Left      float64   // mass not started yet
	Slot      int       // restart slots used
}

// restarts are the weights w_k = ½/(k·H_K) of K restart slots.
type restarts struct {
	slots    int
	harmonic float64
}

func newRestarts(planned time.Duration) restarts {
	r := restarts{slots: int(max(planned, minSpan) / slotLength)}
	for k := r.slots; k >= 1; k-- {
		r.harmonic += 1 / float64(k)
	}
	return r
}

// newFailProcess bets on n alternatives.
func newFailProcess(n int) failProcess {
	p := failProcess{Left: 0.5, Started: make([]float64, n), Restarted: make([]float64, n)}
	for j := range n {
		p.Started[j] = math.Log(0.5 / float64(n))
		p.Restarted[j] = math.Inf(-1)
	}
	return p
}

// restart starts the parts of the mass that are due at served time now.
func (p *failProcess) restart(r restarts, now time.Duration) {
	for p.Slot < r.slots && time.Duration(p.Slot+1)*slotLength <= now {
		p.Slot++
		w := 0.5 / (float64(p.Slot) * r.harmonic)
		p.Left = max(0, p.Left-w)
		for j := range p.Restarted {
			p.Restarted[j] = sequential.LogAdd(p.Restarted[j], math.Log(w/float64(len(p.Restarted))))
		}
	}
}

func (p *failProcess) add(n null, t tally, past float64, ratios []float64) {
	if t.nc == 0 {
		return
	}
	for j, r := range ratios {
		ln := n.logE(t, r, past)
		p.Started[j] += ln
		p.Restarted[j] += ln
	}
}

// logE is ln E.
func (p *failProcess) logE() float64 {
	ln := math.Log(p.Left)
	for j := range p.Started {
		ln = sequential.LogAdd(ln, sequential.LogAdd(p.Started[j], p.Restarted[j]))
	}
	return ln
}

// passProcess is the e-process toward advancing, of one step: all mass at the
// start.
type passProcess struct {
	Parts []float64 // ln, weights included
	Best  float64   // the largest ln E so far: Ville's inequality is about it
}

// newPassProcess bets on the ratios, all alike but for equal.
func newPassProcess(ratios []float64) passProcess {
	p := passProcess{Parts: make([]float64, len(ratios))}
	rest, others := 1.0, float64(len(ratios))
	if ratios[0] == equal {
		rest, others = 1-equalMass, others-1
	}
	for j, r := range ratios {
		p.Parts[j] = math.Log(rest / others)
		if r == equal {
			p.Parts[j] = math.Log(equalMass)
		}
	}
	return p
}

func (p *passProcess) add(n null, t tally, past float64, ratios []float64) {
	if t.nc == 0 {
		return
	}
	ln := math.Inf(-1)
	for j, r := range ratios {
		p.Parts[j] += n.logE(t, r, past)
		ln = sequential.LogAdd(ln, p.Parts[j])
	}
	p.Best = max(p.Best, ln)
}

// shown turns ln E into an E that JSON can carry.
func shown(ln float64) float64 {
	limit := math.Log(maxE)
	return math.Exp(min(max(ln, -limit), limit))
}
