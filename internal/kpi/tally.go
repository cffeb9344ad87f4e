package kpi

// tally gathers measures of both arms. It has no lock of its own.
type tally struct {
	open    [arms]Measures
	pending [arms]map[string]map[int]uint64 // bins of the open measures
}

func newTally() tally {
	var t tally
	for arm := range t.open {
		t.open[arm] = Measures{}
		t.pending[arm] = map[string]map[int]uint64{}
	}
	return t
}

func (t *tally) count(arm int, name string, n, k uint64) {
	x := t.open[arm][name]
	x.N += n
	x.K += k
	t.open[arm][name] = x
}

func (t *tally) value(arm int, name string, v float64) {
	x := t.open[arm][name]
	x.N++
	x.Sum += v
	x.Square += v * v
	t.open[arm][name] = x
}

func (t *tally) bin(arm int, name string, bin int) {
	bins := t.pending[arm][name]
	if bins == nil {
		bins = map[int]uint64{}
		t.pending[arm][name] = bins
	}
	bins[bin]++
}

// measures are all that was gathered; the tally is not used after it.
func (t *tally) measures() [arms]Measures {
	for arm, named := range t.pending {
		for name, bins := range named {
			x := t.open[arm][name]
			x.Bins = x.Bins.merge(sparse(bins))
			t.open[arm][name] = x
		}
	}
	return t.open
}
