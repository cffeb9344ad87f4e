// Package rollout owns the plan, the phases and the one pure decision of a
// rollout: Decide(state, event) → state, effects. Its Controller closes strata,
// feeds the judge, asks Decide and carries the effects out in the order that
// keeps users safe: less candidate traffic is applied first and written second,
// more is written first and applied second.
//
// It never speaks HTTP, never knows MLflow's wire format and never computes a
// statistic: traffic, registry, journal and the rollback executor are small
// interfaces declared here and connected by internal/app.
package rollout
