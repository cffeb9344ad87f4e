package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/headgate/headgate/internal/rollout"
	"github.com/headgate/headgate/proxy"
)

// checkHeader marks the requests that check an idle colour.
const checkHeader = "X-Headgate-Check"

// warmer checks the candidate's upstreams before users come.
type warmer struct {
	proxy  *proxy.Proxy
	client *http.Client
}

func newWarmer(p *proxy.Proxy) warmer {
	return warmer{proxy: p, client: &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{MaxIdleConnsPerHost: 1},
	}}
}

// WarmUp sends the check's requests to each upstream, one after the other: the
// first answer that is not good ends it.
func (w warmer) WarmUp(ctx context.Context, model string, c rollout.Check) (answered int, err error) {
	var upstreams []string
	for _, u := range w.proxy.Health(model).Candidate.Upstreams {
		upstreams = append(upstreams, u.URL)
	}
	return w.all(ctx, c, upstreams)
}

func (w warmer) all(ctx context.Context, c rollout.Check, upstreams []string) (answered int, err error) {
	defer w.client.CloseIdleConnections()
	if len(upstreams) == 0 {
		return 0, errors.New("the candidate has no upstream")
	}
	for _, u := range upstreams {
		for i := range c.Requests {
			if err := w.ask(ctx, c, u); err != nil {
				return answered, fmt.Errorf("request %d of %d to %s: %w", i+1, c.Requests, u, err)
			}
			answered++
		}
	}
	return answered, nil
}

func (w warmer) ask(ctx context.Context, c rollout.Check, upstream string) error {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, c.Method, strings.TrimSuffix(upstream, "/")+c.Path, strings.NewReader(c.Body))
	if err != nil {
		return err
	}
	req.Header.Set(checkHeader, "1")
	if c.Type != "" {
		req.Header.Set("Content-Type", c.Type)
	}
	res, err := w.client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }() // read to its end
	if _, err := io.Copy(io.Discard, io.LimitReader(res.Body, 8<<20)); err != nil {
		return err
	}
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s answered %s", c.Method, c.Path, res.Status)
	}
	return nil
}
