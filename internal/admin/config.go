package admin

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"
)

// DefaultListen is where the admin API is found unless the policy says
// otherwise; the command line looks there too.
const DefaultListen = "127.0.0.1:8090"

// Config is the policy's admin section.
type Config struct {
	// Listen is host:port. Anything but a loopback address needs tokens.
	Listen string `yaml:"listen"`
	// Tokens say who may ask; none means whoever reaches the loopback address,
	// and nobody else.
	Tokens []Token `yaml:"tokens,omitempty"`
	// Approvers are the role names, besides the built-in ones, that tokens may
	// carry: the roles that the policy's approvals ask for.
	Approvers []string `yaml:"approvers,omitempty"`
}

// Token is one person or program that may sign in. The token itself is known
// to its holder only.
type Token struct {
	// Name stands in the record beside everything done with the token.
	Name  string   `yaml:"name"`
	Roles []string `yaml:"roles"`
	// SHA256 is the token's SHA-256 in hexadecimal, as `headgate token new`
	// prints it.
	SHA256 string `yaml:"sha256"`
	// Expires ends the token; nil means never.
	Expires *time.Time `yaml:"expires,omitempty"`
}

// SetDefaults fills in what the policy leaves out.
func (c *Config) SetDefaults() {
	if c.Listen == "" {
		c.Listen = DefaultListen
	}
}

// Validate reports what is wrong, each with its path, value and what was
// wanted. Values of tokens are never reported.
func (c Config) Validate(report func(path string, value any, wanted string)) {
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil || port == "" {
		report("listen", c.Listen, "host:port such as "+DefaultListen)
	} else if !loopbackName(host) && len(c.Tokens) == 0 {
		report("listen", c.Listen, "a loopback address such as "+DefaultListen+", or tokens: whoever reaches a public address without sign-in could promote")
	}
	for i, name := range c.Approvers {
		if !plainName(name) || builtIn(name) {
			report(fmt.Sprintf("approvers[%d]", i), name, "a role name of letters, digits, - _ . @, that is none of "+builtInNames())
		}
	}
	seen := map[string]bool{}
	digests := map[string]bool{}
	for i, t := range c.Tokens {
		at := fmt.Sprintf("tokens[%d]", i)
		t.validate(at, c.Approvers, report)
		if seen[t.Name] {
			report(at+".name", t.Name, "a name of its own: the record tells tokens apart by it")
		}
		if t.SHA256 != "" && digests[strings.ToLower(t.SHA256)] {
			report(at+".sha256", "(repeated)", "a token of its own")
		}
		seen[t.Name], digests[strings.ToLower(t.SHA256)] = true, true
	}
}

func (t Token) validate(at string, approvers []string, report func(path string, value any, wanted string)) {
	if !plainName(t.Name) || t.Name == Local {
		report(at+".name", t.Name, `a name of 1 to 64 letters, digits, - _ . @, not "`+Local+`"`)
	}
	if _, err := parseDigest(t.SHA256); err != nil {
		// Whatever stands there may be the token itself: it is not repeated.
		report(at+".sha256", "(hidden)", "64 hexadecimal digits, as `headgate token new NAME --role R` prints them")
	}
	if len(t.Roles) == 0 {
		report(at+".roles", nil, "at least one of "+builtInNames()+", or a name listed under admin.approvers")
	}
	for i, r := range t.Roles {
		if !known(r, approvers) {
			report(fmt.Sprintf("%s.roles[%d]", at, i), r, "one of "+builtInNames()+", or a name listed under admin.approvers")
		}
	}
}

// plainName keeps names readable in logs, records and terminals.
func plainName(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for _, r := range s {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !letter && !strings.ContainsRune("-_.@", r) {
			return false
		}
	}
	return true
}

// loopbackName reports whether host can only mean this machine. Other names
// may resolve to anything, today or tomorrow.
func loopbackName(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
