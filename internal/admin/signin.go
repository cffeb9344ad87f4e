package admin

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Local is the name of whoever asks while no tokens are configured.
const Local = "local"

// keyring is the set of tokens in force: immutable, swapped as a whole.
type keyring struct {
	keys []key
}

type key struct {
	name    string
	roles   []string
	digest  [sha256.Size]byte
	expires *time.Time
}

func newKeyring(tokens []Token) (*keyring, error) {
	ring := &keyring{}
	for _, t := range tokens {
		digest, err := parseDigest(t.SHA256)
		if err != nil {
			return nil, fmt.Errorf("token %q: %w", t.Name, err)
		}
		ring.keys = append(ring.keys, key{name: t.Name, roles: slices.Clone(t.Roles), digest: digest, expires: t.Expires})
	}
	return ring, nil
}

// find compares with every key, however early it matches, so that the time
// taken tells nothing.
func (k *keyring) find(token string) *key {
	sum := sha256.Sum256([]byte(token))
	var found *key
	for i := range k.keys {
		if subtle.ConstantTimeCompare(sum[:], k.keys[i].digest[:]) == 1 {
			found = &k.keys[i]
		}
	}
	return found
}

// admit decides who asks and whether they may. name is what the record says.
func (k *keyring) admit(r *http.Request, need permission, now time.Time) (name string, p *Problem) {
	if len(k.keys) == 0 {
		return Local, local(r)
	}
	if need == open {
		return "", nil
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return "", unauthenticated("this server asks for a token", "send it as a bearer token, or set HEADGATE_TOKEN")
	}
	found := k.find(strings.TrimSpace(token))
	if found == nil {
		return "", unauthenticated("the token is not known here", "ask for a new one: headgate token new NAME --role ROLE")
	}
	if found.expires != nil && !now.Before(*found.expires) {
		return found.name, unauthenticated(fmt.Sprintf("the token %q has expired", found.name), "ask for a new one: headgate token new NAME --role ROLE")
	}
	for _, role := range found.roles {
		if grants(role, need) {
			return found.name, nil
		}
	}
	return found.name, problem(CodeNotPermitted,
		fmt.Sprintf("the token %q has the roles %s, which do not allow %s", found.name, strings.Join(found.roles, ", "), need),
		"use a token with the role "+wanted(need))
}

func wanted(need permission) string {
	switch need {
	case operate:
		return RoleOperator
	case alert:
		return RoleAlerter
	case report:
		return RoleReporter
	case open, read:
	}
	return RoleViewer
}

// local refuses what a web page can send to a server on its visitor's own
// machine: a request with an Origin, and one whose Host is a name that a
// stranger's DNS points here (rebinding).
func local(r *http.Request) *Problem {
	if len(r.Header.Values("Origin")) > 0 {
		return problem(CodeNotPermitted, "a request with an Origin is refused while no tokens are configured", "configure admin.tokens and send a token")
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if !loopbackName(host) {
		return problem(CodeNotPermitted, "a request for a foreign Host is refused while no tokens are configured", "ask for 127.0.0.1 or localhost, or configure admin.tokens")
	}
	return nil
}
