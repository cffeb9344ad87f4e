// Package registry tells the model registry what became of a rollout, and asks
// it which version users are on. There are two registries with the same
// methods: *MLflow, a client of the twelve or so REST calls that matter, and
// *Local, kept in Headgate's own journal.
//
// It owns the order of the calls that makes a promotion and a rollback safe to
// be cut off and repeated anywhere (DESIGN.md), the two write-once fences, the
// retry rules, and the words for what is wrong with a connection.
//
// It never decides what happens to a rollout, never touches traffic, is never
// on a request's path, never changes what a person put there meanwhile, and
// never deletes a version or an artifact.
package registry
