package configs

import (
	"strings"
	"testing"
)

func TestExpand(t *testing.T) {
	env := map[string]string{"URI": "http://mlflow", "EMPTY": "", "YAML": "{a: [1]}\n- b", "NESTED": "${URI}"}
	lookup := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	tests := map[string]struct {
		text, want, problem string
	}{
		"none":                {"plain $URI $", "plain $URI $", ""},
		"whole":               {"${URI}", "http://mlflow", ""},
		"inside":              {"<${URI}/x>", "<http://mlflow/x>", ""},
		"default, set":        {"${URI:-other}", "http://mlflow", ""},
		"default, unset":      {"${NONE:-other:-x}", "other:-x", ""},
		"default, empty":      {"${EMPTY:-other}", "other", ""},
		"empty default":       {"${NONE:-}", "", ""},
		"empty, no default":   {"[${EMPTY}]", "[]", ""},
		"unset":               {"${NONE}", "", "the environment variable NONE to be set, or a default as in ${NONE:-default}"},
		"never YAML":          {"${YAML}", "{a: [1]}\n- b", ""},
		"never again":         {"${NESTED}", "${URI}", ""},
		"literal":             {"$${URI}", "${URI}", ""},
		"not closed":          {"${URI", "", "${NAME} or ${NAME:-default}; a literal ${ is written $${"},
		"not a name":          {"${1A}", "", "${NAME} or ${NAME:-default}; a literal ${ is written $${"},
		"another shell's way": {"${URI:?no}", "", "${NAME} or ${NAME:-default}; a literal ${ is written $${"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, problem := expand(tt.text, lookup)
			if problem != tt.problem || (problem == "" && got.text != tt.want) {
				t.Errorf("got %q, %q; want %q, %q", got.text, problem, tt.want, tt.problem)
			}
		})
	}
}

// The value of a variable is in no error, wherever it went.
func TestExpandedValuesStaySecret(t *testing.T) {
	text := `version: 1
registry: {local: {}}
state: {dir: "${HEADGATE_TEST_SECRET}", evidence_bytes: "${HEADGATE_TEST_SECRET}"}
admin: {listen: "${HEADGATE_TEST_SECRET}", tokens: [{name: "${HEADGATE_TEST_SECRET}!", roles: ["${HEADGATE_TEST_SECRET}"], sha256: "${HEADGATE_TEST_SECRET}"}]}
models:
  m:
    false_rollback: ${HEADGATE_TEST_SECRET}
    on_inconclusive: ${HEADGATE_TEST_SECRET}
    plan: [{canary: {weight: "${HEADGATE_TEST_SECRET}", hold: "${HEADGATE_TEST_SECRET}"}}]
    gates:
      - {name: "${HEADGATE_TEST_SECRET}", require: "${HEADGATE_TEST_SECRET} < 1", mode: "${HEADGATE_TEST_SECRET}"}
      - {name: "${HEADGATE_TEST_SECRET}", rollback_when: "error_rate > ${HEADGATE_TEST_SECRET}"}
    incidents: [{webhook: "${HEADGATE_TEST_SECRET}"}]
`
	_, err := parse("p.yaml", []byte(text), testEnvironment)
	if err == nil || strings.Count(err.Error(), "\n") < 10 {
		t.Fatalf("got %v, want more than ten problems", err)
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a secret is shown:\n%v", err)
	}
}
