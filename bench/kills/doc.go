// Command kills ends Headgate with kill -9 at every step of a rollback, against
// a real MLflow server, starts it again on the same state, and checks that
// nobody reached the candidate before its verdict was read, that the registry
// is right, that there is one incident, and that the record is intact.
//
// Kills come from outside only: from a relay in front of MLflow that kills
// before, during or after the n-th call of a rollback, and from a watcher of
// the traffic, the journal's files and the incident files. The binary under
// test is the one that is shipped.
//
//	go run ./bench/kills [--kills 200] [--mlflow 2|3] [--parallel N] [--seed S] [--quick]
//
// It never touches a server or a directory that it did not make itself.
package main
