package admin

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestConfigValidate(t *testing.T) {
	digest, other := strings.Repeat("ab", 32), strings.Repeat("cd", 32)
	token := func(name, sha string, roles ...string) Token { return Token{Name: name, SHA256: sha, Roles: roles} }
	cases := []struct {
		name string
		c    Config
		want []string
	}{
		{"the default", Config{Listen: DefaultListen}, nil},
		{"localhost", Config{Listen: "localhost:1"}, nil},
		{"IPv6 loopback", Config{Listen: "[::1]:1"}, nil},
		{"no port", Config{Listen: "127.0.0.1"}, []string{"listen: 127.0.0.1"}},
		{"public", Config{Listen: ":8090"}, []string{"listen: :8090"}},
		{"public with a token", Config{Listen: ":8090", Tokens: []Token{token("ops", digest, "operator")}}, nil},
		{"mistyped role", Config{Listen: DefaultListen, Tokens: []Token{token("ops", digest, "viewer", "operatr")}}, []string{"tokens[0].roles[1]: operatr"}},
		{"declared approver", Config{Listen: DefaultListen, Approvers: []string{"ml-lead"}, Tokens: []Token{token("ada", digest, "ml-lead")}}, nil},
		{"approver named like a role", Config{Listen: DefaultListen, Approvers: []string{"admin"}}, []string{"approvers[0]: admin"}},
		{"no roles", Config{Listen: DefaultListen, Tokens: []Token{token("ops", digest)}}, []string{"tokens[0].roles: <nil>"}},
		{"no name", Config{Listen: DefaultListen, Tokens: []Token{token("", digest, "viewer")}}, []string{"tokens[0].name: "}},
		{"a name with an escape", Config{Listen: DefaultListen, Tokens: []Token{token("a\x1b[2J", digest, "viewer")}}, []string{"tokens[0].name: a\x1b[2J"}},
		{"the reserved name", Config{Listen: DefaultListen, Tokens: []Token{token("local", digest, "viewer")}}, []string{"tokens[0].name: local"}},
		{"the token instead of its hash", Config{Listen: DefaultListen, Tokens: []Token{token("ops", "hg_"+planted, "viewer")}}, []string{"tokens[0].sha256: (hidden)"}},
		{"names twice", Config{Listen: DefaultListen, Tokens: []Token{token("a", digest, "viewer"), token("a", other, "viewer")}}, []string{"tokens[1].name: a"}},
		{"one token twice", Config{Listen: DefaultListen, Tokens: []Token{token("a", digest, "viewer"), token("b", strings.ToUpper(digest), "admin")}}, []string{"tokens[1].sha256: (repeated)"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			c.c.Validate(func(path string, value any, wanted string) {
				if wanted == "" {
					t.Errorf("%s: nothing wanted", path)
				}
				got = append(got, fmt.Sprintf("%s: %v", path, value))
			})
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestSetDefaults(t *testing.T) {
	var c Config
	c.SetDefaults()
	if c.Listen != "127.0.0.1:8090" {
		t.Errorf("listen %q", c.Listen)
	}
}

func TestNewTokenNeedsRandomness(t *testing.T) {
	if _, _, err := NewToken(strings.NewReader("short")); err == nil {
		t.Error("a token from too little randomness")
	}
}
