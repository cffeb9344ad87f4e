// Package mlflowtest runs real MLflow servers for tests and demonstrations: a
// server of either line in a directory of its own, and a Relay in front of it
// that delays, loses and refuses answers, or calls a hook at a chosen call.
//
// It owns the processes it starts, and ends them with everything they started,
// also when the test binary itself is killed. It never touches a server that it
// did not start and never reaches beyond 127.0.0.1.
package mlflowtest
