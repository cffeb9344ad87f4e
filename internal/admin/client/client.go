package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/headgate/headgate/internal/admin"
)

const (
	// patience is above the server's own for an order.
	patience  = 110 * time.Second
	maxAnswer = 64 << 20
)

// Client calls one server.
type Client struct {
	base  *url.URL
	token string
	http  *http.Client
}

// New takes the server's address, such as http://127.0.0.1:8090, and a token;
// "" sends none.
func New(address, token string) (*Client, error) {
	u, err := url.Parse(address)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("the admin address has to be a URL such as %s", DefaultURL)
	}
	if u.User != nil {
		return nil, errors.New("the admin address holds a user name: put the token into HEADGATE_TOKEN instead")
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableKeepAlives = true
	return &Client{base: u, token: token, http: &http.Client{
		Timeout:       patience,
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Address is the server's, as given.
func (c *Client) Address() string { return c.base.String() }

// get and post do one call; path segments come unescaped.
func (c *Client) get(ctx context.Context, into any, query url.Values, path ...string) error {
	return c.call(ctx, http.MethodGet, nil, nil, into, query, path...)
}

func (c *Client) post(ctx context.Context, body, into any, path ...string) error {
	return c.call(ctx, http.MethodPost, body, nil, into, nil, path...)
}

func (c *Client) call(ctx context.Context, method string, body any, header http.Header, into any, query url.Values, path ...string) error {
	var sent io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("write the request: %w", err)
		}
		sent = bytes.NewReader(raw)
	}
	r, err := http.NewRequestWithContext(ctx, method, c.address(query, path), sent)
	if err != nil {
		return fmt.Errorf("make the request: %w", err)
	}
	for name, values := range header {
		r.Header[name] = values
	}
	r.Header.Set("Accept", "application/json")
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return c.unreachable(ctx, err)
	}
	defer func() { _ = answer.Body.Close() }()
	return c.read(answer, into)
}

func (c *Client) address(query url.Values, path []string) string {
	var b strings.Builder
	b.WriteString(strings.TrimSuffix(c.base.String(), "/"))
	for _, segment := range path {
		b.WriteString("/" + escape(segment))
	}
	if len(query) > 0 {
		b.WriteString("?" + query.Encode())
	}
	return b.String()
}

// escape keeps a name one segment, whatever it is made of: "." and ".." would
// be taken for steps in a path.
func escape(segment string) string {
	if strings.Trim(segment, ".") == "" {
		return strings.ReplaceAll(segment, ".", "%2E")
	}
	return url.PathEscape(segment)
}

func (c *Client) read(answer *http.Response, into any) error {
	raw, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("read the answer of %s: %w", c.base, err)
	}
	kind, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	switch {
	case answer.StatusCode == http.StatusOK && kind == "application/json":
		if err := json.Unmarshal(raw, into); err != nil {
			return fmt.Errorf("read the answer of %s: %w", c.base, err)
		}
		return nil
	case kind == admin.ProblemType:
		var p admin.Problem
		if err := json.Unmarshal(raw, &p); err != nil {
			return fmt.Errorf("read the answer of %s: %w", c.base, err)
		}
		return &Refusal{Code: p.Code, Message: p.Detail, Hint: p.Hint}
	}
	return &Refusal{Code: Invalid,
		Message: fmt.Sprintf("%s answered %d and does not look like a headgate admin API", c.base, answer.StatusCode),
		Hint:    "is --admin (or HEADGATE_ADMIN) the admin address, and not the traffic's?"}
}

// unreachable says in a few words why there is no answer, without the
// address that net/http repeats.
func (c *Client) unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return &Refusal{Code: Unreachable,
		Message: fmt.Sprintf("headgate at %s cannot be reached: %v", c.base, err),
		Hint:    "start it with `headgate serve`, or say where it is with --admin URL or HEADGATE_ADMIN"}
}
