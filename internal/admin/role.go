package admin

import (
	"slices"
	"strings"
)

// The built-in roles. Any other name is an approver's and has to be declared.
const (
	RoleViewer   = "viewer"   // reads everything
	RoleOperator = "operator" // reads, and gives orders
	RoleReporter = "reporter" // posts outcomes, nothing else
	RoleAlerter  = "alerter"  // posts alerts, nothing else
	RoleAdmin    = "admin"    // everything
)

// Roles lists the built-in roles, for help texts.
func Roles() []string {
	return []string{RoleViewer, RoleOperator, RoleReporter, RoleAlerter, RoleAdmin}
}

func builtIn(role string) bool { return slices.Contains(Roles(), role) }

func builtInNames() string { return strings.Join(Roles(), ", ") }

func known(role string, approvers []string) bool {
	return builtIn(role) || slices.Contains(approvers, role)
}

// permission is what an endpoint asks of the caller.
type permission uint8

const (
	open    permission = iota // no sign-in: probes
	read                      // changes nothing
	operate                   // orders, and the registry
	alert                     // alerts from outside
	report                    // outcomes
)

// grants reports whether a holder of role may do p.
func grants(role string, p permission) bool {
	switch role {
	case RoleAdmin, RoleOperator:
		return true
	case RoleAlerter:
		return p == open || p == alert
	case RoleReporter:
		return p == open || p == report
	default: // viewer, and approvers, who have to see what they approve
		return p == open || p == read
	}
}

func (p permission) String() string {
	switch p {
	case open:
		return "open"
	case read:
		return "reading"
	case operate:
		return "giving orders"
	case alert:
		return "sending alerts"
	case report:
		return "sending outcomes"
	}
	return "unknown"
}
