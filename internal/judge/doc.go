// Package judge decides from closed strata whether a candidate is worse than
// its limits, better than them, or not known yet. It owns the gates' grammar,
// the e-processes behind them and the judgement with its numbers; DESIGN.md
// says why they keep what they promise.
//
// It is pure: the same strata in the same order give the same judgements, bit
// for bit. It never reads a clock, writes a log, or knows of rollouts, traffic
// and YAML.
package judge
