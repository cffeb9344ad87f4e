package registry

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strings"
)

// explain makes an error of an answer: by MLflow's error_code first, by the
// status second, as both are used loosely (an unknown alias is a 400).
func explain(op string, status int, body []byte, host string) *Error {
	var wire struct {
		Code    string          `json:"error_code"`
		Message string          `json:"message"`
		Error   json.RawMessage `json:"error"`  // DagsHub
		Detail  json.RawMessage `json:"detail"` // MLflow 3 behind FastAPI
	}
	_ = json.Unmarshal(body, &wire) // text and HTML are answers too
	e := &Error{Op: op, status: status, code: wire.Code, Message: clean(wire.Message)}
	for _, other := range []json.RawMessage{wire.Error, wire.Detail} {
		if e.Message == "" && len(other) > 0 {
			e.Message = clean(strings.Trim(string(other), `"`))
		}
	}
	if e.Message == "" {
		e.Message = excerpt(body)
	}
	if !e.byCode() {
		e.byStatus(host)
	}
	return e
}

// byCode settles the kind by the error_code, when that says enough.
func (e *Error) byCode() bool {
	e.Permanent = true
	switch e.code {
	case "RESOURCE_DOES_NOT_EXIST":
		e.Kind = Gone
	case "RESOURCE_ALREADY_EXISTS", "RESOURCE_CONFLICT":
		e.Kind = Conflict
	case "INVALID_PARAMETER_VALUE", "BAD_REQUEST", "MALFORMED_REQUEST", "INVALID_STATE":
		e.Kind = Invalid
	case "PERMISSION_DENIED":
		e.Kind = Denied
		e.Hint = hintDenied
	case "UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED":
		e.Kind = Unauthenticated
		e.Hint = hintSignIn
	case "ENDPOINT_NOT_FOUND", "NOT_IMPLEMENTED":
		e.Kind = Unsupported
	case "FEATURE_DISABLED": // a 500 that comes again however often it is asked
		e.Kind = Unsupported
		e.Hint = "workspace is set (X-MLFLOW-WORKSPACE), and this server has none: leave it out"
	case "REQUEST_LIMIT_EXCEEDED":
		e.Kind, e.Permanent = RateLimited, false
	default:
		e.Permanent = false
		return false
	}
	return true
}

const (
	hintDenied = "the user needs EDIT on the model, and MANAGE to delete an alias"
	hintSignIn = "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN (auth: basic-token sends it as user and password both)"
)

func (e *Error) byStatus(host string) {
	text := e.Message
	switch {
	case e.status == http.StatusUnauthorized:
		e.Kind, e.Permanent, e.Hint = Unauthenticated, true, hintSignIn
		e.Message = "MLflow asks for a sign-in (401): " + text
	case e.status == http.StatusForbidden && strings.Contains(text, "Invalid Host header"):
		e.Kind, e.Permanent = HostRefused, true
		e.Message = "MLflow refuses to be called as " + quote(host) + " (403 Invalid Host header)"
		e.Hint = fmt.Sprintf("start it with --allowed-hosts %q, port included (MLFLOW_SERVER_ALLOWED_HOSTS)", host)
	case e.status == http.StatusForbidden:
		e.Kind, e.Permanent, e.Hint = Denied, true, hintDenied
		e.Message = "MLflow does not allow it (403): " + text
	case e.status == http.StatusNotFound, e.status == http.StatusMethodNotAllowed:
		e.Kind, e.Permanent = Unsupported, true
		e.Message = fmt.Sprintf("the server lacks this call (%d): %s", e.status, text)
		e.Hint = "does the tracking URI lead to MLflow, its path included? hosted registries lack newer calls"
	case strings.Contains(text, "artifacts-only"):
		e.Kind, e.Permanent = ArtifactsOnly, true
		e.Message = "the server keeps artifacts only and has no model registry (--artifacts-only)"
		e.Hint = "point the tracking URI at the tracking server itself"
	case e.status == http.StatusTooManyRequests:
		e.Kind = RateLimited
		e.Message = "MLflow asks for fewer calls (429): " + text
		e.Hint = "lower calls_per_second"
	case e.status >= 500 || e.status == http.StatusRequestTimeout:
		e.Kind = Server
		e.Message = fmt.Sprintf("MLflow failed (%d): %s", e.status, text)
	default:
		e.Kind, e.Permanent = Invalid, true
		e.Message = fmt.Sprintf("MLflow refused it (%d): %s", e.status, text)
	}
}

const maxMessage = 300

var (
	tags   = regexp.MustCompile(`(?is)<(script|style)\b.*?</(script|style)>|<[^>]*>`)
	spaces = regexp.MustCompile(`\s+`)
)

// clean cuts what 2.14.3 leaks of its database (the statement, its parameters)
// and makes one short line of the rest.
func clean(message string) string {
	for _, mark := range []string{"[SQL:", "[parameters:", "(Background on this error", "Traceback (most recent call last)"} {
		if i := strings.Index(message, mark); i >= 0 {
			message = message[:i]
		}
	}
	message = strings.TrimSpace(spaces.ReplaceAllString(message, " "))
	if runes := []rune(message); len(runes) > maxMessage {
		message = string(runes[:maxMessage]) + "…"
	}
	return message
}

// excerpt is the readable beginning of a body that is text or HTML.
func excerpt(body []byte) string {
	if len(body) > 16<<10 {
		body = body[:16<<10]
	}
	text := clean(html.UnescapeString(tags.ReplaceAllString(string(body), " ")))
	if text == "" {
		return "no text"
	}
	return text
}
