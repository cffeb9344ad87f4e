// Package journal keeps Headgate's decisions on disk: one state per key, an
// append-only, hash-chained record of what was decided, and a bounded log of
// evidence. The engine is NATS JetStream, embedded in the process; no port is
// opened.
//
// It owns the store's directory (one process at a time), the order of writes
// (stream first, the side file head.json second), and the proof that what is
// read is what was written. It never looks into a state, a record or evidence,
// never starts a goroutine of its own, and never repairs: a store that does
// not match its side file is refused and left as it was found.
//
// DESIGN.md tells the layout, what is detected, and what was measured.
package journal
