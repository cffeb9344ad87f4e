package kpi

// A mirrored request has two entries in the ledger: one of the live answer, and
// one of the shadow's, under a key of its own. A label is the truth about the
// request and is held against both predictions. A click, a conversion or a value
// is what the user did with the answer that came, and belongs to the live one
// alone.

// Mirror says whether copies of requests go to the candidate. While they do not,
// ObserveShadow counts nothing: an answer that comes late must not pass for one
// that a user got. From any goroutine.
func (r *Recorder) Mirror(on bool) {
	r.mirrors.Store(on)
	if r.ledger != nil {
		r.ledger.mirror(on)
	}
}

// ObserveShadow counts the facts of the candidate's answer to the copy of a
// request that Record has counted on the baseline.
func (r *Recorder) ObserveShadow(f Facts) {
	if !r.mirrors.Load() || r.paused.Load() {
		return
	}
	r.meter.observe(r, Candidate, f)
	if r.ledger != nil && f.ID != 0 {
		f.ID = shadowKey(f.ID)
		r.await(Candidate, mirrored, f)
	}
}

// Counts says whether Record would take the sample as evidence now.
func (r *Recorder) Counts(arm int, s Sample) bool {
	return !r.paused.Load() && !(s.Sticky && r.keys[arm].has(s.Key))
}

// shadowKey is where the shadow's answer to a request is found.
func shadowKey(id uint64) uint64 { return max(id^0xD6E8FEB86659FD93, 1) }

func (l *ledger) mirror(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mirroring = on
}

// labelShadow holds the label of a request against the shadow's prediction too.
// When its answer is not there yet, the label waits for it.
func (l *ledger) labelShadow(o Outcome) {
	o.ID, o.shadow = shadowKey(o.ID), true
	if at, ok := l.index.find(l.ring, o.ID); ok {
		l.label(&l.ring[at], o)
	} else if l.mirroring {
		l.early.push(o, l.clock(), l.expired)
	}
}

// has says whether the key was added before.
func (k *keySet) has(key uint64) bool {
	hash := spread(key)
	print := max(uint32(hash>>32), freeSlot+1)
	for i := range k.ladder {
		r := &k.ladder[i]
		table := k.tables[r.table].Load()
		if table == nil {
			return false
		}
		slots := r.bucket(*table, hash)
		for j := range slots {
			switch slots[j].Load() {
			case freeSlot:
				return false
			case print:
				return true
			}
		}
	}
	return false
}
