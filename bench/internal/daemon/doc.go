// Package daemon runs the shipped headgate binary for the programs that measure
// it: it builds it, gives it a directory and ports, starts, stops and kills it,
// and waits for what its status says.
//
// What stands in the policy, what the backends do and what is measured is each
// program's own.
package daemon
