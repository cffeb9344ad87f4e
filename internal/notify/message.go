package notify

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Message is an incident on its way. Delivering it again is harmless: ID names
// the file, and is the key by which a webhook tells a repetition.
type Message struct {
	// ID has 1 to 128 letters, digits, dots, dashes and underscores, and does
	// not begin with a dot.
	ID    string
	Title string
	// JSON is the incident itself; Markdown, when there is any, the same for
	// a person's eyes.
	JSON     []byte
	Markdown []byte
}

var plainID = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$`)

// Error says why an incident did not arrive.
type Error struct {
	// Place names where it should have gone, without secrets.
	Place string
	// Permanent means that the same delivery fails every time until a person
	// changes something.
	Permanent bool
	// After is how long the other side asked to be left alone; 0 = it did not say.
	After time.Duration
	Err   error
}

func (e *Error) Error() string { return fmt.Sprintf("deliver to %s: %v", e.Place, e.Err) }

func (e *Error) Unwrap() error { return e.Err }

// Retriable reports whether another try can help.
func Retriable(err error) bool {
	var e *Error
	return err != nil && (!errors.As(err, &e) || !e.Permanent)
}

// Deliver takes m to c and returns when it is there: synced to the disk, or
// answered with a 2xx status. Errors are *Error.
func Deliver(ctx context.Context, c Config, m Message) error {
	if !plainID.MatchString(m.ID) {
		return &Error{Place: c.String(), Permanent: true, Err: fmt.Errorf("id %q cannot be a file name", m.ID)}
	}
	if c.File != "" {
		return keep(c, m)
	}
	return post(ctx, c, m)
}

// oneLine keeps a title from ending a header.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
