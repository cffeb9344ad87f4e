package admin

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
)

// tokenPrefix lets secret scanners and people recognise a token.
const tokenPrefix = "hg_"

// NewToken draws a token of 256 bits and returns it with the SHA-256 that the
// policy keeps in its place. A plain hash is enough: there is nothing to guess
// in 256 random bits.
func NewToken(random io.Reader) (token, digest string, err error) {
	raw := make([]byte, 32)
	if _, err := io.ReadFull(random, raw); err != nil {
		return "", "", fmt.Errorf("draw a token: %w", err)
	}
	token = tokenPrefix + base64.RawURLEncoding.EncodeToString(raw)
	sum := sha256.Sum256([]byte(token))
	return token, hex.EncodeToString(sum[:]), nil
}

func parseDigest(text string) (digest [sha256.Size]byte, err error) {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != sha256.Size {
		return digest, fmt.Errorf("not a SHA-256 in hexadecimal")
	}
	return [sha256.Size]byte(raw), nil
}

// CheckToken refuses a name or a role that no policy would take, and lists the
// roles that are not built in: those an approver's, to be declared.
func CheckToken(name string, roles []string) (custom []string, err error) {
	if !plainName(name) || name == Local {
		return nil, fmt.Errorf("a token's name has to be 1 to 64 letters, digits, - _ . @, and not %q", Local)
	}
	for _, r := range roles {
		if !plainName(r) {
			return nil, fmt.Errorf("a role's name has to be 1 to 64 letters, digits, - _ . @; got %q", r)
		}
		if !builtIn(r) {
			custom = append(custom, r)
		}
	}
	return custom, nil
}
