package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	// WebhookTimeout bounds one post: look-up, connection, answer.
	WebhookTimeout = 10 * time.Second
	// answerLimit is how much of an answer is read, in bytes; it is thrown away.
	answerLimit = 64 << 10
)

// post sends the incident once. Redirects are not followed: a 30x could lead
// anywhere, and would turn the POST into a GET.
func post(ctx context.Context, c Config, m Message) error {
	ctx, cancel := context.WithTimeout(ctx, WebhookTimeout)
	defer cancel()
	fail := func(permanent bool, after time.Duration, err error) error {
		return &Error{Place: c.String(), Permanent: permanent, After: after, Err: err}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.Webhook, bytes.NewReader(m.JSON))
	if err != nil {
		return fail(true, 0, errors.New("the URL cannot be used"))
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "headgate")
	req.Header.Set("Idempotency-Key", m.ID)
	req.Header.Set("X-Headgate-Delivery", m.ID)
	req.Header.Set("X-Headgate-Title", url.PathEscape(oneLine(m.Title)))
	client := &http.Client{
		Transport:     transport(),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		return fail(errors.Is(err, errDenied), 0, withoutURL(err))
	}
	// The status says whether it was taken; how the rest fares changes nothing.
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, answerLimit))
	switch code := resp.StatusCode; {
	case code >= 200 && code < 300:
		return nil
	case code == http.StatusRequestTimeout, code == http.StatusTooEarly, code == http.StatusTooManyRequests, code >= 500:
		return fail(false, retryAfter(resp.Header), fmt.Errorf("answered %d", code))
	case code >= 300 && code < 400:
		return fail(true, 0, fmt.Errorf("answered %d: redirects are not followed, write the final URL", code))
	default:
		return fail(true, 0, fmt.Errorf("answered %d", code))
	}
}

// transport is made for one post and keeps nothing: incidents are rare, and an
// idle connection would outlive the reload that took its address away.
func transport() *http.Transport {
	dialer := &net.Dialer{Timeout: WebhookTimeout, Control: denyMetadata}
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           dialer.DialContext,
		DisableKeepAlives:     true,
		ForceAttemptHTTP2:     true,
		TLSHandshakeTimeout:   WebhookTimeout,
		ResponseHeaderTimeout: WebhookTimeout,
	}
}

// withoutURL drops what net/http puts in front of an error: the whole URL,
// query and all.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// retryAfter reads the header's seconds; dates are not worth the trouble here.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.Atoi(strings.TrimSpace(h.Get("Retry-After")))
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(min(seconds, 3600)) * time.Second
}
