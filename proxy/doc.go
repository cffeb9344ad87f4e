// Package proxy is the data plane: the listener, the route table, the two arms
// with their upstream connections, header hygiene, deadlines, fallback, the
// breaker, and the probes that tell which version every upstream serves.
//
// A request loads the table once and sees one configuration. The package
// counts outcomes into a kpi.Recorder and never judges them; it knows nothing
// of gates, phases, registries or policy files.
//
// DESIGN.md beside this file says how a message passes through and why.
package proxy
