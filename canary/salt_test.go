package canary

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func TestSaltIsDrawnWhole(t *testing.T) {
	salt, err := NewSalt(strings.NewReader("0123456789abcdefXYZ"))
	if err != nil || !bytes.Equal(salt[:], []byte("0123456789abcdef")) {
		t.Errorf("got %q, %v", salt, err)
	}
	if _, err := NewSalt(strings.NewReader("too short")); err == nil {
		t.Error("a short read made a salt")
	}
}

func TestSaltText(t *testing.T) {
	salt := Salt{0x00, 0x01, 0xfe, 15: 0xff}
	data, err := json.Marshal(salt)
	if err != nil || string(data) != `"0001fe000000000000000000000000ff"` {
		t.Fatalf("got %s, %v", data, err)
	}
	var back Salt
	if err := json.Unmarshal(data, &back); err != nil || back != salt {
		t.Errorf("came back as %v, %v", back, err)
	}
	for _, bad := range []string{"", "00", strings.Repeat("g", 32), strings.Repeat("0", 34)} {
		if err := back.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q was taken as a salt", bad)
		}
	}
}
