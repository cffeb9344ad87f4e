package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/headgate/headgate/internal/admin/client"
)

// The exit codes. Scripts rely on them; 2 belongs to `gate` and `drill`.
const (
	exitDone         = 0
	exitError        = 1
	exitGateFailed   = 2
	exitRefused      = 3
	exitUnreachable  = 4
	exitUnknown      = 5
	exitUnknownStage = 6
	exitNotPermitted = 7
)

const exitCodes = `Exit codes:
  0  done
  1  error
  2  a gate failed
  3  refused (approval, phase, conflict)
  4  not reachable
  5  unknown model or version
  6  unknown stage
  7  not permitted`

// hinted is an error of the command line itself with what to do about it.
type hinted struct {
	err  error
	hint string
}

func (h *hinted) Error() string { return h.err.Error() }
func (h *hinted) Unwrap() error { return h.err }

func withHint(hint, format string, args ...any) error {
	return &hinted{fmt.Errorf(format, args...), hint}
}

// errSaid ends a command with code 1 after it has said all there is to say.
var errSaid = errors.New("already said")

// errMissed ends a command with code 2: what it asked for was not kept.
var errMissed = errors.New("missed")

// exitCode is the code of an error.
func exitCode(err error) int {
	var r *client.Refusal
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errMissed):
		return exitGateFailed
	case !errors.As(err, &r):
		return exitError
	}
	switch r.Code {
	case client.Refused, client.Conflict:
		return exitRefused
	case client.Unreachable:
		return exitUnreachable
	case client.UnknownModel, client.UnknownVersion:
		return exitUnknown
	case client.UnknownStage:
		return exitUnknownStage
	case client.NotPermitted, client.Unauthenticated:
		return exitNotPermitted
	case client.Invalid:
		return exitError
	}
	return exitError
}

// complain writes an error as people and scripts expect it.
func complain(w io.Writer, err error) {
	if err == nil || errors.Is(err, errSaid) || errors.Is(err, errMissed) {
		return
	}
	message, hint := err.Error(), ""
	var h *hinted
	var r *client.Refusal
	switch {
	case errors.Is(err, context.Canceled):
		message = "interrupted"
	case errors.As(err, &h):
		hint = h.hint
	case errors.As(err, &r):
		hint = r.Hint
	}
	say(w, "error: %s\n", clean(message))
	if hint != "" {
		say(w, "hint: %s\n", clean(hint))
	}
}

// say writes to a person; who closed their end hears nothing, and that is all.
func say(w io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(w, format, args...)
}

// clean keeps strangers' text (names, reasons, what a server answered) from
// steering the terminal it is shown on.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case r < ' ' || r >= 0x7f && r < 0xa0, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
			return '�'
		}
		return r
	}, text)
}
