package proxy

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/headgate/headgate/canary"
	"github.com/headgate/headgate/internal/kpi"
	"github.com/headgate/headgate/internal/payload"
)

// counting assigns a weight to a recorder that counts what c names.
func (r *running) counting(w canary.Weight, c kpi.Config) *kpi.Recorder {
	rec := kpi.NewRecorder(kpi.NewLayout(), c)
	r.Assign(model, Assignment{Split: canary.NewSplit(canary.Salt{1, 2, 3}, w), Recorder: rec})
	return rec
}

// settled waits until all that was offered is read.
func (r *running) settled() {
	r.t.Helper()
	eventually(r.t, "the tap has read everything", func() bool {
		r.tap.mu.Lock()
		defer r.tap.mu.Unlock()
		return r.tap.taken == 0
	})
	if n := r.tap.bytes.Load(); n != 0 {
		r.t.Errorf("%d bytes are still reserved", n)
	}
}

// unread reads headgate_payload_unread_total, in all arms together.
func (r *running) unread(reason string) int {
	return counted(r.t, r.metrics.tap.unread.WithLabelValues("churn", "baseline", reason)) +
		counted(r.t, r.metrics.tap.unread.WithLabelValues("churn", "candidate", reason))
}

func (r *running) unchecked() int {
	return counted(r.t, r.metrics.tap.unchecked.WithLabelValues("churn", "baseline")) +
		counted(r.t, r.metrics.tap.unchecked.WithLabelValues("churn", "candidate"))
}

// post sends a body and returns the answer with its body read.
func post(t *testing.T, client *http.Client, url, body string, headers ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// answersWhatItIsTold takes its answer from the request's headers.
func answersWhatItIsTold(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	for _, name := range []string{"Content-Encoding", "Content-Type"} {
		if v := r.Header.Get("Answer-" + name); v != "" {
			w.Header().Set(name, v)
		}
	}
	status := http.StatusOK
	_, _ = fmt.Sscan(r.Header.Get("Answer-Status"), &status)
	body := []byte(r.Header.Get("Answer"))
	if w.Header().Get("Content-Encoding") == "gzip" {
		body = gzipped(body)
	}
	if r.Header.Get("Answer-Chunked") == "" {
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	}
	w.WriteHeader(status)
	for len(body) > 0 { // in pieces, where it is chunked
		n := min(len(body), 7)
		if r.Header.Get("Answer-Chunked") == "" {
			n = len(body)
		}
		_, _ = w.Write(body[:n])
		w.(http.Flusher).Flush()
		body = body[n:]
	}
}

func gzipped(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(b)
	_ = w.Close()
	return out.Bytes()
}

func bins(m kpi.Measure) (n uint64) {
	for _, b := range m.Bins {
		n += b.Count
	}
	return n
}

func limit(v float64) *float64 { return &v }

// tappedRoute reads everything there is to read.
func tappedRoute(url string) Config {
	c := oneRoute(url, url)
	c.Routes[0].Payload = &Payload{MaxBody: 4 * KiB, Config: payload.Config{
		Group:    "group",
		Contract: &payload.Contract{Columns: []payload.Column{{Name: "a", Min: limit(0)}, {Name: "b"}}},
	}}
	return c
}

func TestPayloadsAreRead(t *testing.T) {
	p := startProxy(t, tappedRoute(startBackend(t, answersWhatItIsTold)))
	rec := p.counting(0, kpi.Config{Inputs: []kpi.Input{{Name: "x", Feature: "b", Scale: kpi.Unit()}}})
	client := newHTTP(t)
	const good = `{"features":[[1,0.5],[2,0.25]],"group":"g"}`
	const answer = `{"predictions":[1,0],"probabilities":[0.75,0.25]}`
	large := `{"features":[[1,0.5]],"padding":"` + strings.Repeat("x", 5000) + `"}`
	tests := []struct {
		name, request string
		headers       []string
		scores        uint64 // counted
		inputs        uint64
		checked       uint64
		invalid       uint64
		unread        string // reasons
	}{
		{"all of it", good, []string{"Answer", answer}, 2, 2, 1, 0, ""},
		{"in chunks", good, []string{"Answer", answer, "Answer-Chunked", "1"}, 2, 2, 1, 0, ""},
		{"packed both ways", string(gzipped([]byte(good))), []string{"Content-Encoding", "gzip", "Answer", answer, "Answer-Content-Encoding", "gzip"}, 2, 2, 1, 0, ""},
		{"packed in chunks", good, []string{"Answer", answer, "Answer-Content-Encoding", "gzip", "Answer-Chunked", "1"}, 2, 2, 1, 0, ""},
		{"packed otherwise", good, []string{"Content-Encoding", "br", "Answer", answer, "Answer-Content-Encoding", "zstd"}, 0, 0, 0, 0, "request_coding answer_coding"},
		{"said to be packed", good, []string{"Content-Encoding", "gzip", "Answer", answer}, 2, 0, 0, 0, "request_coding"},
		{"broken JSON", `{"features":[[`, []string{"Answer", `{"predictions":[`}, 0, 0, 1, 1, "request_not_json answer_not_json"},
		{"bare NaN", `{"features":[[1,NaN]]}`, []string{"Answer", `{"predictions":[NaN]}`}, 0, 0, 1, 1, "request_not_finite answer_not_finite"},
		{"binary", "\x00\x01\x02\xff", []string{"Answer", "\xff\xfe"}, 0, 0, 1, 1, "request_binary answer_binary"},
		{"too large", large, []string{"Answer", large}, 0, 0, 0, 0, "request_too_large answer_too_large"},
		{"too large in chunks", good, []string{"Answer", large, "Answer-Chunked", "1"}, 0, 2, 1, 0, "answer_too_large"},
		{"a bomb", string(gzipped([]byte(large))), []string{"Content-Encoding", "gzip", "Answer", answer}, 2, 0, 0, 0, "request_too_large"},
		{"out of range", `{"features":[[-1,0.5]]}`, []string{"Answer", answer}, 2, 1, 1, 1, ""},
		{"refused by the model", `{"features":[[1]]}`, []string{"Answer", `{"error":"short"}`, "Answer-Status", "400"}, 0, 0, 1, 1, ""},
		{"no predictions", good, []string{"Answer", `{}`}, 0, 2, 1, 0, "answer_missing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := map[string]int{}
			for reason := range strings.FieldsSeq(tt.unread) {
				before[reason] = p.unread(reason)
			}
			if code, _ := post(t, client, p.url, tt.request, tt.headers...); code >= 500 {
				t.Fatalf("status %d", code)
			}
			p.settled()
			m, _ := rec.Meter().Drain()
			if got := bins(m[kpi.MeasureScore]); got != tt.scores {
				t.Errorf("%d scores, want %d", got, tt.scores)
			}
			if got := bins(m[kpi.MeasureInput+"x"]); got != tt.inputs {
				t.Errorf("%d inputs, want %d", got, tt.inputs)
			}
			if got := m[kpi.MeasureInvalid]; got.N != tt.checked || got.K != tt.invalid {
				t.Errorf("%d held against the contract, %d broke it; want %d, %d", got.N, got.K, tt.checked, tt.invalid)
			}
			for reason, n := range before {
				if p.unread(reason) != n+1 {
					t.Errorf("%s was not counted", reason)
				}
			}
		})
	}
	if n := counted(t, p.metrics.tap.invalid.WithLabelValues("churn", "baseline", "range")); n != 1 {
		t.Errorf("%d out of range", n)
	}
}

// The tap changes nothing of what passes.
func TestTappedBodiesPassUnchanged(t *testing.T) {
	echo := func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = w.Write(body)
	}
	p := startProxy(t, tappedRoute(startBackend(t, echo)))
	p.counting(5000, kpi.Config{})
	client := newHTTP(t)
	for i := range 200 {
		want := fmt.Sprintf(`{"features":[[%d,NaN]],"x":"%s"}`, i, strings.Repeat("y", i*50))
		if code, got := post(t, client, p.url, want); code != 200 || got != want {
			t.Fatalf("%d: %d bytes of %d came back", code, len(got), len(want))
		}
	}
	p.settled()
}

func TestOnlyEvidenceIsTapped(t *testing.T) {
	c := tappedRoute(startBackend(t, answersWhatItIsTold))
	c.Routes[0].Candidate = &ArmConfig{Upstreams: []string{"http://127.0.0.1:1"}}
	c.Routes[0].Force = &Force{From: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	c.Routes[0].Key = Key{Header: "X-User-Id"}
	p := startProxy(t, c)
	rec := p.counting(canary.Full, kpi.Config{})
	client := newHTTP(t)
	const answer = `{"predictions":[1]}`
	post(t, client, p.url, `{"features":[[1,2]]}`, "Answer", answer, "X-User-Id", "rescued")
	post(t, client, p.url, `{"features":[[1,2]]}`, "Answer", answer, "X-User-Id", "forced", "X-Headgate-Force", "baseline")
	p.settled()
	b, cand := rec.Meter().Drain()
	if b[kpi.MeasureInvalid].N+cand[kpi.MeasureInvalid].N != 0 {
		t.Errorf("what is no evidence was read: %v, %v", b, cand)
	}
	rec = p.counting(0, kpi.Config{})
	for range 3 {
		post(t, client, p.url, `{"features":[[1,2]]}`, "Answer", answer, "X-User-Id", "again")
	}
	p.settled()
	if b, _ := rec.Meter().Drain(); b[kpi.MeasureInvalid].N != 1 {
		t.Errorf("%d of one user's requests were read", b[kpi.MeasureInvalid].N)
	}
	rec.SetCounting(false)
	post(t, client, p.url, `{"features":[[1,2]]}`, "Answer", answer, "X-User-Id", "warming up")
	p.settled()
	rec.SetCounting(true)
	if b, _ := rec.Meter().Drain(); len(b) != 0 {
		t.Errorf("read in the warm-up: %v", b)
	}
}

// An exchange belongs to the assignment that it began with.
func TestTapUsesTheRecorderOfItsMoment(t *testing.T) {
	release, arrived := make(chan struct{}), make(chan struct{})
	p := startProxy(t, tappedRoute(startBackend(t, func(w http.ResponseWriter, _ *http.Request) {
		close(arrived)
		<-release
		_, _ = io.WriteString(w, `{"predictions":[1]}`)
	})))
	first := p.counting(0, kpi.Config{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		post(t, newHTTP(t), p.url, `{"features":[[1,2]]}`)
	}()
	<-arrived
	second := p.counting(0, kpi.Config{})
	close(release)
	<-done
	p.settled()
	b1, _ := first.Meter().Drain()
	b2, _ := second.Meter().Drain()
	if bins(b1[kpi.MeasureScore]) != 1 || len(b2) != 0 {
		t.Errorf("the first counts %v, the second %v", b1, b2)
	}
}

func TestSamplesAreShares(t *testing.T) {
	c := tappedRoute("http://127.0.0.1:1")
	c.Routes[0].Payload.Sample = 2500
	c.SetDefaults()
	tap := newRouteTap(c.Routes[0], kpi.NewRecorder(kpi.NewLayout(), kpi.Config{}), nil)
	n := 0
	for range 40_000 {
		if tap.reads([]byte("POST")) {
			n++
		}
	}
	if math.Abs(float64(n)-10_000) > 6*math.Sqrt(40_000*.25*.75) {
		t.Errorf("%d of 40000 are read at 25%%", n)
	}
	if tap.reads([]byte("GET")) {
		t.Error("GET is read")
	}
}

func TestReadingThatPanics(t *testing.T) {
	panics := 0
	tap := newTap(func(any) { panics++ })
	rec := kpi.NewRecorder(kpi.NewLayout(), kpi.Config{})
	v := newTapVectors()
	x := tap.take()
	x.tap, x.record, x.read = &routeTap{recorder: rec, metrics: v.ofRoute("churn")}, true, true // and no reader
	tap.start()
	tap.offer(x)
	tap.end()
	if b, _ := counts(rec); panics != 1 || b.Requests != 1 {
		t.Errorf("%d panics, %d outcomes", panics, b.Requests)
	}
}

// The worker sleeps when there is nothing to do, and what is offered then is
// read soon.
func TestSleepingWorkerIsWoken(t *testing.T) {
	p := startProxy(t, bodyRules(startBackend(t, answersWhatItIsTold)))
	rec := p.give(0)
	eventually(t, "the worker sleeps", func() bool {
		p.tap.mu.Lock()
		defer p.tap.mu.Unlock()
		return p.tap.sleeping
	})
	post(t, newHTTP(t), p.url, "{}", "Answer", "{}")
	p.settled()
	if b, _ := counts(rec); b.Failures != 1 {
		t.Errorf("%d failures", b.Failures)
	}
}

// Memory that is kept between bursts has a bound.
func TestTapKeepsLittle(t *testing.T) {
	tap := newTap(func(any) {})
	var all []*tapped
	for range 64 {
		x := tap.take()
		if !tap.copied(&x.request, make([]byte, 60<<10)) {
			t.Fatal("no room")
		}
		all = append(all, x)
	}
	if x := tap.take(); tap.copied(&x.request, make([]byte, MiB)) {
		t.Error("more than the bound was taken")
	}
	for _, x := range all {
		tap.put(x)
	}
	if tap.kept > int(tapKept) || tap.kept == 0 || tap.bytes.Load() != 0 {
		t.Errorf("%d bytes kept, %d reserved", tap.kept, tap.bytes.Load())
	}
}

// With many clients at once nothing is lost, mixed up or counted twice.
func TestTapUnderLoad(t *testing.T) {
	c := tappedRoute(startBackend(t, answersWhatItIsTold))
	c.Routes[0].Errors = bodyRules("http://127.0.0.1:1").Routes[0].Errors
	p := startProxy(t, c)
	rec := p.counting(5000, kpi.Config{Inputs: []kpi.Input{{Name: "x", Feature: "a", Scale: kpi.Scale{Min: 0, Max: 256}}}})
	client := newHTTP(t)
	const clients, each = 16, 100
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			for j := range each {
				// Client i is asked and answered i, a tenth of its answers are none.
				answer := fmt.Sprintf(`{"predictions":[%g]}`, float64(i)/clients)
				if j%10 == 9 {
					answer = `{"predictions":[NaN]}`
				}
				post(t, client, p.url, fmt.Sprintf(`{"features":[[%d,1]]}`, i), "Answer", answer)
			}
		})
	}
	all.Wait()
	p.settled()
	b, cand := counts(rec)
	if b.Requests+cand.Requests != clients*each || b.Failures+cand.Failures != clients*each/10 {
		t.Errorf("%d of %d failed", b.Failures+cand.Failures, b.Requests+cand.Requests)
	}
	mb, mc := rec.Meter().Drain()
	for name, want := range map[string]uint64{kpi.MeasureScore: each * 9 / 10, kpi.MeasureInput + "x": each} {
		seen := map[int]uint64{}
		for _, bin := range append(mb[name].Bins, mc[name].Bins...) {
			seen[bin.Index] += bin.Count
		}
		if len(seen) != clients {
			t.Errorf("%s: %d values, want one for each client", name, len(seen))
		}
		for bin, n := range seen {
			if n != want {
				t.Errorf("%s: %d in bin %d, want %d", name, n, bin, want)
			}
		}
	}
	if p.unread("answer_not_finite") != clients*each/10 || p.unread(unreadQueue)+p.unread(unreadRoom)+p.unchecked() != 0 {
		t.Errorf("%d not finite, %d dropped", p.unread("answer_not_finite"), p.unread(unreadQueue)+p.unread(unreadRoom))
	}
}
