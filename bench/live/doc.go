// Command live tries candidates that are worse in one way each on a running
// headgate: half of 500 requests a second, stand-in backends that answer like
// the churn example, clicks and labels posted as a product would post them.
// Each has to be taken back by the gate that is about it, and a healthy one by
// none. It prints a table; docs/judge.md shows one.
package main
