package kpi

// drain closes the windows that are due and hands the credits of one epoch to
// the meter: the next one that has any, so that none waits for ever.
func (l *ledger) drain(m *Meter) {
	l.mu.Lock()
	l.early.expire(l.clock(), l.expired)
	for k := range kinds {
		l.closeDue(k)
	}
	epoch, ok := l.nextEpoch()
	if !ok {
		l.mu.Unlock()
		return
	}
	credits := l.open[epoch].measures()
	delete(l.open, epoch)
	l.turn = epoch
	served := 0
	if step := l.epochs[epoch]; step != l.step {
		served = 1 + step
	}
	l.mu.Unlock()
	for arm, measures := range credits {
		for name, x := range measures {
			x.Served = served
			m.Add(arm, name, x)
		}
	}
}

// nextEpoch is the first with credits after the one of the last turn.
func (l *ledger) nextEpoch() (int, bool) {
	after, least := -1, -1
	for epoch := range l.open {
		if least < 0 || epoch < least {
			least = epoch
		}
		if epoch > l.turn && (after < 0 || epoch < after) {
			after = epoch
		}
	}
	if after >= 0 {
		return after, true
	}
	return least, least >= 0
}

// closeDue credits every request whose window for the kind has closed.
func (l *ledger) closeDue(k kind) {
	window := l.windows[k]
	if window == 0 {
		return
	}
	var n, yes [arms]uint64
	epoch := -1
	credit := func() {
		for arm := range n {
			if n[arm] > 0 {
				l.tallyOf(uint16(epoch)).count(arm, closedAs[k], n[arm], yes[arm])
			}
		}
		n, yes = [arms]uint64{}, [arms]uint64{}
	}
	for ; l.due[k] < l.next; l.due[k]++ {
		e := &l.ring[l.place(l.due[k])]
		if l.clock()-e.at < window {
			break
		}
		if int(e.epoch) != epoch {
			credit()
			epoch = int(e.epoch)
		}
		l.closed[k]++
		if e.flags&mirrored != 0 && k != kindLabel {
			continue // nobody saw that answer
		}
		n[e.arm()]++
		yes[e.arm()] += one(e.property(k))
	}
	credit()
}

// closedAs are the measures that count requests whose window has closed.
var closedAs = [kinds]string{MeasureClick, MeasureConversion, MeasureMissing + Label, MeasureMissing + Value}

// property is what such a measure asks of a request: that it was clicked, that
// nothing came.
func (e *entry) property(k kind) bool {
	switch k {
	case kindClick:
		return e.flags&clicked != 0
	case kindConversion:
		return e.flags&converted != 0
	case kindLabel:
		return e.flags&labelled == 0
	default:
		return e.flags&valued == 0
	}
}

func (l *ledger) tallyOf(epoch uint16) *tally {
	t := l.open[int(epoch)]
	if t == nil {
		made := newTally()
		t = &made
		l.open[int(epoch)] = t
	}
	return t
}
