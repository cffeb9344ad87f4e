package kpi

// forget empties the set. A key that is being added at this moment may be lost,
// and then counts once more.
func (k *keySet) forget() {
	for i := range k.tables {
		k.tables[i].Store(nil)
	}
	k.count.Store(0)
}

// forget begins anew; what was not drained is lost.
func (l *keyLog) forget() {
	l.read = 0
	for i := range l.chunks {
		l.chunks[i].Store(nil)
	}
	l.count.Store(0)
}
