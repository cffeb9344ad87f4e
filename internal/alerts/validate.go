package alerts

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
)

type report = func(path string, value any, wanted string)

var labelName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// Validate reports what is wrong with the rules, with paths that begin at their
// list: a rule that no alert can ever meet is refused, not ignored.
func Validate(rules []Rule, r report) {
	names := map[string]int{}
	for i, rule := range rules {
		at := fmt.Sprintf("[%d]", i)
		rule.validate(at, r)
		if first, taken := names[rule.Name]; taken && rule.Name != "" {
			r(at+".name", rule.Name, fmt.Sprintf("a name of its own: on_alert[%d] has it", first))
		} else {
			names[rule.Name] = i
		}
		for before := range i {
			if rules[before].covers(rule) {
				r(at, nil, fmt.Sprintf("a rule that an alert can meet: on_alert[%d] comes first and takes every alert that this one would", before))
				break
			}
		}
	}
}

func (r Rule) validate(at string, report report) {
	if r.Do != DoRollback && r.Do != DoPause && r.Do != DoNotify {
		report(at+".do", r.Do, "rollback, pause or notify")
	}
	if len(r.Match)+len(r.MatchRE) == 0 {
		report(at+".match", nil, "at least one label, such as {severity: critical}: without any the rule takes every alert there is")
	}
	for _, label := range slices.Sorted(maps.Keys(r.Match)) {
		path := at + ".match." + label
		if !labelName.MatchString(label) {
			report(path, r.Match[label], "a label's name of letters, digits and _: no alert has another")
		}
	}
	for _, label := range slices.Sorted(maps.Keys(r.MatchRE)) {
		r.validateExpression(at+".match_re."+label, label, report)
	}
}

func (r Rule) validateExpression(path, label string, report report) {
	text := r.MatchRE[label]
	if !labelName.MatchString(label) {
		report(path, text, "a label's name of letters, digits and _: no alert has another")
	}
	re, err := anchored(text)
	if err != nil {
		report(path, text, "an RE2 expression that fits the whole value, such as critical|page")
		return
	}
	if equal, both := r.Match[label]; both && !re.MatchString(equal) {
		report(path, text, fmt.Sprintf("an expression that fits %q, which match asks of the same label", equal))
	}
}

// ValidateFor reports the rules of a model that ask for another one's alerts.
func ValidateFor(model string, rules []Rule, r report) {
	for i, rule := range rules {
		if want, ok := rule.Match[ModelLabel]; ok && want != model && want != "" {
			r(fmt.Sprintf("[%d].match.%s", i, ModelLabel), want, model+", or no model at all: alerts of another model never reach this one's rules")
		}
		text, ok := rule.MatchRE[ModelLabel]
		if !ok {
			continue
		}
		if re, err := anchored(text); err == nil && !re.MatchString(model) && !re.MatchString("") {
			r(fmt.Sprintf("[%d].match_re.%s", i, ModelLabel), text, "an expression that fits "+model+": alerts of another model never reach this one's rules")
		}
	}
}

// covers reports that r takes every alert that later would. It sees what can
// be seen without solving expressions: the same labels, or fewer.
func (r Rule) covers(later Rule) bool {
	if len(r.Match)+len(r.MatchRE) == 0 {
		return false // reported for itself
	}
	for label, want := range r.Match {
		if got, ok := later.Match[label]; !ok || got != want {
			return false
		}
	}
	for label, text := range r.MatchRE {
		if later.MatchRE[label] == text {
			continue
		}
		re, err := anchored(text)
		if got, ok := later.Match[label]; !ok || err != nil || !re.MatchString(got) {
			return false
		}
	}
	return true
}
