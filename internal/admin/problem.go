package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/headgate/headgate/internal/rollout"
)

// Codes of problems that are about the request and not about a rollout.
const (
	CodeUnauthenticated  rollout.Code = "unauthenticated"
	CodeNotPermitted                  = rollout.NotPermitted
	CodeNotFound         rollout.Code = "not_found"
	CodeMethodNotAllowed rollout.Code = "method_not_allowed"
	CodeNotJSON          rollout.Code = "unsupported_media_type"
	CodeTooLarge         rollout.Code = "too_large"
	CodeMalformed        rollout.Code = "malformed"
	CodeNotReady         rollout.Code = "not_ready"
	CodeInternal         rollout.Code = "internal"
)

// ProblemType is the media type of every error (RFC 9457).
const ProblemType = "application/problem+json"

// Problem is an error as the API sends it. Code is for programs, Detail and
// Hint for people.
type Problem struct {
	Type   string       `json:"type"`
	Title  string       `json:"title"`
	Status int          `json:"status"`
	Detail string       `json:"detail"`
	Code   rollout.Code `json:"code"`
	Hint   string       `json:"hint,omitempty"`
}

func (p *Problem) Error() string { return p.Detail }

// kinds holds the status and the title of each code. Titles never vary with
// the occasion.
var kinds = map[rollout.Code]struct {
	status int
	title  string
}{
	rollout.Refused:        {http.StatusConflict, "Refused"},
	rollout.Conflict:       {http.StatusConflict, "Somebody else was faster"},
	rollout.Invalid:        {http.StatusUnprocessableEntity, "The request makes no sense here"},
	rollout.Unreachable:    {http.StatusBadGateway, "The registry cannot be reached"},
	rollout.UnknownModel:   {http.StatusNotFound, "Unknown model"},
	rollout.UnknownVersion: {http.StatusNotFound, "Unknown version"},
	UnknownStage:           {http.StatusUnprocessableEntity, "Unknown stage"},
	CodeNotPermitted:       {http.StatusForbidden, "Not permitted"},
	CodeUnauthenticated:    {http.StatusUnauthorized, "Not signed in"},
	CodeNotFound:           {http.StatusNotFound, "Nothing is here"},
	CodeMethodNotAllowed:   {http.StatusMethodNotAllowed, "Method not allowed"},
	CodeNotJSON:            {http.StatusUnsupportedMediaType, "Only JSON is understood"},
	CodeTooLarge:           {http.StatusRequestEntityTooLarge, "The body is too large"},
	CodeTooMany:            {http.StatusTooManyRequests, "Too many requests"},
	CodeMalformed:          {http.StatusBadRequest, "The request cannot be read"},
	CodeNotReady:           {http.StatusServiceUnavailable, "Not ready"},
	CodeBusy:               {http.StatusServiceUnavailable, "Send it again"},
	CodeInternal:           {http.StatusInternalServerError, "Internal error"},
}

func problem(code rollout.Code, detail, hint string) *Problem {
	kind, ok := kinds[code]
	if !ok {
		kind = kinds[CodeInternal]
	}
	return &Problem{Type: "urn:headgate:problem:" + string(code), Title: kind.title, Status: kind.status, Detail: detail, Code: code, Hint: hint}
}

func unauthenticated(detail, hint string) *Problem {
	return problem(CodeUnauthenticated, detail, hint)
}

// explain turns an error of the backend into what the caller is told. The text
// of an unforeseen error stays in the log: it may name what is not theirs.
func explain(err error, ifMatch *uint64) (p *Problem, foreseen bool) {
	if errors.As(err, &p) {
		return p, true
	}
	var refusal *rollout.Refusal
	switch {
	case errors.As(err, &refusal):
	case errors.Is(err, context.DeadlineExceeded):
		return problem(rollout.Unreachable, fmt.Sprintf("it was not done within %s; whether it still will be is not known", orderTimeout), "ask for the status, then try again"), true
	default:
		return problem(CodeInternal, "the server could not do this; its log says why", ""), false
	}
	p = problem(refusal.Code, refusal.Message, refusal.Hint)
	if refusal.Code == rollout.Conflict && ifMatch != nil {
		p.Status = http.StatusPreconditionFailed
	}
	return p, true
}
