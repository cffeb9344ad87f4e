package admin

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
)

// harden sets what every answer carries: nothing of it is kept, guessed at,
// framed or run by a browser.
func harden(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

// encode renders before anything is written: half an answer is worse than a 500.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // a record keeps its bytes: its hash depends on them
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// write sends a rendered body; an error means that the caller has left.
func write(w http.ResponseWriter, status int, mediaType string, body []byte) {
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func writeProblem(w http.ResponseWriter, p *Problem) {
	if p.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="headgate"`)
	}
	body, err := encode(p)
	if err != nil {
		panic("BUG: a problem document that cannot be written: " + err.Error())
	}
	write(w, p.Status, ProblemType, body)
}
