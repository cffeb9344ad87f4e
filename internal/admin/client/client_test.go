package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/headgate/headgate/internal/freeport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// against answers every request with h and returns a client of it.
func against(t *testing.T, h http.HandlerFunc) *Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	c, err := New(s.URL, "hg_token")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAddressesAreChecked(t *testing.T) {
	for _, address := range []string{"", "127.0.0.1:8090", "ftp://x", "http://", "http://x?a=b"} {
		if _, err := New(address, ""); err == nil || !strings.Contains(err.Error(), DefaultURL) {
			t.Errorf("%q: %v", address, err)
		}
	}
	if _, err := New("http://me:pw@x", ""); err == nil || strings.Contains(err.Error(), "pw") {
		t.Errorf("a password: %v", err)
	}
}

func TestAProblemIsARefusal(t *testing.T) {
	c := against(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(409)
		_, _ = fmt.Fprint(w, `{"status":409,"detail":"no","code":"refused","hint":"later"}`)
	})
	_, err := c.Rollout(context.Background(), "m")
	var r *Refusal
	if !errors.As(err, &r) || *r != (Refusal{Code: Refused, Message: "no", Hint: "later"}) {
		t.Errorf("%#v", err)
	}
}

func TestTheTokenGoesNowhereElse(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("followed a redirect") }))
	t.Cleanup(elsewhere.Close)
	c := against(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer hg_token" {
			t.Errorf("Authorization %q", r.Header.Get("Authorization"))
		}
		http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
	})
	if _, err := c.Rollouts(context.Background()); err == nil || !strings.Contains(err.Error(), "does not look like") {
		t.Error(err)
	}
}

func TestNobodyThere(t *testing.T) {
	address, err := freeport.TakeAddress()
	if err != nil {
		t.Fatal(err)
	}
	c, err := New("http://"+address, "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Rollouts(context.Background())
	var r *Refusal
	if !errors.As(err, &r) || r.Code != Unreachable || !strings.Contains(r.Message, "connection refused") {
		t.Error(err)
	}
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := c.Rollouts(canceled); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestNamesStayOneSegment(t *testing.T) {
	for name, want := range map[string]string{"a/b": "/api/v1/rollouts/a%2Fb", "..": "/api/v1/rollouts/%2E%2E", "a?b": "/api/v1/rollouts/a%3Fb"} {
		c := against(t, func(w http.ResponseWriter, r *http.Request) {
			if r.RequestURI != want {
				t.Errorf("%s: asked for %s", name, r.RequestURI)
			}
			w.Header().Set("Content-Type", "application/json")
			_, _ = fmt.Fprint(w, `{"model":"x","phase":"none"}`)
		})
		if v, err := c.Rollout(context.Background(), name); err != nil || v.Model != "x" {
			t.Errorf("%s: %+v %v", name, v, err)
		}
	}
}

func TestJournalReadsPageByPage(t *testing.T) {
	var asked []string
	c := against(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Query().Get("from"))
		w.Header().Set("Content-Type", "application/json")
		if len(asked) == 1 {
			_, _ = fmt.Fprint(w, `{"entries":[{"seq":3},{"seq":4}],"next":5}`)
			return
		}
		_, _ = fmt.Fprint(w, `{"entries":[{"seq":5}],"next":null}`)
	})
	var seen []uint64
	err := c.Journal(context.Background(), 3, func(e Entry) error { seen = append(seen, e.Seq); return nil })
	if err != nil || fmt.Sprint(seen) != "[3 4 5]" || fmt.Sprint(asked) != "[3 5]" {
		t.Errorf("%v %v %v", seen, asked, err)
	}
}

func TestAnOrderSendsWhatWasSet(t *testing.T) {
	c := against(t, func(w http.ResponseWriter, r *http.Request) {
		var b strings.Builder
		if _, err := fmt.Fprintf(&b, "%s %s %s ", r.Method, r.URL.Path, r.Header.Get("If-Match")); err != nil {
			t.Error(err)
		}
		buf := make([]byte, 200)
		n, _ := r.Body.Read(buf)
		if got := b.String() + string(buf[:n]); got != `POST /api/v1/rollouts/m/rollback "7" {"reason":"bad"}` {
			t.Error(got)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprint(w, `{}`)
	})
	seven := uint64(7)
	if _, err := c.Order(context.Background(), "m", Command{Kind: Rollback, Reason: "bad", IfMatch: &seven}); err != nil {
		t.Error(err)
	}
}
