// Package rollback carries a rollback out beyond the swap of the traffic: the
// registry put right, the incident kept, people told. It is the reading side of
// the outbox that the journal keeps in rollout.Order: every step is done until
// it is known to be done, and done again after a crash, so each can be repeated.
//
// It never decides: a verdict, the breaker or an operator has, through
// rollout.Decide, and traffic and journal were first.
package rollback
