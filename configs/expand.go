package configs

import (
	"regexp"
	"strings"
)

// reference is ${NAME} or ${NAME:-default}; $${ stands for a literal ${.
var reference = regexp.MustCompile(`\$\$\{|\$\{[^}]*\}?`)

var wellFormed = regexp.MustCompile(`^\$\{([A-Za-z_][A-Za-z0-9_]*)(:-([^}]*))?\}$`)

// expanded is a scalar's text with its references filled in.
type expanded struct {
	text string
	// from holds what each variable brought, by its reference as written.
	from map[string]string
}

// expand fills in the environment. The result is text: whatever a variable
// holds, it can never become YAML. wanted is "" when all went well.
func expand(text string, lookup func(string) (string, bool)) (out expanded, wanted string) {
	if !strings.Contains(text, "${") {
		return expanded{text: text}, ""
	}
	out.from = map[string]string{}
	out.text = reference.ReplaceAllStringFunc(text, func(ref string) string {
		if ref == "$${" {
			return "${"
		}
		m := wellFormed.FindStringSubmatch(ref)
		if m == nil {
			wanted = "${NAME} or ${NAME:-default}; a literal ${ is written $${"
			return ref
		}
		value, set := lookup(m[1])
		switch {
		case m[2] != "" && value == "":
			return m[3]
		case !set:
			wanted = "the environment variable " + m[1] + " to be set, or a default as in ${" + m[1] + ":-default}"
		}
		out.from["${"+m[1]+"}"] = value
		return value
	})
	return out, wanted
}
