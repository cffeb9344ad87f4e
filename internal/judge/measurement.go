package judge

import (
	"fmt"
	"math"
	"strings"

	"github.com/headgate/headgate/internal/judge/sequential"
	"github.com/headgate/headgate/internal/kpi"
)

// brokenAlpha is the chance that a sound measurement is called broken, for each
// of the two checks, over a whole rollout. It only pauses.
const brokenAlpha = 0.001

// measurementState watches the measurement itself: whether users are split as
// configured, and whether labels come for one arm as they do for the other.
// Where they do not, no comparison of the arms means what it says.
type measurementState struct {
	Ratio   sequential.SampleRatio
	Labels  sequential.Proportions
	Drawn   [2]uint64
	Missing [2]reading
	Broken  string // latched: what is broken; "" = nothing
}

func (j *Judge) watchMeasurement() {
	m, in := &j.state.Measurement, &j.now
	if b, c := in.Baseline.Measures[kpi.MeasureDrawn].N, in.Candidate.Measures[kpi.MeasureDrawn].N; !in.Diverted && b+c > 0 {
		m.Ratio.Add(float64(c), float64(b), in.Weight)
		m.Drawn[kpi.Baseline] += b
		m.Drawn[kpi.Candidate] += c
	}
	b, c := in.fresh[kpi.Baseline].get(missingLabels), in.fresh[kpi.Candidate].get(missingLabels)
	m.Labels.Add(float64(c.K), float64(c.N), float64(b.K), float64(b.N))
	for arm, r := range [2]*reading{b, c} {
		m.Missing[arm].N += r.N
		m.Missing[arm].K += r.K
	}
	if m.Broken == "" {
		m.Broken = m.find(in.Weight)
	}
}

const missingLabels = kpi.MeasureMissing + kpi.Label

// find says what is broken.
func (m *measurementState) find(weight float64) string {
	limit := -math.Log(brokenAlpha)
	var out []string
	if ln := m.Ratio.LnE(); ln >= limit {
		share := float64(m.Drawn[kpi.Candidate]) / float64(m.Drawn[kpi.Candidate]+m.Drawn[kpi.Baseline])
		out = append(out, fmt.Sprintf("users are not split as configured: %s%% of %d drew the candidate, %s%% were to (evidence %s of %s)",
			percentText(roundTo(share, 4)), m.Drawn[kpi.Candidate]+m.Drawn[kpi.Baseline], percentText(roundTo(weight, 4)), short(shown(ln)), short(1/brokenAlpha)))
	}
	if ln := m.Labels.LnE(); ln >= limit {
		part := func(r reading) string {
			return fmt.Sprintf("%s%% of %d", percentText(roundTo(float64(r.K)/float64(max(1, r.N)), 4)), r.N)
		}
		out = append(out, fmt.Sprintf("labels go missing unevenly: %s on the candidate, %s on the baseline (evidence %s of %s)",
			part(m.Missing[kpi.Candidate]), part(m.Missing[kpi.Baseline]), short(shown(ln)), short(1/brokenAlpha)))
	}
	return strings.Join(out, "; ")
}
