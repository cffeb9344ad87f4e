package alerts

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// What a rule asks for.
const (
	DoRollback = "rollback"
	DoPause    = "pause"
	DoNotify   = "notify"
)

// Rule says what an alert does to the rollout it is about. All of its labels
// have to fit; of several rules the first that fits decides.
type Rule struct {
	Name string `yaml:"name,omitempty" json:"name,omitempty"`
	// Match holds labels that have to be equal; a label that the alert does not
	// have counts as "".
	Match map[string]string `yaml:"match,omitempty" json:"match,omitempty"`
	// MatchRE holds labels that have to match an RE2 expression as a whole.
	MatchRE map[string]string `yaml:"match_re,omitempty" json:"match_re,omitempty"`
	Do      string            `yaml:"do" json:"do"` // rollback | pause | notify
	// DryRun records and shows what the rule would have done, and does nothing.
	DryRun bool `yaml:"dry_run,omitempty" json:"dry_run,omitempty"`
	// Message is what a person reads in the incident.
	Message string `yaml:"message,omitempty" json:"message,omitempty"`
}

// Title names a rule for people: its name, else its labels.
func (r Rule) Title() string {
	if r.Name != "" {
		return r.Name
	}
	return strings.Join(r.matchers(), ", ")
}

func (r Rule) matchers() []string {
	var out []string
	for _, label := range slices.Sorted(maps.Keys(r.Match)) {
		out = append(out, label+"="+quote(r.Match[label]))
	}
	for _, label := range slices.Sorted(maps.Keys(r.MatchRE)) {
		out = append(out, label+"=~"+quote(r.MatchRE[label]))
	}
	return out
}

// quote writes a value as Alertmanager's and Prometheus's matchers take it.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}

// Matchers are the rule's labels as Alertmanager's routes write them.
func (r Rule) Matchers() []string { return r.matchers() }

// Fits reports whether every label of the rule fits. Of a rule that did not
// pass Validate an expression that cannot be read fits nothing.
func (r Rule) Fits(labels map[string]string) bool {
	for label, want := range r.Match {
		if labels[label] != want {
			return false
		}
	}
	for label, text := range r.MatchRE {
		re, err := anchored(text)
		if err != nil || !re.MatchString(labels[label]) {
			return false
		}
	}
	return true
}

// First is the first rule that fits; false when none does.
func First(rules []Rule, labels map[string]string) (Rule, bool) {
	for _, r := range rules {
		if r.Fits(labels) {
			return r, true
		}
	}
	return Rule{}, false
}

// anchored matches whole values, as Prometheus and Alertmanager do.
func anchored(text string) (*regexp.Regexp, error) {
	if _, err := regexp.Compile(text); err != nil { // a)(b would be one inside the anchors
		return nil, err
	}
	return regexp.Compile("^(?:" + text + ")$")
}

// Sentence puts the rule into words.
func (r Rule) Sentence() string {
	var s strings.Builder
	if r.Name != "" {
		s.WriteString(r.Name + ": ")
	}
	fmt.Fprintf(&s, "an alert with %s ", strings.Join(r.matchers(), " and "))
	if r.DryRun {
		fmt.Fprintf(&s, "is recorded as a dry run of %s: nothing follows", r.Do)
		return s.String()
	}
	switch r.Do {
	case DoRollback:
		s.WriteString("takes the candidate back")
	case DoPause:
		s.WriteString("pauses the rollout at its weight")
	case DoNotify:
		s.WriteString("raises an incident, the candidate stays")
	}
	return s.String()
}

// Decision is what following the rule comes to.
func (r Rule) Decision() Decision {
	switch {
	case r.DryRun:
		return DryRun
	case r.Do == DoRollback:
		return RolledBack
	case r.Do == DoPause:
		return Paused
	}
	return Notified
}
