// Command headgate serves the proxy and speaks to a running one.
//
// This folder owns flags, signals, exit codes and what a person reads. Data
// goes to standard output, everything else to standard error; an error is one
// line beginning with "error: ", and where there is something to do about it a
// line beginning with "hint: ". It knows internal/app, configs and the admin
// client, and nothing behind them.
package main
