// Command bluegreen shows what users notice when all of them are moved from one
// colour to the other: it runs the shipped headgate between two stand-in model
// servers, sends predictions, streams and slow requests all the time, and
// switches.
//
//	go run ./bench/bluegreen [--headgate bin/headgate] [--rate 500] [--rounds 12] [--gradual=false] [--kills 24] [--seed 1]
//	    [--limit 300ms] [--settle 2.2s]
//
// Rounds: `start`, the check of the idle colour, the swap; then back by
// `rollback`, or by a gate that a slow candidate fails. No request may fail; no
// request that was sent after the first had reached the new colour may be
// answered by the old one; streams and slow requests end whole where they began.
// Times come from the backends' and the clients' common clock; where Headgate's
// own are shown, it says so. Latencies count from when a request was due.
//
// The gradual move: each weight holds its share of the users, and nobody who
// moved moves back.
//
// Kills: kill -9 at a random moment after either order, or as the first user
// reaches the new colour. The journal is read before the restart (`headgate
// audit export`); afterwards users are on one colour at a time, on green only
// once the journal has given it to them, and in the end on the one that the
// record left by the kill stands for: a rollout that was live goes on, an order
// to go back is carried out. Requests under way at the kill and requests that
// met nobody are counted apart.
//
// The exit code is 1 when anything is not so. Only this machine's loopback is
// used; nothing that was not started here is stopped.
package main
