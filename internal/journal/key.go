package journal

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Subjects of the engine. Keys hold any bytes (model names are strangers'
// text), and a dot, a space, * and > mean something in a subject: hex.
const (
	recordStream    = "RECORD"
	evidenceStream  = "EVIDENCE"
	recordSubject   = "headgate.record."
	stateSubject    = "headgate.state."
	evidenceSubject = "headgate.evidence."

	// maxKey keeps subjects well below the engine's line limit of 4 KiB.
	maxKey = 1024
)

func checkKey(key string) error {
	if key == "" {
		return errors.New("journal key is empty")
	}
	if len(key) > maxKey {
		return fmt.Errorf("journal key is %d bytes long, at most %d are allowed", len(key), maxKey)
	}
	return nil
}

func encodeKey(key string) string { return hex.EncodeToString([]byte(key)) }

// decodeKey accepts exactly what encodeKey makes, so that no two tokens mean
// the same key.
func decodeKey(token string) (string, error) {
	b, err := hex.DecodeString(token)
	if err != nil {
		return "", fmt.Errorf("key token %q: %w", token, err)
	}
	if encodeKey(string(b)) != token {
		return "", fmt.Errorf("key token %q is not in its shortest form", token)
	}
	return string(b), checkKey(string(b))
}

func recordSubjectOf(n uint64) string { return recordSubject + strconv.FormatUint(n, 10) }

// subjectTail returns what follows prefix.
func subjectTail(subject, prefix string) (string, bool) { return strings.CutPrefix(subject, prefix) }
