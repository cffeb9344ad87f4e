package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

const (
	apiPath  = "/api/2.0/mlflow/"
	attempts = 4
	// maxWait is the longest Retry-After that is waited for inside one call.
	maxWait = 60 * time.Second
)

// call is one REST call.
type call struct {
	op     string // for errors
	method string
	path   string // below apiPath, or from the root when it starts with /
	query  url.Values
	body   any // sent as JSON, or as it is when []byte
	out    any // filled from the answer, or nil
	// once: the call is never sent again without reading what stands there. The
	// changes of stages and aliases are such: between two tries a person may have
	// acted.
	once bool
}

// do sends the call until it is answered, fails for good or tries are used up.
func (m *MLflow) do(ctx context.Context, c call) error {
	var payload []byte
	if c.body != nil {
		var ok bool
		if payload, ok = c.body.([]byte); !ok {
			var err error
			if payload, err = json.Marshal(c.body); err != nil {
				return &Error{Kind: Invalid, Op: c.op, Message: "the request cannot be written as JSON", Permanent: true, Err: err}
			}
		}
	}
	for n := 0; ; n++ {
		wait, err := m.try(ctx, c, payload)
		if err == nil || wait < 0 || c.once || n+1 == attempts {
			return err
		}
		wait = max(wait, m.backoff<<n)
		if deadline, ok := ctx.Deadline(); wait > maxWait || ok && time.Until(deadline) < wait {
			return err
		}
		if pause(ctx, wait) != nil {
			return err
		}
	}
}

// pause waits, or returns the context's error when it ends first.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// try sends the call once. wait is negative when another try is pointless, else
// what the server asked to wait for.
func (m *MLflow) try(ctx context.Context, c call, payload []byte) (wait time.Duration, err error) {
	m.pace.Take()
	ctx, cancel := context.WithTimeout(ctx, m.timeout)
	defer cancel()
	req, err := m.request(ctx, c, payload)
	if err != nil {
		return -1, &Error{Kind: Invalid, Op: c.op, Message: m.sign.scrub(err.Error()), Permanent: true}
	}
	resp, err := m.http.Do(req)
	if err != nil {
		if resp != nil { // a redirect that was not followed; its body is closed
			return -1, redirected(c.op, resp.Header.Get("Location"))
		}
		again, explained := m.unreachable(c.op, err)
		if !again {
			return -1, explained
		}
		return 0, explained
	}
	defer func() { _ = resp.Body.Close() }() // read to its end or given up
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		_, explained := m.unreachable(c.op, err)
		return 0, explained
	}
	if resp.StatusCode < 300 {
		return -1, m.decode(c, body)
	}
	return m.refusal(c, resp, body)
}

func (m *MLflow) request(ctx context.Context, c call, payload []byte) (*http.Request, error) {
	address := m.base + c.path
	if c.path[0] != '/' {
		address = m.base + apiPath + c.path
	}
	if len(c.query) > 0 {
		address += "?" + c.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, c.method, address, bytes.NewReader(payload))
	if err != nil {
		return nil, err
	}
	if c.method != http.MethodGet {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "headgate")
	if m.workspace != "" {
		req.Header.Set("X-MLFLOW-WORKSPACE", m.workspace)
	}
	m.sign.apply(req)
	return req, nil
}

func (m *MLflow) decode(c call, body []byte) error {
	if c.out == nil {
		return nil
	}
	if raw, ok := c.out.(*[]byte); ok {
		*raw = body
		return nil
	}
	if err := json.Unmarshal(body, c.out); err != nil {
		return &Error{
			Kind: Invalid, Op: c.op, Permanent: true, Err: err,
			Message: "the answer is not MLflow's JSON: " + excerpt(body),
			Hint:    "does the tracking URI " + m.base + " lead to MLflow, and not to a sign-in page?",
		}
	}
	return nil
}

// refusal explains an answer that is no success, and says whether and when to
// try again.
func (m *MLflow) refusal(c call, resp *http.Response, body []byte) (time.Duration, error) {
	e := explain(c.op, resp.StatusCode, body, m.host)
	e.Message = m.sign.scrub(e.Message)
	if e.Permanent {
		return -1, e
	}
	switch resp.StatusCode {
	case 408, 429, 500, 502, 503, 504:
		e.after = retryAfter(resp.Header.Get("Retry-After"), m.now())
		return e.after, e
	}
	return -1, e
}

// retryAfter reads seconds or a date (RFC 9110 §10.2.3); 0 when there is none.
func retryAfter(header string, now time.Time) time.Duration {
	if s, err := strconv.Atoi(header); err == nil && s >= 0 {
		return time.Duration(s) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil && at.After(now) {
		return at.Sub(now)
	}
	return 0
}

func redirected(op, location string) error {
	to := "nowhere"
	if u, err := url.Parse(location); err == nil && u.Host != "" {
		to = u.Scheme + "://" + u.Host
	} else if location != "" {
		to = "another path"
	}
	return &Error{
		Kind: Invalid, Op: op, Permanent: true, Err: errRedirect,
		Message: "the server redirects to " + to + ", and a write is never sent on",
		Hint:    "set the tracking URI to where it leads, mind http and https",
	}
}

// ended reports whether the caller's own context is the reason.
func ended(ctx context.Context, err error) bool {
	return err != nil && (ctx.Err() != nil || errors.Is(err, context.Canceled))
}
