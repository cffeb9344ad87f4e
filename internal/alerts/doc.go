// Package alerts reads what Alertmanager sends and says which rule of a policy
// an alert meets. It owns the webhook's form, the identity of an alert and the
// rules under on_alert; it never acts: what a rule asks for is decided, with
// everything else about a rollout, by internal/rollout.
package alerts
