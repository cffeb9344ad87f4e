package shadow

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/headgate/headgate/internal/kpi"
)

// What the candidate gets is the request as it was, marked.
func TestCopyOnTheWire(t *testing.T) {
	got := make(chan *http.Request, 1)
	bodies := make(chan string, 1)
	upstream := backend(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got <- r
		bodies <- string(b)
	})
	m := startMirror(t, Config{StripCredentials: true}, Targets{Candidate: []string{upstream}}, Options{})
	passed(m, head("id-7", "Authorization: Bearer s3cret", "Cookie: a=b", "X-Custom: 1", "Traceparent: 00-1-2-01"), `{"features":[[1]]}`, Live{Status: 200}, "")
	r, body := <-got, <-bodies
	if r.Method != "POST" || r.URL.Path != "/predict" || r.Host != "churn.example" || body != `{"features":[[1]]}` {
		t.Errorf("%s %s %s %q", r.Method, r.URL, r.Host, body)
	}
	for name, want := range map[string]string{"X-Headgate-Shadow": "1", "X-Request-Id": "id-7", "Authorization": "", "Cookie": "", "X-Custom": "1", "Traceparent": "00-1-2-01", "Content-Type": jsonType} {
		if r.Header.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, r.Header.Get(name), want)
		}
	}
	rest(t, m)
}

// Nothing is sent twice, whatever becomes of the connection.
func TestNothingIsSentTwice(t *testing.T) {
	for _, c := range []struct {
		name  string
		after func(net.Conn)
	}{
		{"closes without an answer", func(net.Conn) {}},
		{"breaks in the answer", func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Le") }},
		{"answers and closes without saying so", func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}") }},
		{"answers twice", func(c net.Conn) {
			_, _ = io.WriteString(c, strings.Repeat("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 2))
			time.Sleep(20 * time.Millisecond)
		}},
		{"interim answers", func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var arrived sync.Map
			var twice atomic.Int64
			upstream := raw(t, func(conn net.Conn) {
				r, err := http.ReadRequest(bufio.NewReader(conn))
				if err != nil {
					return
				}
				_, _ = io.Copy(io.Discard, r.Body)
				if _, again := arrived.LoadOrStore(r.Header.Get("X-Request-Id"), true); again {
					twice.Add(1)
				}
				c.after(conn)
			})
			m := startMirror(t, fast(), Targets{Candidate: []string{upstream}}, Options{})
			for i := range 50 {
				pass(m, numbered(i), "{}", "{}")
				time.Sleep(time.Millisecond)
			}
			s := rest(t, m)
			if twice.Load() > 0 || s.Requests.Sent == 0 {
				t.Errorf("%d arrived twice, %+v", twice.Load(), s.Requests)
			}
		})
	}
}

func TestConnectionsAreUsedAgain(t *testing.T) {
	var connections atomic.Int64
	s := &http.Server{
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") }),
		ConnState:         func(_ net.Conn, st http.ConnState) { connections.Add(int64(1 - min(st, 1))) },
		ReadHeaderTimeout: time.Minute,
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() { _ = s.Serve(l) })
	defer serving.Wait()
	defer func() { _ = s.Close() }()
	m := startMirror(t, Config{Limits: Limits{Concurrency: 4}}, Targets{Candidate: []string{"http://" + l.Addr().String()}}, Options{})
	for i := range 500 {
		pass(m, numbered(i), "{}", "{}")
	}
	if got := rest(t, m); got.Requests.Answered != 500 || connections.Load() > 4 {
		t.Errorf("%d connections, %+v", connections.Load(), got.Requests)
	}
}

func TestRateIsKept(t *testing.T) {
	m := startMirror(t, Config{Limits: Limits{Rate: 200}}, Targets{Candidate: []string{answers(t, 200, jsonType, "{}")}}, Options{})
	begin := time.Now()
	for i := range 120 {
		pass(m, numbered(i), "{}", "{}")
	}
	// ten of slack; never faster, whatever the machine does
	if s := rest(t, m); s.Requests.Answered != 120 || time.Since(begin) < 500*time.Millisecond {
		t.Errorf("%v for %+v", time.Since(begin), s.Requests)
	}
}

// Through real servers: float noise alone is agreement, a planted
// 3 % disagreement is found and its pairs can be read.
func TestPlantedDisagreementOverHTTP(t *testing.T) {
	noisy := func(planted func(id int) bool) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			var id int
			_, _ = fmt.Sscanf(r.Header.Get("X-Request-Id"), "request-%d", &id)
			label := id % 2
			if planted(id) {
				label = 1 - label
			}
			w.Header().Set("Content-Type", jsonType)
			_, _ = fmt.Fprintf(w, `{"predictions":[%d],"scores":[%.17g],"served_at":"%d"}`, label, 0.2+0.6*float64(id%2)+1e-4*rand.NormFloat64(), rand.Uint64())
		}
	}
	never := func(int) bool { return false }
	for _, c := range []struct {
		name    string
		planted func(int) bool
		wrong   int
	}{{"float noise only", never, 0}, {"3 % planted", func(id int) bool { return id >= 500 && id%100 < 3 }, 45}} {
		t.Run(c.name, func(t *testing.T) {
			baseline := noisy(never)
			again := backend(t, baseline)
			candidate := backend(t, noisy(c.planted))
			meter := kpi.NewMeter()
			m := startMirror(t, Config{
				Compare: Compare{Predictions: "predictions", Score: "scores"},
				Noise:   &Noise{Share: Full, Methods: []string{"POST"}, Paths: []string{"/predict"}, Learn: 50},
				Limits:  Limits{Queue: 10_000, Concurrency: 8, Timeout: time.Minute}, Samples: 200,
			}, Targets{Candidate: []string{candidate}, Baseline: []string{again}}, Options{})
			m.Report(meter, layout)
			for i := range 2000 {
				w := &recorder{header: http.Header{}}
				r, _ := http.NewRequest("POST", "/predict", strings.NewReader("{}"))
				r.Header.Set("X-Request-Id", numbered(i))
				baseline(w, r)
				pass(m, numbered(i), `{"features":[[1]]}`, w.body.String())
			}
			s := rest(t, m)
			for begin := time.Now(); m.Snapshot().Compared.Self.Pairs < 2000 && time.Since(begin) < 20*time.Second; {
				time.Sleep(5 * time.Millisecond) // the last repetitions
			}
			s = m.Snapshot()
			if int(s.Compared.Disagreed) != c.wrong || s.Compared.Noise == 0 || s.Compared.Pairs+s.Compared.Learning != 2000 {
				t.Errorf("%d disagree, want %d; %d noise, %d pairs, %d learning", s.Compared.Disagreed, c.wrong, s.Compared.Noise, s.Compared.Pairs, s.Compared.Learning)
			}
			diffs := m.Diffs()
			if len(diffs) != c.wrong {
				t.Errorf("%d pairs to read", len(diffs))
			}
			for _, d := range diffs {
				var id int
				_, _ = fmt.Sscanf(d.ID, "request-%d", &id)
				if !c.planted(id) || !strings.Contains(d.Shadow.Body, fmt.Sprintf(`"predictions":[%d]`, 1-id%2)) || !strings.Contains(fmt.Sprint(d.Differences), "predictions.0") {
					t.Errorf("%+v", d)
				}
			}
			p := s.Compared.Predictions
			if p == nil || int(p.Rows.N-p.Rows.K) != c.wrong || len(p.Confusion.Classes) != 2 {
				t.Errorf("%+v", p)
			}
			if x := s.Compared.Scores; x == nil || x.PSI == nil || *x.PSI > 0.01 || *x.KS > 0.05 || len(x.Difference) == 0 {
				t.Errorf("%+v", x)
			}
			m.Report(nil, nil)
			_, measures := meter.Drain()
			if a := measures[kpi.MeasureAgreement]; a.N != s.Compared.Pairs || a.N-a.K != uint64(c.wrong) {
				t.Errorf("reported %+v", a)
			}
			if x := measures[kpi.MeasureShadow]; x.N != 2000 || x.K != 0 || len(x.Bins) == 0 {
				t.Errorf("reported %+v", x)
			}
		})
	}
}

// recorder keeps an answer in memory.
type recorder struct {
	header http.Header
	body   strings.Builder
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(int)             {}
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }

// Samples hide what the policy says, everywhere.
func TestSamplesAreRedactedAndBounded(t *testing.T) {
	const secret = "s3cret"
	live := fmt.Sprintf(`{"user":{"email":%q,"id":1},"label":0,"note":"%s"}`, secret, strings.Repeat("n", 10000))
	shadow := fmt.Sprintf(`{"user":{"email":"other %s","id":1},"label":1,"extra":{"user":{"email":%q}}}`, secret, secret)
	m := startMirror(t, Config{Redact: []string{"**.email"}, Samples: 10, Limits: Limits{Concurrency: 1}},
		Targets{Candidate: []string{answers(t, 200, jsonType, shadow)}}, Options{})
	for i := range 100 {
		passed(m, []byte("POST /predict?token=s3cret HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nX-Request-Id: "+numbered(i)+"\r\n\r\n"),
			`{"email":"s3cret","features":[1]}`, Live{Status: 200}, live)
	}
	rest(t, m)
	diffs := m.Diffs()
	data, err := json.Marshal(diffs)
	if err != nil || strings.Contains(string(data), secret) {
		t.Errorf("a secret in %s, %v", data, err)
	}
	if len(diffs) < 5 || len(diffs) > 10 || diffs[0].ID != "request-99" || len(data) > 10*3*shownBody {
		t.Errorf("%d samples, %d bytes, the newest is %s", len(diffs), len(data), diffs[0].ID)
	}
	if !strings.Contains(diffs[0].Request, `"features":[1]`) || !strings.Contains(diffs[0].Live.Body, `"email":"(redacted)"`) {
		t.Errorf("%+v", diffs[0])
	}
	drawn := 0
	for _, d := range diffs {
		if d.Seq <= 95 {
			drawn++
		}
	}
	if drawn == 0 { // chance: 5·(5/95)^5
		t.Error("no sample of the older pairs")
	}
	// What is no JSON cannot be redacted and is not shown.
	m2 := startMirror(t, Config{Redact: []string{"**.email"}}, Targets{Candidate: []string{answers(t, 200, "text/plain", secret+"2")}}, Options{})
	typed(m2, "text/plain", head("1"), secret, Live{Status: 200}, secret)
	rest(t, m2)
	if data, _ := json.Marshal(m2.Diffs()); strings.Contains(string(data), secret) || len(m2.Diffs()) != 1 {
		t.Errorf("%s", data)
	}
}

func TestMetrics(t *testing.T) {
	m := startMirror(t, Config{}, Targets{Candidate: []string{answers(t, 200, jsonType, "{}")}}, Options{})
	for i := range 3 {
		pass(m, numbered(i), "{}", "{}")
	}
	m.Drop(m.Copy(head("x"), nil))
	rest(t, m)
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(Collector{Mirrors: func() []*Mirror { return []*Mirror{m} }})
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, one := range f.GetMetric() {
			name := f.GetName()
			for _, l := range one.GetLabel() {
				if name += " " + l.GetValue(); l.GetName() == "route" && l.GetValue() != "churn" {
					t.Errorf("route %q", l.GetValue())
				}
			}
			got[name] = one.GetCounter().GetValue() + one.GetGauge().GetValue()
		}
	}
	want := map[string]float64{
		"headgate_shadow_offered_total churn": 4, "headgate_shadow_sent_total churn": 3, "headgate_shadow_bytes churn": 0, "headgate_shadow_repeated_total churn": 0,
	}
	for r := range reasons {
		want["headgate_shadow_dropped_total "+r.String()+" churn"] = 0
	}
	want["headgate_shadow_dropped_total unanswered churn"] = 1
	for f := range failures {
		want["headgate_shadow_failed_total "+f.String()+" churn"] = 0
	}
	for _, said := range pairNames {
		want["headgate_shadow_pairs_total "+said+" churn"] = 0
	}
	want["headgate_shadow_pairs_total agreed churn"] = 3
	if !maps.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

// A fault of a listener of the mirror ends one pair, not the process.
func TestPanicsAreContained(t *testing.T) {
	var codes atomic.Int64
	m := startMirror(t, fast(), Targets{Candidate: []string{answers(t, 200, jsonType, "{}")}}, Options{
		OnPair: func(p Pair) bool {
			if string(p.ID) == "request-3" {
				panic("planted")
			}
			return string(p.ID) == "request-4"
		},
		OnAnswer: func(e End) { codes.Add(int64(e.Code)) },
	})
	for i := range 10 {
		pass(m, numbered(i), "{}", "{}")
	}
	s := rest(t, m)
	if s.Requests.Panics != 1 || s.Requests.Answered != 10 || s.Compared.Agreed != 9 || s.Compared.Requests != 10 || s.Compared.Failures != 1 || codes.Load() != 2000 {
		t.Errorf("%+v, codes %d", s.Requests, codes.Load())
	}
}

func TestResetForgets(t *testing.T) {
	m := startMirror(t, fast(), Targets{Candidate: []string{answers(t, 200, jsonType, `{"a":1}`)}}, Options{})
	pass(m, "1", "{}", "{}")
	rest(t, m)
	if len(m.Diffs()) != 1 {
		t.Error("no sample")
	}
	m.Reset()
	if s := m.Snapshot(); len(m.Diffs()) != 0 || s.Compared.Pairs != 0 || s.Requests.Answered != 1 {
		t.Errorf("%+v", s)
	}
}
