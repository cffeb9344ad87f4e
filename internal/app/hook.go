package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/headgate/headgate/internal/rollout"
	"github.com/headgate/headgate/proxy"
)

// hook has the upstreams of a model's baseline load a version: a call to each of
// them, or one command.
type hook struct {
	proxy  *proxy.Proxy
	client *http.Client
}

func newHook(p *proxy.Proxy) hook {
	return hook{proxy: p, client: &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return errors.New("the reload hook answered with a redirect, which is not followed")
		},
		Transport: &http.Transport{DisableKeepAlives: true},
	}}
}

// Reload runs the command once, or calls all upstreams, one after the other, so
// that they do not all load at once; one that refuses does not keep the others
// from being asked.
func (h hook) Reload(ctx context.Context, model, version string, a rollout.AfterPromote) error {
	var upstreams []string
	for _, u := range h.proxy.Health(model).Baseline.Upstreams {
		upstreams = append(upstreams, u.URL)
	}
	if len(upstreams) == 0 {
		return fmt.Errorf("reload %s: the baseline has no upstream", model)
	}
	if len(a.Command) > 0 {
		return runHook(ctx, a, hookEnvironment(model, version, upstreams))
	}
	var failed []error
	for _, u := range upstreams {
		if err := h.call(ctx, a, u); err != nil {
			failed = append(failed, fmt.Errorf("reload %s: %w", u, err))
		}
	}
	return errors.Join(failed...)
}

func (h hook) call(ctx context.Context, a rollout.AfterPromote, upstream string) error {
	ctx, cancel := context.WithTimeout(ctx, a.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, a.Method(), strings.TrimSuffix(upstream, "/")+a.Path(), http.NoBody)
	if err != nil {
		return err
	}
	began := time.Now()
	res, err := h.client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if _, err := io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20)); err != nil {
		return err
	}
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("%s answered %s after %s", a.Reload, res.Status, time.Since(began).Round(time.Millisecond))
	}
	return nil
}
