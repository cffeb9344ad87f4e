package journal

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestEveryKeyIsOneSubjectTokenAndComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := string(rapid.SliceOfN(rapid.Byte(), 1, maxKey).Draw(t, "a"))
		b := string(rapid.SliceOfN(rapid.Byte(), 1, maxKey).Draw(t, "b"))
		token := encodeKey(a)
		if strings.ContainsAny(token, ".*> \t\r\n") || token == "" {
			t.Fatalf("%q is not one subject token", token)
		}
		if back, err := decodeKey(token); err != nil || back != a {
			t.Fatalf("%q came back as %q, %v", a, back, err)
		}
		if (encodeKey(b) == token) != (a == b) {
			t.Fatalf("%q and %q share a token", a, b)
		}
	})
}

func FuzzDecodeKey(f *testing.F) {
	for _, seed := range []string{"", "6b", "6B", "6", "zz", encodeKey("rollout/churn-model"), strings.Repeat("61", maxKey+1)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		key, err := decodeKey(token)
		if err == nil && (encodeKey(key) != token || checkKey(key) != nil) {
			t.Fatalf("%q means %q, which is written %q", token, key, encodeKey(key))
		}
	})
}

// FuzzBlock makes sure that no bytes in a block file can do worse than be
// refused.
func FuzzBlock(f *testing.F) {
	f.Add([]byte("rubbish"))
	f.Add(make([]byte, 64))
	f.Fuzz(func(t *testing.T, data []byte) {
		end, what := visitBlock(data, newSum("RECORD-1"), func(m message) {
			newContents().add(m)
			newEvidenceLog().add(m)
		})
		if (what == "") != (end == len(data)) {
			t.Fatalf("stopped at %d of %d: %q", end, len(data), what)
		}
	})
}
