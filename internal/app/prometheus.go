package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/client_golang/prometheus"
	prom "github.com/prometheus/common/model"

	"github.com/headgate/headgate/canary"
	"github.com/headgate/headgate/internal/kpi"
	"github.com/headgate/headgate/internal/rollout"
)

const (
	pollEvery  = time.Second     // how often it is looked whether a query is due
	queryLimit = 5 * time.Second // for one query
)

// What can become of a query.
const (
	queryValue     = "value"
	queryError     = "error"
	queryEmpty     = "empty"
	queryMany      = "many"
	queryNaN       = "not_a_number"
	queryUncounted = "uncounted" // in the warm-up
)

// poller asks a Prometheus for the values that the policy names, once for each
// arm, while the candidate has users. What is not one number is no value: it is
// counted, and said in the log when it begins and when it ends.
type poller struct {
	model   string
	log     hclog.Logger
	live    func() *rollout.Live
	weight  func() canary.Weight
	queries *prometheus.CounterVec

	rollout string // the client is for
	client  v1.API
	due     time.Time
	trouble map[string]string // by query and arm
}

func newQueries(reg prometheus.Registerer) (*prometheus.CounterVec, error) {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "headgate_prometheus_queries_total", Help: "Queries of a policy to a Prometheus, by what came of them.",
	}, []string{"model", "query", "result"})
	return c, reg.Register(c)
}

// run asks until ctx ends.
func (p *poller) run(ctx context.Context) {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			p.poll(ctx, now)
		}
	}
}

func (p *poller) poll(ctx context.Context, now time.Time) {
	l := p.live()
	if l == nil || l.Policy.Prometheus == nil || p.weight() == 0 || now.Before(p.due) {
		return
	}
	c := *l.Policy.Prometheus
	p.due = now.Add(c.Every)
	if p.rollout != l.Rollout {
		client, err := newPrometheus(c)
		if err != nil {
			p.log.Error("prometheus cannot be asked", "model", p.model, "url", c.URL, "error", err)
			return
		}
		p.rollout, p.client, p.trouble = l.Rollout, client, map[string]string{}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Queries)) {
		for arm := range 2 {
			p.ask(ctx, c, l.Recorder, name, canary.Arm(arm))
		}
	}
}

// ask feeds the meter one value, or says why there is none.
func (p *poller) ask(ctx context.Context, c rollout.Prometheus, r *kpi.Recorder, name string, arm canary.Arm) {
	v, result, err := query(ctx, p.client, c.For(name, arm.String()))
	if ctx.Err() != nil {
		return
	}
	if result == queryValue {
		switch r.Meter().Outside(int(arm), name, v) {
		case kpi.OutcomeAccepted:
		case kpi.OutcomeUnknown:
			result = queryUncounted
		default:
			result, err = queryError, errors.New("there are too many names of values")
		}
	}
	p.queries.WithLabelValues(p.model, name, result).Inc()
	p.say(name, arm, result, err)
}

// say logs the beginning of a trouble and its end, not every query.
func (p *poller) say(name string, arm canary.Arm, result string, err error) {
	if result == queryUncounted {
		return
	}
	at, was := name+" "+arm.String(), ""
	was, p.trouble[at] = p.trouble[at], result
	switch {
	case result == queryValue && was != "" && was != queryValue:
		p.log.Info("the query has a value again", "model", p.model, "query", name, "arm", arm.String())
	case result != queryValue && was != result:
		p.log.Warn("the query has no value, which counts as none and not as 0", "model", p.model, "query", name, "arm", arm.String(), "result", result, "error", err)
	}
}

// query asks for one number.
func query(ctx context.Context, client v1.API, text string) (v float64, result string, err error) {
	ctx, cancel := context.WithTimeout(ctx, queryLimit)
	defer cancel()
	value, _, _, err := client.Query(ctx, text, time.Now(), v1.WithTimeout(queryLimit))
	if err != nil {
		return 0, queryError, err
	}
	switch value := value.(type) {
	case *prom.Scalar:
		v = float64(value.Value)
	case prom.Vector:
		switch len(value) {
		case 0:
			return 0, queryEmpty, errors.New("no series matches")
		case 1:
			if value[0].Histogram != nil { // its Value is 0
				return 0, queryError, errors.New("the answer is a histogram, a number is wanted: histogram_quantile(…) makes one of it")
			}
			v = float64(value[0].Value)
		default:
			return 0, queryMany, fmt.Errorf("%d series match, one is wanted: avg(…) or sum(…) makes one of them", len(value))
		}
	default:
		return 0, queryError, fmt.Errorf("the answer is a %s, a number is wanted", value.Type())
	}
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0, queryNaN, fmt.Errorf("the value is %v", v)
	}
	return v, queryValue, nil
}

func newPrometheus(c rollout.Prometheus) (v1.API, error) {
	client, err := api.NewClient(api.Config{Address: c.URL, Client: &http.Client{
		Transport: signer{c},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return errors.New("prometheus answered with a redirect, which is not followed")
		},
	}})
	if err != nil {
		return nil, err
	}
	return v1.NewAPI(client), nil
}

// signer puts the secrets on each request, as their files hold them now.
type signer struct{ rollout.Prometheus }

// plain has no connections that outlive a query: there are few, and none of
// them is left open when the rollout ends.
var plain = &http.Transport{DisableKeepAlives: true, Proxy: http.ProxyFromEnvironment}

func (s signer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	file := s.TokenFile + s.PasswordFile // one of them at most
	if file != "" {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		secret := strings.TrimSpace(string(data))
		if s.Username != "" {
			r.SetBasicAuth(s.Username, secret)
		} else {
			r.Header.Set("Authorization", "Bearer "+secret)
		}
	}
	return plain.RoundTrip(r)
}
