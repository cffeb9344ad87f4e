// Package replay tries a policy on the past. A recording is what a rollout left
// behind: its frozen policy, the lines of the journal about it and the counters
// of every stratum. Run feeds them to a judge made from a policy's gates and asks
// the very functions that decide live rollouts what they would have done, and
// holds it against what was done.
//
// It is pure: recordings come as readers, nothing is looked up, no clock is read.
// It never guesses traffic: the strata were counted at the weights that the
// recorded plan had, and from the moment at which the policy would have decided
// otherwise the report says that the record is of another weight.
package replay
