package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strconv"
	"strings"
)

// MaxBody bounds the body of a request, in bytes; orders are short.
const MaxBody = 64 << 10

// decode reads the JSON body into into, strictly: no unknown field, nothing
// after the value. An empty body is {} , so that an order without details
// needs none.
func decode(w http.ResponseWriter, r *http.Request, into any) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return problem(CodeTooLarge, fmt.Sprintf("the body is longer than %d bytes", MaxBody), "")
	case err != nil:
		return problem(CodeMalformed, "the body ended early", "")
	case len(bytes.TrimSpace(body)) == 0:
		return nil
	}
	if err := jsonOnly(r); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return malformed(err, into)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return problem(CodeMalformed, "the body holds more than one JSON value", "")
	}
	return nil
}

// jsonOnly refuses what a web form could send.
func jsonOnly(r *http.Request) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return problem(CodeNotJSON, "the body has to be JSON and say so", "send Content-Type: application/json")
	}
	return nil
}

// malformed says what is wrong with a body without repeating its values.
func malformed(err error, into any) *Problem {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return problem(CodeMalformed, fmt.Sprintf("the body is not JSON: %v (byte %d)", syntax, syntax.Offset), "")
	case errors.As(err, &kind) && kind.Field != "":
		return problem(CodeMalformed, fmt.Sprintf("field %q: wanted %s, got %s", kind.Field, kind.Type, kind.Value), "")
	case errors.As(err, &kind):
		return problem(CodeMalformed, fmt.Sprintf("the body has to be a JSON object, got %s", kind.Value), "")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return problem(CodeMalformed, "the body is not JSON: it ends early", "")
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return problem(CodeMalformed, "unknown field "+name, "known here: "+strings.Join(fields(into), ", "))
	}
	return problem(CodeMalformed, "the body is not what is wanted here", "known here: "+strings.Join(fields(into), ", "))
}

// fields lists the JSON names of a pointed-to struct.
func fields(into any) []string {
	t := reflect.TypeOf(into).Elem()
	var names []string
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); name != "-" {
			names = append(names, name)
		}
	}
	return names
}

// generation reads If-Match; nil means that any generation will do.
func generation(r *http.Request) (*uint64, error) {
	text := strings.TrimSpace(r.Header.Get("If-Match"))
	if text == "" || text == "*" {
		return nil, nil
	}
	n, err := strconv.ParseUint(strings.Trim(text, `"`), 10, 64)
	if err != nil {
		return nil, problem(CodeMalformed, "If-Match has to be one generation, as the ETag gave it", `send If-Match: "12", or leave it out`)
	}
	return &n, nil
}

func etag(generation uint64) string { return strconv.Quote(strconv.FormatUint(generation, 10)) }

// number reads a query parameter between lowest and highest.
func number(r *http.Request, name string, otherwise, lowest, highest uint64) (uint64, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n < lowest || n > highest {
		return 0, problem(CodeMalformed, fmt.Sprintf("%s has to be a whole number from %d to %d", name, lowest, highest), "")
	}
	return n, nil
}
