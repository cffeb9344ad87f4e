package admin

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headgate/headgate/internal/rollout"
)

const siren = "/api/v1/alerts"

func webhook(alerts ...string) string {
	return `{"version":"4","receiver":"headgate","futureField":{},"truncatedAlerts":2,"alerts":[` + strings.Join(alerts, ",") + `]}`
}

const slow = `{"status":"firing","labels":{"alertname":"Slow","model":"m"},"startsAt":"2026-03-01T12:00:00Z"}`

func TestAlertsAreAnsweredOneByOne(t *testing.T) {
	a := run(t, Config{}, &fake{}).ask(t, "POST", siren, webhook(slow, strings.Replace(slow, "Slow", "Bad", 1)))
	var got AlertAnswers
	if err := json.Unmarshal([]byte(a.body), &got); err != nil || a.status != 200 {
		t.Fatalf("%d %s %v", a.status, a.body, err)
	}
	if len(got.Alerts) != 2 || got.Alerts[1].Alert != "Bad" || got.Alerts[0].Decision != "ignored" || got.Alerts[0].Reason != "because" || got.Truncated != 2 {
		t.Errorf("%s", a.body)
	}
	if empty := run(t, Config{}, &fake{}).ask(t, "POST", siren, webhook()); empty.status != 200 || !strings.Contains(empty.body, `"alerts":[]`) {
		t.Errorf("%d %s", empty.status, empty.body)
	}
}

func TestAlertsThatAreRefused(t *testing.T) {
	cases := []struct {
		name, body, contentType string
		status                  int
		detail                  string
	}{
		{"not JSON", "{version", "", 400, "not JSON: invalid character 'v'"},
		{"nothing", " ", "application/json", 400, "not JSON"},
		{"another version", strings.Replace(webhook(slow), `"4"`, `"5"`, 1), "", 400, `version: wanted "4"`},
		{"a form", webhook(slow), "application/x-www-form-urlencoded", 415, "the body has to be JSON"},
		{"a long body", webhook(strings.Repeat(" ", maxAlertBody)), "", 413, "the body is longer than 4194304 bytes"},
		{"too many", webhook(strings.Repeat(slow+",", 2000) + slow), "", 413, "more than 2000 alerts"},
	}
	s := run(t, Config{}, &fake{})
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var header []string
			if c.contentType != "" {
				header = []string{"Content-Type", c.contentType}
			}
			if p := s.ask(t, "POST", siren, c.body, header...).problem(t); p.Status != c.status || !strings.HasPrefix(p.Detail, c.detail) {
				t.Errorf("got %d %q, want %d %q", p.Status, p.Detail, c.status, c.detail)
			}
		})
	}
}

// What is our trouble is a 5xx: Alertmanager sends those again, and drops 4xx.
func TestAlertsThatShouldComeAgain(t *testing.T) {
	for want, err := range map[string]error{
		"no decision could be made":  errors.New("dial " + planted),
		"the decision stands, but":   fmt.Errorf("m: %w", rollout.ErrUnwritten),
		"no decision could be made;": fmt.Errorf("m: %w", &rollout.Refusal{Code: rollout.Refused, Message: "no"}),
	} {
		a := run(t, Config{}, &fake{undecided: err}).ask(t, "POST", siren, webhook(slow))
		if p := a.problem(t); p.Status != 503 || !strings.HasPrefix(p.Detail, want) || a.header.Get("Retry-After") != "1" || strings.Contains(a.body, planted) {
			t.Errorf("%d %s, Retry-After %q", a.status, a.body, a.header.Get("Retry-After"))
		}
	}
}

func TestTooManyMessagesAtOnce(t *testing.T) {
	f := &fake{gate: make(chan struct{}), entered: make(chan struct{})}
	s := run(t, Config{}, f)
	var wait sync.WaitGroup
	for range alertsAtOnce {
		wait.Go(func() {
			if a := s.ask(t, "POST", siren, webhook(slow)); a.status != 200 {
				t.Errorf("%d %s", a.status, a.body)
			}
		})
	}
	for end := time.Now().Add(10 * time.Second); len(s.alerting) < alertsAtOnce && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	a := s.ask(t, "POST", siren, webhook(slow))
	if p := a.problem(t); p.Status != 503 || a.header.Get("Retry-After") == "" {
		t.Errorf("%d %s", a.status, a.body)
	}
	close(f.gate)
	wait.Wait()
	if a := s.ask(t, "POST", siren, webhook(slow)); a.status != 200 {
		t.Errorf("afterwards %d %s", a.status, a.body)
	}
}

// A sender that trickles loses its place, and the others have theirs.
func TestTrickledAlertsEnd(t *testing.T) {
	s := run(t, Config{}, &fake{})
	conn, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // the test is over
	if _, err := io.WriteString(conn, "POST "+siren+" HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(alertReadTime + 10*time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if len(s.alerting) == 1 {
			break
		}
	}
	if err := conn.SetReadDeadline(time.Now().Add(alertReadTime + 10*time.Second)); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "HTTP/1.1 503") {
		t.Errorf("%q, %v; want a 503, which Alertmanager sends again", line, err)
	}
	for end := time.Now().Add(10 * time.Second); len(s.alerting) > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the place is still taken")
		}
	}
}
