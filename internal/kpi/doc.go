// Package kpi counts what users got from the two arms of a rollout: requests,
// failures and latencies, first outcome per user. It owns the recorder of the
// hot path (sharded atomic counters, a set of seen keys), the layout of the
// latency histogram, immutable snapshots, and the closed strata the judge is
// fed with.
//
// It never knows what a gate is, what an arm means to a rollout, what HTTP is,
// or what time it is: the caller brings latencies and the served time.
package kpi
