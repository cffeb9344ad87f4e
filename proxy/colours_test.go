package proxy

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headgate/headgate/canary"
)

// twoColours is a route whose upstreams answer with their colour.
func twoColours(t *testing.T) (c Config, blue, green string) {
	blue, green = startBackend(t, says("blue")), startBackend(t, says("green"))
	c = oneRoute(blue, green)
	c.Routes[0].ExposeArm = true
	c.Listen = "127.0.0.1:0"
	return c, blue, green
}

func everyone(w canary.Weight, c *Colours) Assignment {
	return Assignment{Split: canary.NewSplit(canary.Salt{1, 2, 3}, w), Colours: c}
}

// Everyone is on green as the candidate, then on green as the baseline, and so on:
// with every swap of the table the weight and the roles change together, so
// nobody ever meets blue.
func TestASwapOfTheRolesShowsNobodyTheOtherColour(t *testing.T) {
	c, blue, green := twoColours(t)
	p := startProxy(t, c)
	p.Assign(model, everyone(canary.Full, nil))
	swapped := &Colours{Serving: []string{green}, Idle: []string{blue}}
	stop := make(chan struct{})
	var answers atomic.Int64
	const wanted, within = 100, 30 * time.Second // the machine may be busy
	go func() {
		defer close(stop)
		end := time.Now().Add(within)
		for i := 0; i < 100 || answers.Load() < wanted && time.Now().Before(end); i++ {
			if i%2 == 0 {
				p.Assign(model, everyone(0, swapped))
			} else {
				p.Assign(model, everyone(canary.Full, nil))
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
	answered, failed := load(t, 8, func() string { return p.url }, stop, func(res *http.Response, body string) error {
		answers.Add(1)
		if res.StatusCode != 200 || body != "green" {
			return fmt.Errorf("%d %q on arm %q", res.StatusCode, body, res.Header.Get("X-Headgate-Arm"))
		}
		return nil
	})
	if len(failed) > 0 || answered < wanted {
		t.Errorf("%d of %d wrong: %v", len(failed), answered, failed[:min(3, len(failed))])
	}
	for _, arm := range []canary.Arm{canary.Baseline, canary.Candidate} {
		if p.attempts(arm, resultOK) == 0 {
			t.Errorf("no request was counted for the %s: the labels follow the role", arm)
		}
	}
}

func TestArmsKeepTheirConnectionsAndChangeTheirRoles(t *testing.T) {
	c, blue, green := twoColours(t)
	c.Routes[0].Force = &Force{Header: "X-Force", From: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	p := startProxy(t, c)
	before := p.table.Load().routes[0]
	p.Assign(model, everyone(canary.Full, nil))
	before.arms[canary.Baseline].breaker.trip("a test", true)
	eventually(t, "the gauge of the baseline's breaker", func() bool {
		return counted(t, p.metrics.breaker.WithLabelValues("churn", "baseline")) == 1
	})
	p.Assign(model, everyone(0, &Colours{Serving: []string{green}, Idle: []string{blue}}))
	after := p.table.Load().routes[0]
	if after.arms[0] != before.arms[1] || after.arms[1] != before.arms[0] {
		t.Error("other arms than before")
	}
	h := p.Health(model)
	if !h.Exchanged || h.Baseline.Upstreams[0].URL != green || h.Candidate.Upstreams[0].URL != blue {
		t.Errorf("health %+v", h)
	}
	if !h.Candidate.Breaker.Open || h.Candidate.Breaker.Arm != canary.Candidate || h.Baseline.Breaker.Open || h.Baseline.Breaker.Arm != canary.Baseline {
		t.Errorf("breakers %+v and %+v", h.Baseline.Breaker, h.Candidate.Breaker)
	}
	for arm, want := range map[string]int{"baseline": 0, "candidate": 1} {
		if got := counted(t, p.metrics.breaker.WithLabelValues("churn", arm)); got != want {
			t.Errorf("the gauge of the %s's breaker is %d, want %d", arm, got, want)
		}
	}
	if after.arms[canary.Candidate].urgent.Load() || after.arms[canary.Baseline].urgent.Load() {
		t.Error("probed as if users were on a candidate")
	}
	for arm, want := range map[string]string{"": "green", "baseline": "green", "candidate": "blue"} {
		if arm == "candidate" { // another rollout: its breaker is closed again
			p.Assign(model, everyone(1, &Colours{Serving: []string{green}, Idle: []string{blue}}))
		}
		var headers []string
		if arm != "" {
			headers = []string{"X-Force", arm}
		}
		if _, body := get(t, newHTTP(t), p.url, headers...); body != want {
			t.Errorf("forced to %q: %s answers, want %s", arm, body, want)
		}
	}
}

// TestReloadsKeepTheRoles: what the file calls the arms does not undo a swap.
func TestReloadsKeepTheRoles(t *testing.T) {
	c, blue, green := twoColours(t)
	red, black := startBackend(t, says("red")), startBackend(t, says("black"))
	arm := func(urls ...string) *ArmConfig { return &ArmConfig{Upstreams: urls} }
	for _, tt := range []struct {
		name            string
		first, second   *ArmConfig // as written
		serving         []string
		exchanged, kept bool
	}{
		{"unchanged", arm(blue), arm(green), []string{green}, true, true},
		{"written as it is now", arm(green), arm(blue), []string{green}, false, true},
		{"another address for those that serve", arm(blue), arm(red), []string{red}, true, false},
		{"another address for the idle ones", arm(red), arm(green), []string{green}, true, true},
		{"one more that serves", arm(blue), arm(green, red), []string{green, red}, true, false},
		{"all others: as written", arm(black), arm(red), []string{black}, false, false},
		{"no candidate any more", arm(green), nil, []string{green}, false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := startProxy(t, c)
			p.Assign(model, everyone(0, &Colours{Serving: []string{green}, Idle: []string{blue}}))
			serving := p.table.Load().routes[0].arms[canary.Baseline]
			next := c
			next.Routes = slices.Clone(c.Routes)
			next.Routes[0].Baseline, next.Routes[0].Candidate = tt.first, tt.second
			if err := p.Reload(next); err != nil {
				t.Fatal(err)
			}
			h := p.Health(model)
			var urls []string
			for _, u := range h.Baseline.Upstreams {
				urls = append(urls, u.URL)
			}
			if !slices.Equal(urls, tt.serving) || h.Exchanged != tt.exchanged {
				t.Errorf("%v serve, exchanged %v; want %v, %v", urls, h.Exchanged, tt.serving, tt.exchanged)
			}
			if now := p.table.Load().routes[0].arms[canary.Baseline]; (now == serving) != tt.kept {
				t.Errorf("the arm was kept: %v, want %v", now == serving, tt.kept)
			}
		})
	}
}

// TestCopiesGoToTheIdleColour whichever the file calls the candidate.
func TestCopiesGoToTheIdleColour(t *testing.T) {
	c, blue, green := twoColours(t)
	rc := c.Routes[0]
	_, targets := shadowOf((&Colours{Serving: []string{green}, Idle: []string{blue}}).InRole(rc), Assignment{})
	if !slices.Equal(targets.Candidate, []string{blue}) || !slices.Equal(targets.Baseline, []string{green}) {
		t.Errorf("copies go to %+v", targets)
	}
}
