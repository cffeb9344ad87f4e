package kpi

import (
	"math"
	"time"
)

// Facts is what the payloads of one counted request told. It is made off the
// request's path.
type Facts struct {
	// ID is a hash of X-Request-Id, the key that outcomes are joined by; 0 = none.
	ID uint64
	// Rows are the predictions of the answer, in order.
	Rows []Row
	// Inputs are the features named in Config.Inputs, in their order, one value a
	// row of the request; NaN is one that was not there.
	Inputs [][]float64
	// Checked: the request was held against the data contract; Invalid: it broke it.
	Checked, Invalid bool
	// FirstToken and Tokens are those of a stream. FirstToken is 0 when it brought
	// none, Tokens NaN when it brought too few to tell.
	Stream     bool
	FirstToken time.Duration
	Tokens     float64 // per second, after the first
}

// Row is one prediction.
type Row struct {
	// Score is what the model thinks of the positive class (or the value it
	// predicts); NaN where the answer holds none.
	Score float64
	// Group is the user's group, for fairness; "" = none.
	Group string
}

// maxGroups bounds the groups of one rollout; further ones count as "other".
const maxGroups = 16

// Observe counts the facts of a request that Record has counted on the arm.
func (r *Recorder) Observe(arm int, f Facts) {
	r.meter.observe(r, arm, f)
	if r.ledger != nil {
		r.await(arm, 0, f)
	}
}

// observe counts all of it under one lock.
func (m *Meter) observe(r *Recorder, arm int, f Facts) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.paused {
		return
	}
	t := &m.tally
	if f.Checked {
		t.count(arm, MeasureInvalid, 1, one(f.Invalid))
	}
	scale, favourable := r.config.scale(), r.config.favourable()
	for _, row := range f.Rows {
		if bin, ok := scale.Bin(row.Score); ok {
			t.bin(arm, MeasureScore, bin)
			if row.Group != "" {
				t.count(arm, m.group(row.Group).measure, 1, one(row.Score >= favourable))
			}
		}
	}
	for _, values := range f.Inputs {
		for i, v := range values[:min(len(values), len(r.inputs))] {
			if bin, ok := r.config.Inputs[i].Bin(v); ok {
				t.bin(arm, r.inputs[i], bin)
			}
		}
	}
	if f.Stream {
		t.stream(arm, f, r.layout)
	}
}

func (t *tally) stream(arm int, f Facts, l *Layout) {
	began := f.FirstToken > 0
	t.count(arm, MeasureFirstToken, 1, one(!began))
	if !began {
		t.count(arm, MeasureTokens, 1, 1)
		return
	}
	t.bin(arm, MeasureFirstToken, l.Bin(f.FirstToken))
	if bin, ok := TokenScale().Bin(f.Tokens); ok && !math.IsInf(f.Tokens, 0) {
		t.count(arm, MeasureTokens, 1, 0)
		t.bin(arm, MeasureTokens, bin)
	}
}

// await lets the request wait for its outcomes.
func (r *Recorder) await(arm int, about flags, f Facts) {
	var buffer [maxRows]kept
	rows := buffer[:0]
	if r.ledger.rows.most > 0 {
		scale, favourable := r.config.scale(), r.config.favourable()
		for _, row := range f.Rows[:min(len(f.Rows), maxRows)] {
			rows = append(rows, r.keep(row, scale, favourable))
		}
	}
	r.ledger.observe(arm, about, f.ID, rows)
}

func (r *Recorder) keep(row Row, scale Scale, favourable float64) kept {
	k := kept{score: float32(row.Score)}
	bin, ok := scale.Bin(row.Score)
	if !ok {
		return k
	}
	k.bin, k.about = uint8(bin), scored
	if row.Score >= favourable {
		k.about |= favourableRow
	}
	if row.Group != "" {
		k.about |= r.ledger.group(r.meter.groupName(row.Group))
	}
	return k
}

func one(on bool) uint64 {
	if on {
		return 1
	}
	return 0
}
