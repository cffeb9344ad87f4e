// Package admin is the operator's door: the API under /api/v1, sign-in with
// tokens and roles, /metrics, /healthz and /readyz, on a listener of its own.
//
// It owns how an order or a question arrives and how the answer is written: who
// asks, whether they may, what the JSON looks like, which status a refusal
// gets. It never decides anything about a rollout, never talks to a registry
// and never sees user traffic: everything behind the door is a Backend.
package admin
