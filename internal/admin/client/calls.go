package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"

	"github.com/headgate/headgate/internal/admin"
)

// Ready is nil when the server serves users. It needs no token.
func (c *Client) Ready(ctx context.Context) error {
	var said struct{}
	return c.get(ctx, &said, nil, "readyz")
}

// Rollouts lists every model of the server's policy.
func (c *Client) Rollouts(ctx context.Context) (views []View, err error) {
	err = c.get(ctx, &views, nil, "api", "v1", "rollouts")
	return views, err
}

// Rollout is one model's view.
func (c *Client) Rollout(ctx context.Context, model string) (v View, err error) {
	err = c.get(ctx, &v, nil, "api", "v1", "rollouts", model)
	return v, err
}

// orderBody is what an order sends; the server refuses a field that the kind
// does not know, so only what was set travels.
type orderBody struct {
	Version    string `json:"version,omitempty"`
	Baseline   string `json:"baseline,omitempty"`
	Reason     string `json:"reason,omitempty"`
	Force      bool   `json:"force,omitempty"`
	Again      bool   `json:"again,omitempty"`
	Unverified bool   `json:"unverified,omitempty"`
}

// Order gives one order and returns the view after it.
func (c *Client) Order(ctx context.Context, model string, o Command) (v View, err error) {
	header := http.Header{}
	if o.IfMatch != nil {
		header.Set("If-Match", strconv.Quote(strconv.FormatUint(*o.IfMatch, 10)))
	}
	body := orderBody{Version: o.Version, Baseline: o.Baseline, Reason: o.Reason, Force: o.Force, Again: o.Again, Unverified: o.Unverified}
	err = c.call(ctx, http.MethodPost, body, header, &v, nil, "api", "v1", "rollouts", model, string(o.Kind))
	return v, err
}

// Register makes a new version of a model in the registry.
func (c *Client) Register(ctx context.Context, r Registration) (v Version, err error) {
	err = c.post(ctx, r, &v, "api", "v1", "registry", "versions")
	return v, err
}

// TransitionStage moves one version to a stage.
func (c *Client) TransitionStage(ctx context.Context, m Move) (t Transition, err error) {
	err = c.post(ctx, m, &t, "api", "v1", "registry", "transition-stage")
	return t, err
}

// Outcomes sends what became known of requests, at most admin.MaxOutcomes.
// Sending them again does no harm.
func (c *Client) Outcomes(ctx context.Context, list []Outcome) (r OutcomeReport, err error) {
	err = c.post(ctx, map[string][]Outcome{"outcomes": list}, &r, "api", "v1", "outcomes")
	return r, err
}

// OutcomeStats says how outcomes are joined, for each rollout that joins any.
func (c *Client) OutcomeStats(ctx context.Context) (list []ModelOutcomes, err error) {
	err = c.get(ctx, &list, nil, "api", "v1", "outcomes")
	return list, err
}

// Doctor asks the server what is wrong.
func (c *Client) Doctor(ctx context.Context) (findings []Finding, err error) {
	err = c.get(ctx, &findings, nil, "api", "v1", "doctor")
	return findings, err
}

// Incidents lists the newest incidents, at most limit.
func (c *Client) Incidents(ctx context.Context, limit int) (list []json.RawMessage, err error) {
	err = c.get(ctx, &list, url.Values{"limit": {strconv.Itoa(limit)}}, "api", "v1", "incidents")
	return list, err
}

// Journal walks the record upwards from sequence number from.
func (c *Client) Journal(ctx context.Context, from uint64, each func(Entry) error) error {
	for next := &from; next != nil; {
		var page admin.Page
		query := url.Values{"from": {strconv.FormatUint(*next, 10)}, "limit": {strconv.Itoa(admin.MaxPage)}}
		if err := c.get(ctx, &page, query, "api", "v1", "journal"); err != nil {
			return err
		}
		for _, e := range page.Entries {
			if err := each(e); err != nil {
				return err
			}
		}
		next = page.Next
	}
	return nil
}

// VerifyJournal has the server walk its whole record.
func (c *Client) VerifyJournal(ctx context.Context) (v Verification, err error) {
	err = c.get(ctx, &v, nil, "api", "v1", "journal", "verify")
	return v, err
}
