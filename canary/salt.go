package canary

import (
	"encoding/hex"
	"fmt"
	"io"
)

// Salt keys the hash of one rollout. It is secret: who knows it can choose a
// key that lands on the arm of his choice.
type Salt [16]byte

// NewSalt draws a salt from random.
func NewSalt(random io.Reader) (Salt, error) {
	var s Salt
	if _, err := io.ReadFull(random, s[:]); err != nil {
		return Salt{}, fmt.Errorf("draw a salt: %w", err)
	}
	return s, nil
}

// MarshalText writes 32 hexadecimal digits.
func (s Salt) MarshalText() ([]byte, error) {
	return hex.AppendEncode(nil, s[:]), nil
}

// UnmarshalText reads 32 hexadecimal digits.
func (s *Salt) UnmarshalText(text []byte) error {
	if len(text) != 2*len(s) {
		return fmt.Errorf("salt: wanted %d hexadecimal digits, got %d characters", 2*len(s), len(text))
	}
	if _, err := hex.Decode(s[:], text); err != nil {
		return fmt.Errorf("salt: %w", err)
	}
	return nil
}
