package judge

import (
	"math"
	"time"
)

const (
	alternatives = 10
	slotLength   = time.Minute // a part of the mass starts anew this often
	minSpan      = 24 * time.Hour
	maxE         = 1e300
)

// failRatios are the excess ratios 1 + 0.3·2^j that the fail process bets on.
var failRatios = func() (r [alternatives]float64) {
	for j := range r {
		r[j] = 1 + 0.3*math.Ldexp(1, j)
	}
	return r
}()

// passRatios are the alternatives of the pass process.
var passRatios = [...]float64{.95, .9, .8, .6, .4, .2, .05}

// failProcess is the e-process toward rolling back: a mixture over the
// alternatives, half of its mass started at once, the rest spread over later
// starts, so that a regression that begins late is found as well. All in
// logarithms. Exported fields are its state.
type failProcess struct {
	Started   [alternatives]float64 // ln S_j
	Restarted [alternatives]float64 // ln Q_j
	Left      float64               // mass not started yet
	Slot      int                   // restart slots used
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

func newFailProcess() failProcess {
	p := failProcess{Left: 0.5}
	for j := range alternatives {
		p.Started[j] = math.Log(0.5 / alternatives)
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
			p.Restarted[j] = logAdd(p.Restarted[j], math.Log(w/alternatives))
		}
	}
}

func (p *failProcess) add(n null, t tally, past float64) {
	if t.nc == 0 {
		return
	}
	for j, r := range failRatios {
		ln := n.logE(t, r, past)
		p.Started[j] += ln
		p.Restarted[j] += ln
	}
}

// logE is ln E.
func (p *failProcess) logE() float64 {
	ln := math.Log(p.Left)
	for j := range alternatives {
		ln = logAdd(ln, logAdd(p.Started[j], p.Restarted[j]))
	}
	return ln
}

// passProcess is the e-process toward advancing, of one step: all mass at the
// start.
type passProcess struct {
	Parts [len(passRatios)]float64 // ln, weights included
	Best  float64                  // the largest ln E so far: Ville's inequality is about it
}

func newPassProcess() passProcess {
	var p passProcess
	for j := range p.Parts {
		p.Parts[j] = -math.Log(float64(len(p.Parts)))
	}
	return p
}

func (p *passProcess) add(n null, t tally, past float64) {
	if t.nc == 0 {
		return
	}
	ln := math.Inf(-1)
	for j, r := range passRatios {
		p.Parts[j] += n.logE(t, r, past)
		ln = logAdd(ln, p.Parts[j])
	}
	p.Best = max(p.Best, ln)
}

// logAdd is ln(e^a + e^b) without leaving the range of floats.
func logAdd(a, b float64) float64 {
	if a < b {
		a, b = b, a
	}
	if math.IsInf(a, -1) || b-a < -45 {
		return a
	}
	return a + math.Log1p(math.Exp(b-a))
}

// shown turns ln E into an E that JSON can carry.
func shown(ln float64) float64 {
	limit := math.Log(maxE)
	return math.Exp(min(max(ln, -limit), limit))
}
