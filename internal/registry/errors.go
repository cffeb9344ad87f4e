package registry

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Kind sorts errors by what can be done about them.
type Kind string

// The kinds.
const (
	Unreachable     Kind = "unreachable"     // no answer, or none that tells what happened
	Unauthenticated Kind = "unauthenticated" // 401
	Denied          Kind = "denied"          // 403
	HostRefused     Kind = "host_refused"    // MLflow's Host check
	UnknownModel    Kind = "unknown_model"
	UnknownVersion  Kind = "unknown_version"
	UnknownStage    Kind = "unknown_stage"
	Conflict        Kind = "conflict"       // somebody else's change stands
	Refused         Kind = "refused"        // Headgate's own rules forbid it
	ArtifactsOnly   Kind = "artifacts_only" // the server keeps artifacts and no registry
	Unsupported     Kind = "unsupported"    // the server lacks the route
	RateLimited     Kind = "rate_limited"   // 429 until the time was over
	Server          Kind = "server"         // 5xx
	Invalid         Kind = "invalid"        // the request is wrong
	Gone            Kind = "gone"           // a run or experiment that is not there any more
)

// Sentinels, each wrapped by an *Error that names the versions.
var (
	// ErrNoBaseline: no version is in Production.
	ErrNoBaseline = errors.New("no version in production")
	// ErrManyBaselines: more than one version is in Production.
	ErrManyBaselines = errors.New("more than one version in production")
	// ErrRolloutRunning: an unfinished rollout of the model stands in the way.
	ErrRolloutRunning = errors.New("a rollout of the model is running")
)

// Error is what went wrong with the registry, in words for an operator. It
// never holds a password or a token.
type Error struct {
	Kind    Kind
	Op      string // what was being done
	Message string
	Hint    string // what to do next; may be empty
	// Permanent errors come again however often the call is repeated.
	Permanent bool
	Err       error

	status int           // of the answer, 0 without one
	code   string        // MLflow's error_code
	after  time.Duration // the server's Retry-After
}

func (e *Error) Error() string {
	if e.Op == "" {
		return e.Message
	}
	return e.Op + ": " + e.Message
}

func (e *Error) Unwrap() error { return e.Err }

func asError(err error) (*Error, bool) {
	var e *Error
	ok := errors.As(err, &e)
	return e, ok
}

// kindOf is "" for errors of other kinds of trouble, such as a cancelled context.
func kindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return ""
}

func permanent(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Permanent
}

func noBaseline(model string) error {
	return &Error{
		Kind: Refused, Op: "find the baseline", Permanent: true, Err: ErrNoBaseline,
		Message: fmt.Sprintf("no version of %s is in Production", quote(model)),
		Hint:    "headgate transition-stage --model-name " + model + " --version N --stage Production",
	}
}

func manyBaselines(model string, in []string) error {
	return &Error{
		Kind: Refused, Op: "find the baseline", Permanent: true, Err: ErrManyBaselines,
		Message: fmt.Sprintf("%d versions of %s are in Production: %s", len(in), quote(model), strings.Join(in, ", ")),
		Hint:    "archive all but the one users are on",
	}
}

func running(model, id string) error {
	return &Error{
		Kind: Refused, Op: "check for a running rollout", Permanent: true, Err: ErrRolloutRunning,
		Message: fmt.Sprintf("rollout %s of %s is not finished", id, quote(model)),
		Hint:    "headgate status " + model + " shows it; headgate rollback " + model + " --reason TEXT ends it",
	}
}

func unknownModel(op, model string) error {
	return &Error{
		Kind: UnknownModel, Op: op, Permanent: true,
		Message: fmt.Sprintf("model %s is not in the registry", quote(model)),
		Hint:    "headgate register " + model + " --source URI makes its first version",
	}
}

func unknownVersion(op, model, version string, known []Version) error {
	names := make([]string, 0, len(known))
	for _, v := range known {
		names = append(names, v.Version)
	}
	hint := "the model has no version yet"
	if n := len(names); n > 12 {
		hint = "the newest versions are " + strings.Join(names[n-12:], ", ")
	} else if n > 0 {
		hint = "its versions are " + strings.Join(names, ", ")
	}
	return &Error{
		Kind: UnknownVersion, Op: op, Permanent: true, Hint: hint,
		Message: fmt.Sprintf("model %s has no version %s", quote(model), quote(version)),
	}
}

func refused(op, hint, format string, args ...any) error {
	return &Error{Kind: Refused, Op: op, Permanent: true, Message: fmt.Sprintf(format, args...), Hint: hint}
}

func invalid(op, hint, format string, args ...any) error {
	return &Error{Kind: Invalid, Op: op, Permanent: true, Message: fmt.Sprintf(format, args...), Hint: hint}
}

func quote(s string) string { return strconv.Quote(s) }
