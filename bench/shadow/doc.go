// Command shadow shows that a shadow costs the users nothing: it runs Headgate
// with a mirror of all requests whose upstream is healthy, hung, dead, ten
// times slower, or answers 10 MB, beside one without a mirror, and compares
// what clients see of both.
//
//	go run ./bench/shadow [--headgate bin/headgate --policy FILE [--order "start churn-model --version 2"]]
//	    [--rate 500] [--seconds 12] [--slice 0.5] [--pairs 5] [--think 5ms] [--only healthy,hung,dead,slow,big,chunked]
//
// For each condition both processes live through all pairs of turns. The load
// goes to one of them at a time, in slices of changing order, and the mirror
// runs for pairs × seconds (a minute by default). Every answer is checked against its
// request. A condition holds when no live request failed, the median over the
// pairs of p99 with ÷ p99 without is at most 1.05, the books close (offered =
// sent + dropped, sent = answered + failed), and memory stayed within --memory.
// The exit code is 1 when one does not.
//
// The policy is a Go template with {{.Listen}}, {{.Admin}}, {{.State}},
// {{.Baseline}}, {{.Candidate}} (URLs) and {{.Mirror}}, false for the process
// without one. --order is given to the binary, with --admin, when it serves.
// Without --headgate the mirror runs behind a small proxy of this program.
//
// The shadow's own process has the lowest priority (nice 19): in life it computes
// on another machine, and what it takes from the users' path here is no cost of
// the mirror. Headgate with and without it, users and baseline share the rest.
//
// Latencies are counted from the moment a request was due. Only this machine's
// loopback is used; nothing that was not started here is stopped.
package main
