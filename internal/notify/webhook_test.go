package notify

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/headgate/headgate/internal/freeport"
)

func TestDeliverWebhook(t *testing.T) {
	var got *http.Request
	var body []byte
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		w.WriteHeader(http.StatusAccepted)
	}))
	defer s.Close()
	m := Message{ID: "r-1", Title: "version 2\r\nwas taken back", JSON: []byte(`{"id":"r-1"}`)}
	if err := Deliver(context.Background(), Config{Webhook: s.URL + "/hook?key=k"}, m); err != nil {
		t.Fatal(err)
	}
	for header, want := range map[string]string{
		"Content-Type": "application/json", "Idempotency-Key": "r-1", "X-Headgate-Delivery": "r-1",
		"X-Headgate-Title": "version%202%20was%20taken%20back",
	} {
		if v := got.Header.Get(header); v != want {
			t.Errorf("%s: %q, want %q", header, v, want)
		}
	}
	if got.Method != http.MethodPost || got.URL.RequestURI() != "/hook?key=k" || string(body) != string(m.JSON) {
		t.Errorf("got %s %s %s", got.Method, got.URL, body)
	}
}

func TestDeliverWebhookAnswers(t *testing.T) {
	tests := map[string]struct {
		code      int
		header    string
		retriable bool
		after     time.Duration
	}{
		"not found":           {code: 404},
		"not allowed":         {code: 403},
		"redirect":            {code: 307},
		"too many":            {code: 429, header: "7", retriable: true, after: 7 * time.Second},
		"too many, with date": {code: 429, header: "Wed, 21 Oct 2026 07:28:00 GMT", retriable: true},
		"overloaded":          {code: 503, retriable: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			calls := 0
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				calls++
				w.Header().Set("Location", "/elsewhere")
				w.Header().Set("Retry-After", tt.header)
				w.WriteHeader(tt.code)
			}))
			defer s.Close()
			err := Deliver(context.Background(), Config{Webhook: s.URL + "/secretpath?key=secretquery"}, Message{ID: "r-1"})
			var e *Error
			if !errors.As(err, &e) || Retriable(err) != tt.retriable || e.After != tt.after {
				t.Errorf("got %#v, want retriable %v after %v", err, tt.retriable, tt.after)
			}
			if calls != 1 || strings.Contains(err.Error(), "secret") {
				t.Errorf("%d calls, error %v", calls, err)
			}
		})
	}
}

func TestDeliverWebhookUnreachable(t *testing.T) {
	address, err := freeport.TakeAddress()
	if err != nil {
		t.Fatal(err)
	}
	err = Deliver(context.Background(), Config{Webhook: "http://me:secret@" + address + "/secret?secret=1"}, Message{ID: "r-1"})
	if !Retriable(err) || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), "refused") {
		t.Errorf("got %v, want a retriable error without secrets", err)
	}
}

func TestDeliverWebhookHonoursItsContext(t *testing.T) {
	release := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer s.Close()
	defer close(release)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	err := Deliver(ctx, Config{Webhook: s.URL}, Message{ID: "r-1"})
	if !Retriable(err) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want a retriable time-out", err)
	}
}

// The name is looked up after the policy was read: only the dialled address counts.
func TestMetadataIsNeverDialled(t *testing.T) {
	for _, at := range []string{"169.254.169.254:80", "[fd00:ec2::254]:80", "[::ffff:169.254.1.1]:80", "[fe80::1%eth0]:80", "100.100.100.200:80", "nonsense"} {
		if err := denyMetadata("tcp", at, nil); !errors.Is(err, errDenied) {
			t.Errorf("%s: %v, want it denied", at, err)
		}
	}
	for _, at := range []string{"127.0.0.1:80", "[::1]:80", "10.0.0.1:443", "[fd00:ec2::253]:80"} {
		if err := denyMetadata("tcp", at, nil); err != nil {
			t.Errorf("%s: %v", at, err)
		}
	}
	err := Deliver(context.Background(), Config{Webhook: "http://" + netip.MustParseAddr("169.254.169.254").String() + "/"}, Message{ID: "r-1"})
	if err == nil || Retriable(err) || !errors.Is(err, errDenied) {
		t.Errorf("got %v, want a permanent refusal", err)
	}
}
