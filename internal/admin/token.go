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
