package app

import (
	"math"

	"github.com/headgate/headgate/internal/admin"
	"github.com/headgate/headgate/internal/kpi"
	"github.com/headgate/headgate/shadow"
)

// mirrorLayout has the bins that mirrors count latencies by; those of a
// rollout's gates go to its recorder.
var mirrorLayout = kpi.NewLayout()

// Shadow is what the mirror of a model's route has compared.
func (a *App) Shadow(name string, limit int) (admin.ShadowReport, error) {
	v, err := a.View(name)
	if err != nil {
		return admin.ShadowReport{}, err
	}
	out := admin.ShadowReport{Model: name, Rollout: v.ID}
	m := a.proxy.Shadow(name)
	if m == nil { // nobody has asked for a copy yet
		return out, nil
	}
	out.Snapshot = m.Snapshot()
	out.Mirroring = out.Share > 0
	if c := out.Compared; c.Pairs > 0 {
		share := float64(c.Agreed) / float64(c.Pairs)
		out.Agreement = &share
	}
	out.LatencyDifference = latencyDifference(out.Compared.Faster, out.Compared.Slower)
	if s := out.Compared.Scores; s != nil {
		out.ScoreDifference = scoreDifference(s)
	}
	pairs := m.Diffs()
	out.Pairs = pairs[:min(len(pairs), limit)]
	return out, nil
}

// latencyDifference takes the quantiles of both directions together; nil
// without pairs.
func latencyDifference(faster, slower kpi.Latency) *admin.LatencyDifference {
	d := &admin.LatencyDifference{}
	for _, b := range append(append(kpi.Latency(nil), faster...), slower...) {
		d.N += b.Count
	}
	if d.N == 0 {
		return nil
	}
	for _, q := range []struct {
		at   float64
		into *float64
	}{{.05, &d.P05}, {.25, &d.P25}, {.50, &d.P50}, {.75, &d.P75}, {.95, &d.P95}, {.99, &d.P99}} {
		*q.into = differenceAt(faster, slower, uint64(math.Ceil(q.at*float64(d.N))))
	}
	return d
}

// differenceAt is the difference of that rank, in seconds: those that were
// sooner first, beginning with the soonest.
func differenceAt(faster, slower kpi.Latency, rank uint64) float64 {
	var seen uint64
	for i := len(faster) - 1; i >= 0; i-- {
		if seen += faster[i].Count; seen >= rank {
			return -edge(faster[i].Index)
		}
	}
	for _, b := range slower {
		if seen += b.Count; seen >= rank {
			return edge(b.Index)
		}
	}
	return 0
}

// edge is the upper edge of a bin in seconds; of the open one the lower.
func edge(bin int) float64 {
	if d, ok := mirrorLayout.Edge(bin); ok {
		return d.Seconds()
	}
	d, _ := mirrorLayout.Edge(mirrorLayout.Bins() - 2)
	return d.Seconds()
}

// scoreDifference gives the bins of the differences their edges: the scale goes
// from the width of the scores below zero to as much above.
func scoreDifference(s *shadow.Scores) []admin.Bucket {
	width := s.Scale.Max - s.Scale.Min
	scale := kpi.Scale{Min: -width, Max: width}
	out := []admin.Bucket{}
	for _, b := range s.Difference {
		out = append(out, admin.Bucket{From: scale.Low(b.Index), To: scale.Low(b.Index + 1), Count: b.Count})
	}
	return out
}
