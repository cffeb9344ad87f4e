package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/headgate/headgate/internal/kpi"
)

// maxRequestID is the longest id that the data plane takes from a client.
const maxRequestID = 128

var (
	linesOfJSON   = []string{"application/x-ndjson", "application/ndjson", "application/jsonl"}
	outcomeName   = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)
	outcomeKinds  = []string{kpi.Click, kpi.Conversion, kpi.Label, kpi.Value, Measurement}
	outcomeFields = fields(new(Outcome))
)

// readOutcomes reads a batch: {"outcomes": […]}, the list alone, or one
// outcome a line. Nothing of a body that is not JSON as a whole is taken.
func readOutcomes(w http.ResponseWriter, r *http.Request) ([]json.RawMessage, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	lines := err == nil && slices.Contains(linesOfJSON, kind)
	if !lines {
		if err := jsonOnly(r); err != nil {
			return nil, err
		}
	}
	// A sender that trickles holds one of few places.
	if err := http.NewResponseController(w).SetReadDeadline(time.Now().Add(outcomeReadTime)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return nil, fmt.Errorf("read the outcomes: %w", err)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxOutcomesBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, problem(CodeTooLarge, fmt.Sprintf("the body is longer than %d bytes", maxOutcomesBody), "send smaller batches")
	case err != nil:
		return nil, problem(CodeMalformed, "the body ended early", "")
	}
	items, err := splitOutcomes(body, lines)
	if err == nil && len(items) > MaxOutcomes {
		return nil, problem(CodeTooLarge, fmt.Sprintf("%d outcomes are more than %d", len(items), MaxOutcomes), "send smaller batches")
	}
	return items, err
}

func splitOutcomes(body []byte, lines bool) (items []json.RawMessage, err error) {
	body = bytes.TrimSpace(body)
	switch {
	case lines:
		for line := range bytes.Lines(body) {
			if line = bytes.TrimSpace(line); len(line) > 0 {
				items = append(items, line)
			}
		}
		return items, nil
	case len(body) == 0:
		return nil, problem(CodeMalformed, "the body is empty", `send {"outcomes":[…]}`)
	case body[0] == '[':
		err = oneValue(body, &items)
	default:
		var batch struct {
			Outcomes *[]json.RawMessage `json:"outcomes"`
		}
		if err = oneValue(body, &batch); err == nil && batch.Outcomes == nil {
			err = problem(CodeMalformed, `field "outcomes" is missing`, `send {"outcomes":[…]}`)
		}
		if err == nil {
			items = *batch.Outcomes
		}
	}
	return items, err
}

// oneValue reads exactly one JSON value.
func oneValue(body []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		if _, isList := into.(*[]json.RawMessage); isList {
			into = &struct {
				Outcomes any `json:"outcomes"`
			}{}
		}
		return malformed(err, into)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return problem(CodeMalformed, "the body holds more than one JSON value", "")
	}
	return nil
}

// parseOutcome reads one outcome strictly.
func parseOutcome(raw []byte) (Outcome, *Complaint) {
	var o Outcome
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	err := d.Decode(&o)
	var kind *json.UnmarshalTypeError
	switch {
	case err == nil:
		if _, err := d.Token(); !errors.Is(err, io.EOF) {
			return o, &Complaint{Wanted: "one JSON object a line"}
		}
		if raw = bytes.TrimSpace(raw); raw[0] != '{' { // null leaves everything as it was
			return o, &Complaint{Wanted: "a JSON object, got " + clip(string(raw))}
		}
		return o, o.validate()
	case errors.As(err, &kind) && kind.Field != "":
		return o, &Complaint{Field: kind.Field, Value: clip(kind.Value), Wanted: wantedType(kind)}
	case errors.As(err, &kind):
		return o, &Complaint{Wanted: "a JSON object, got " + clip(kind.Value)}
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		if bare, err := strconv.Unquote(name); err == nil {
			name = bare
		}
		return o, &Complaint{Field: clip(name), Wanted: "one of " + strings.Join(outcomeFields, ", ")}
	}
	return o, &Complaint{Wanted: "JSON: " + clip(err.Error())}
}

func wantedType(e *json.UnmarshalTypeError) string {
	switch e.Field {
	case "value":
		return "a number"
	case "index":
		return "a whole number of 0 or more"
	}
	return "text"
}

// validate says what is wrong with an outcome; nil when nothing is.
func (o *Outcome) validate() *Complaint {
	wrong := func(field, value, wanted string) *Complaint {
		return &Complaint{Field: field, Value: clip(value), Wanted: wanted}
	}
	named, measured := o.Kind == kpi.Value || o.Kind == Measurement, o.Kind == Measurement
	switch {
	case !slices.Contains(outcomeKinds, o.Kind):
		return wrong("kind", o.Kind, "one of "+strings.Join(outcomeKinds, ", "))
	case measured && o.RequestID != "":
		return wrong("request_id", o.RequestID, "none: a measurement belongs to an arm")
	case !measured && (o.RequestID == "" || len(o.RequestID) > maxRequestID):
		return wrong("request_id", o.RequestID, fmt.Sprintf("the X-Request-Id of the answer, 1 to %d bytes", maxRequestID))
	case measured && o.Arm != "baseline" && o.Arm != "candidate":
		return wrong("arm", o.Arm, "baseline or candidate")
	case measured && o.Model == "":
		return wrong("model", "", "the model it belongs to")
	case !measured && o.Arm != "":
		return wrong("arm", o.Arm, "none: the request's own arm counts")
	case named && !outcomeName.MatchString(o.Name):
		return wrong("name", o.Name, "1 to 64 letters, digits, _ . or -")
	case !named && o.Name != "":
		return wrong("name", o.Name, "none for a "+o.Kind)
	case o.Index < 0 || o.Index > 0 && o.Kind != kpi.Label:
		return wrong("index", strconv.Itoa(o.Index), "0 or more, for a label only")
	}
	return o.validateValue()
}

func (o *Outcome) validateValue() *Complaint {
	yesNo := o.Kind == kpi.Click || o.Kind == kpi.Conversion
	switch {
	case o.Value == nil && yesNo:
		o.Value = new(float64)
		*o.Value = 1
	case o.Value == nil:
		return &Complaint{Field: "value", Wanted: "a number"}
	case yesNo && *o.Value != 0 && *o.Value != 1:
		return &Complaint{Field: "value", Value: strconv.FormatFloat(*o.Value, 'g', -1, 64), Wanted: "1, or 0 for one that is known not to come"}
	}
	return nil
}

// clip keeps an answer short, and valid text.
func clip(s string) string {
	const most = 64
	if len(s) <= most {
		return s
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
