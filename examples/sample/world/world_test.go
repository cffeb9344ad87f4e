package world

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

const drawn = 100_000

type scored struct {
	score float64
	label int
	group string
}

func try(m Model) []scored {
	r := rand.New(rand.NewPCG(1, 2))
	out := make([]scored, drawn)
	for i := range out {
		u := Draw(r)
		out[i] = scored{m.Score(u.Row[:], u.Group, r), Label(u.Row[:], r.Float64()), u.Group}
	}
	return out
}

// auc is the share of pairs of a 1 and a 0 in which the 1 has the higher score.
func auc(all []scored) float64 {
	slices.SortFunc(all, func(a, b scored) int { return cmp.Compare(a.score, b.score) })
	below, pairs, ones := 0.0, 0.0, 0.0
	for _, s := range all {
		if s.label == 0 {
			below++
		} else {
			pairs += below
			ones++
		}
	}
	return pairs / (ones * below)
}

// parity is the ratio of favourable answers, b to a.
func parity(all []scored) float64 {
	n, favourable := map[string]float64{}, map[string]float64{}
	for _, s := range all {
		n[s.group]++
		if s.score >= 0.5 {
			favourable[s.group]++
		}
	}
	return favourable["b"] / n["b"] / (favourable["a"] / n["a"])
}

// psi over ten even bins of the score.
func psi(a, b []scored) float64 {
	share := func(all []scored) (out [10]float64) {
		for _, s := range all {
			out[min(int(s.score*10), 9)] += 1.0 / drawn
		}
		return out
	}
	p, q, sum := share(a), share(b), 0.0
	for i := range p {
		sum += (p[i] - q[i]) * math.Log(p[i]/q[i])
	}
	return sum
}

// Each fault has its size, and leaves the other measures nearly alone.
func TestFaults(t *testing.T) {
	good := try(Model{})
	t.Logf("a good model: AUC %.3f, parity %.3f", auc(slices.Clone(good)), parity(good))
	tests := []struct {
		name             string
		model            Model
		auc, parity, psi float64 // lost of the AUC, ratio, PSI
	}{
		{"none", Model{}, 0, 1, 0},
		{"noise", Model{Noise: NoiseTenth}, 0.1, 1, 0},
		{"drift", Model{Drift: DriftHalf}, 0, 1, 0.5},
		{"unfair", Model{Unfair: UnfairSixTenths}, 0.02, 0.6, 0.1},
	}
	for _, tt := range tests {
		got := try(tt.model)
		lost := auc(slices.Clone(good)) - auc(slices.Clone(got))
		t.Logf("%s: AUC −%.3f, parity %.3f, PSI %.3f", tt.name, lost, parity(got), psi(good, got))
		if math.Abs(lost-tt.auc) > 0.015 || math.Abs(parity(got)-tt.parity) > 0.02 || math.Abs(psi(good, got)-tt.psi) > 0.06 {
			t.Errorf("%s: AUC −%.3f, parity %.3f, PSI %.3f; want −%.2f, %.2f, %.2f", tt.name, lost, parity(got), psi(good, got), tt.auc, tt.parity, tt.psi)
		}
	}
}

func TestLabelsFollowTheProbability(t *testing.T) {
	row := []float64{1, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	p := Probability(row)
	if p <= 0.5 || p >= 1 || Label(row, p-1e-9) != 1 || Label(row, p+1e-9) != 0 || Probability(make([]float64, Features)) != 0.5 {
		t.Errorf("probability %v", p)
	}
	if short := Probability([]float64{1}); short != p {
		t.Errorf("a short row has %v, want %v", short, p)
	}
}
