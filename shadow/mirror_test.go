package shadow

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headgate/headgate/internal/freeport"
)

// A3, performance: what the data plane calls allocates nothing, once buffers
// are there.
func TestDataPlaneCallsDoNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector lets pools lose what they hold")
	}
	m := startMirror(t, Config{Share: 5000, By: ByKey, Limits: Limits{Queue: 1, Concurrency: 1}}, Targets{Candidate: []string{hung(t)}}, Options{})
	method, target, request := []byte("POST"), []byte("/v2/models/churn/infer"), head("id")
	body, answer := bytes.Repeat([]byte("x"), 1000), bytes.Repeat([]byte("y"), 2000)
	live, media := Live{Status: 200, Latency: time.Millisecond}, []byte(jsonType)
	key := uint64(0)
	n := testing.AllocsPerRun(5000, func() {
		key += 0x9E3779B97F4A7C15
		if m.Sample(method, target, len(body), key) {
			c := m.Copy(request, body)
			c.Head(media, nil)
			c.Answer(answer)
			m.Offer(c, live)
		}
	})
	if n >= 0.5 { // a garbage collection may empty the pool
		t.Errorf("%.2f allocations per request", n)
	}
	if s := m.Snapshot().Requests; s.Dropped["queue"] < 2000 || s.Offered < 2000 || s.Offered > 3000 {
		t.Errorf("%+v, want about half of 5000, and a full queue", s)
	}
}

// hung is a backend that takes everything and says nothing.
func hung(t *testing.T) string {
	return raw(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
}

// A3: 50,000 copies are matched with their answers by id, and none is wrong:
// neither its body, nor its live answer, nor its pair.
func TestCopiesAreMatchedByID(t *testing.T) {
	const senders, each = 8, 6250
	var wrong, arrived atomic.Int64
	upstream := backend(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		id := r.Header.Get("X-Request-Id")
		if err != nil || !strings.HasPrefix(string(body), id+"|") || r.Header.Get("X-Headgate-Shadow") != "1" {
			wrong.Add(1)
		}
		arrived.Add(1)
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, "answer to "+id)
	})
	var pairs atomic.Int64
	c := Config{Limits: Limits{Queue: senders * each, Concurrency: 16, Timeout: time.Minute}}
	m := startMirror(t, c, Targets{Candidate: []string{upstream}}, Options{OnPair: func(p Pair) bool {
		pairs.Add(1)
		id := string(p.ID)
		if !strings.HasPrefix(string(p.Request), id+"|") || string(p.Live.Body) != "answer to "+id || string(p.Shadow.Body) != "answer to "+id {
			wrong.Add(1)
		}
		return false
	}})
	var all sync.WaitGroup
	for s := range senders {
		all.Go(func() {
			// One buffer for all requests, as fasthttp has it: what is not copied
			// is overwritten by the next.
			buffer := make([]byte, 0, 4096)
			for i := range each {
				id := fmt.Sprintf("%d-%d", s, i)
				buffer = append(append(append(buffer[:0], id...), '|'), bytes.Repeat([]byte{byte('a' + i%26)}, i%997)...)
				if !m.Sample([]byte("POST"), []byte("/predict"), len(buffer), 0) {
					t.Error("not sampled")
				}
				c := m.Copy(head(id), buffer)
				clear(buffer)
				c.Head([]byte("text/html"), nil)
				c.Answer([]byte("of an arm that failed"))
				c.Head([]byte("text/plain"), nil)
				buffer = append(append(buffer[:0], "answer to "...), id...)
				c.Answer(buffer)
				clear(buffer)
				m.Offer(c, Live{Status: 200})
			}
		})
	}
	all.Wait()
	s := rest(t, m)
	if s.Requests.Answered != senders*each || s.Compared.Agreed != senders*each || wrong.Load() != 0 || pairs.Load() != senders*each || arrived.Load() != senders*each {
		t.Errorf("%d wrong, %d arrived, %d pairs, %+v", wrong.Load(), arrived.Load(), pairs.Load(), s.Requests)
	}
}

// A3: whatever the shadow does, every copy is accounted for, nothing waits and
// memory stays within its limits.
func TestBooksUnderFaults(t *testing.T) {
	big := strings.Repeat("x", 10<<20)
	for _, c := range []struct {
		name     string
		upstream func(*testing.T) string
		check    func(*testing.T, Snapshot)
	}{
		{"healthy", func(t *testing.T) string { return answers(t, 200, jsonType, `{"predictions":[1]}`) }, func(t *testing.T, s Snapshot) {
			if s.Compared.Agreed != s.Requests.Answered || s.Requests.Answered == 0 || len(s.Requests.Failed) > 0 {
				t.Errorf("%+v", s.Requests)
			}
		}},
		{"hung", hung, func(t *testing.T, s Snapshot) {
			if s.Requests.Answered != 0 || s.Requests.Failed["timeout"] == 0 || s.Requests.Dropped["queue"] == 0 {
				t.Errorf("%+v", s.Requests)
			}
		}},
		{"dead", dead, func(t *testing.T, s Snapshot) {
			if s.Requests.Answered != 0 || s.Requests.Failed["connect"] == 0 || s.Requests.Dropped["unreachable"] == 0 {
				t.Errorf("%+v", s.Requests)
			}
		}},
		{"slow", func(t *testing.T) string {
			return backend(t, func(w http.ResponseWriter, _ *http.Request) {
				time.Sleep(50 * time.Millisecond)
				_, _ = io.WriteString(w, "{}")
			})
		}, func(t *testing.T, s Snapshot) {
			if s.Requests.Answered == 0 || s.Requests.Dropped["queue"] == 0 {
				t.Errorf("%+v", s.Requests)
			}
		}},
		{"10 MB with a length", func(t *testing.T) string {
			return backend(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", jsonType)
				w.Header().Set("Content-Length", fmt.Sprint(len(big)))
				_, _ = io.WriteString(w, big)
			})
		}, isCut},
		{"10 MB in chunks", func(t *testing.T) string { return answers(t, 200, jsonType, big) }, isCut},
		{"no HTTP", func(t *testing.T) string {
			return raw(t, func(c net.Conn) { _, _ = c.Read(make([]byte, 4096)); _, _ = io.WriteString(c, "220 smtp\r\n") })
		}, func(t *testing.T, s Snapshot) {
			if s.Requests.Failed["invalid"] != s.Requests.Sent {
				t.Errorf("%+v", s.Requests)
			}
		}},
		{"breaks in the middle", func(t *testing.T) string {
			return raw(t, func(c net.Conn) {
				_, _ = c.Read(make([]byte, 4096))
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
			})
		}, func(t *testing.T, s Snapshot) {
			if s.Requests.Failed["broken"] != s.Requests.Sent {
				t.Errorf("%+v", s.Requests)
			}
		}},
		{"a head without end", func(t *testing.T) string {
			return raw(t, func(c net.Conn) {
				_, err := io.WriteString(c, "HTTP/1.1 200 OK\r\n")
				for line := "X-More: " + strings.Repeat("m", 1000) + "\r\n"; err == nil; {
					_, err = io.WriteString(c, line)
				}
			})
		}, func(t *testing.T, s Snapshot) {
			if s.Requests.Answered != 0 || s.Requests.Failed["timeout"] != 0 {
				t.Errorf("%+v", s.Requests)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := Config{Limits: Limits{Queue: 16, Concurrency: 4, Timeout: 300 * time.Millisecond, Bytes: 256 * KiB}}
			m := startMirror(t, config, Targets{Candidate: []string{c.upstream(t)}}, Options{})
			const requests = 200
			for i := range requests {
				pass(m, numbered(i), `{"features":[[1]]}`, `{"predictions":[1]}`)
				if b := m.Snapshot().Requests.Bytes; b > int64(256*KiB) {
					t.Fatalf("%d bytes held", b)
				}
				time.Sleep(time.Millisecond)
			}
			s := rest(t, m)
			if s.Requests.Offered != requests || s.Requests.Panics != 0 {
				t.Errorf("%+v", s.Requests)
			}
			c.check(t, s)
		})
	}
}

func isCut(t *testing.T, s Snapshot) {
	if s.Compared.Uncompared[cutAnswer] != s.Requests.Answered || s.Requests.Answered == 0 {
		t.Errorf("%+v, %v", s.Requests, s.Compared.Uncompared)
	}
}

// dead is an address that nobody listens on.
func dead(t *testing.T) string {
	address, err := freeport.TakeAddress()
	if err != nil {
		t.Fatal(err)
	}
	return "http://" + address
}

func TestReasonsToDrop(t *testing.T) {
	healthy := Targets{Candidate: []string{answers(t, 200, jsonType, "{}")}}
	stuck := Targets{Candidate: []string{hung(t)}}
	for _, c := range []struct {
		name   string
		config Config
		to     Targets
		do     func(*Mirror)
		want   Reason
	}{
		{"body too large", Config{Limits: Limits{MaxBody: 10}}, healthy, func(m *Mirror) { pass(m, "1", "12345678901", "{}") }, DropBody},
		{"no room for the request", Config{Limits: Limits{Bytes: 64 * KiB, MaxBody: 64 * KiB}}, healthy, func(m *Mirror) { pass(m, "1", strings.Repeat("x", 64<<10), "{}") }, DropBytes},
		{"no room for the answer", Config{Limits: Limits{Bytes: 64 * KiB, MaxBody: 64 * KiB}}, healthy, func(m *Mirror) {
			held := m.Copy(head("1"), make([]byte, 60<<10))
			pass(m, "2", "{}", strings.Repeat("x", 10<<10))
			m.Drop(held)
		}, DropBytes},
		{"no live answer", Config{}, healthy, func(m *Mirror) { passed(m, head("1"), "{}", Live{}, "") }, DropUnanswered},
		{"given back", Config{}, healthy, func(m *Mirror) { m.Drop(m.Copy(head("1"), nil)) }, DropUnanswered},
		{"the candidate's own", Config{}, healthy, func(m *Mirror) { passed(m, head("1"), "{}", Live{Status: 200, Candidate: true}, "{}") }, DropCandidate},
		{"no head", Config{}, healthy, func(m *Mirror) { passed(m, []byte("nonsense"), "{}", Live{Status: 200}, "{}") }, DropMalformed},
		{"waited too long", Config{Limits: Limits{Concurrency: 1, Timeout: 50 * time.Millisecond}}, stuck, func(m *Mirror) {
			for i := range 3 {
				pass(m, numbered(i), "{}", "{}")
			}
		}, DropLate},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := startMirror(t, c.config, c.to, Options{})
			c.do(m)
			if s := rest(t, m); s.Requests.Dropped[c.want.String()] == 0 {
				t.Errorf("%+v", s.Requests)
			}
		})
	}
}

func TestCloseIsBounded(t *testing.T) {
	m := startMirror(t, Config{Limits: Limits{Timeout: time.Hour, Concurrency: 2, Rate: 1}}, Targets{Candidate: []string{hung(t)}}, Options{})
	for i := range 20 {
		pass(m, numbered(i), "{}", "{}")
	}
	held := m.Copy(head("held"), []byte("{}"))
	begin := time.Now()
	closeMirror(t, m, 100*time.Millisecond)
	if took := time.Since(begin); took > 10*time.Second { // Take sleeps for a second at most
		t.Errorf("took %v", took)
	}
	m.Offer(held, Live{Status: 200})
	if m.Sample([]byte("GET"), []byte("/"), 0, 0) || pass(m, "late", "{}", "{}") {
		t.Error("a closed mirror takes requests")
	}
	if s := rest(t, m); s.Requests.Dropped["closed"] == 0 || s.Requests.Offered != 21 {
		t.Errorf("%+v", s.Requests)
	}
	closeMirror(t, m, time.Second)
}

func TestCloseSendsWhatIsQueued(t *testing.T) {
	m := startMirror(t, fast(), Targets{Candidate: []string{answers(t, 200, jsonType, "{}")}}, Options{})
	for i := range 100 {
		pass(m, numbered(i), "{}", "{}")
	}
	closeMirror(t, m, 10*time.Second)
	if s := rest(t, m); s.Requests.Answered != 100 {
		t.Errorf("%+v", s.Requests)
	}
}

// A configuration can change under load: nothing is lost or counted twice.
func TestSwapUnderLoad(t *testing.T) {
	first, second := answers(t, 200, jsonType, "{}"), answers(t, 200, jsonType, "{}")
	m := startMirror(t, fast(), Targets{Candidate: []string{first}}, Options{})
	stop := make(chan struct{})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					pass(m, "id", "{}", "{}")
				}
			}
		})
	}
	for i := range 20 {
		c := fast()
		c.Limits.Queue = 10 + i
		if err := m.Swap(c, Targets{Candidate: []string{[]string{first, second}[i%2]}}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Millisecond)
	}
	close(stop)
	all.Wait()
	s := rest(t, m)
	if s.Requests.Answered == 0 || s.Requests.Panics != 0 || len(s.Requests.Failed) > 0 {
		t.Errorf("%+v", s.Requests)
	}
	if err := m.Swap(Config{Share: 20000}, Targets{}); err == nil {
		t.Error("a bad configuration was taken")
	}
	if !pass(m, "id", "{}", "{}") {
		t.Error("a refused configuration has stopped the mirror")
	}
	rest(t, m)
}

func TestSample(t *testing.T) {
	m := startMirror(t, Config{}, Targets{Candidate: []string{hung(t)}}, Options{})
	for _, c := range []struct {
		method, target string
		body           int
		want           bool
	}{
		{"GET", "/anything?x=1", 0, true},
		{"HEAD", "/", 0, true},
		{"POST", "/predict", 10, true},
		{"POST", "/predict?debug=1", 10, true},
		{"POST", "/models/churn/invocations", 10, true},
		{"POST", "/v1/models/churn:predict", 10, true},
		{"POST", "/v1/models/churn/versions/3:predict", 10, true},
		{"POST", "/v2/models/churn/infer", 10, true},
		{"POST", "/v2/models/churn/versions/3/infer", 10, true},
		{"POST", "/v1/chat/completions", 10, true},
		{"POST", "/predict/", 10, false},
		{"POST", "/v1/models/:predict", 10, false},
		{"POST", "/orders", 10, false},
		{"POST", "/%70redict", 10, false},
		{"POST", "/predict/" + strings.Repeat("a/", 1000) + "predict", 10, false},
		{"POST", "*", 10, false},
		{"PUT", "/predict", 10, false},
		{"DELETE", "/predict", 0, false},
		{"POST", "/predict", -1, false},
		{"POST", "/predict", int(DefaultMaxBody) + 1, false},
	} {
		if got := m.Sample([]byte(c.method), []byte(c.target), c.body, 0); got != c.want {
			t.Errorf("%s %.40s with %d bytes: %v", c.method, c.target, c.body, got)
		}
	}
	m.SetShare(0)
	if m.Sample([]byte("GET"), []byte("/"), 0, 0) {
		t.Error("sampled at 0%")
	}
	var none *Mirror
	if none.Sample([]byte("GET"), []byte("/"), 0, 0) || none.Copy(nil, nil) != nil || none.Diffs() != nil {
		t.Error("a route without a mirror mirrors")
	}
	none.Offer(nil, Live{Status: 200})
	none.Drop(nil)
}

// Answers of every size arrive whole, in whatever way they are framed, and the
// largest take room that is counted.
func TestAnswersOfEverySize(t *testing.T) {
	for _, size := range []int{0, 1, 4095, 4096, 4097, freeRead - 1, freeRead, freeRead + 1, 300_000, 1 << 20, 1<<20 + 1} {
		for _, framing := range []string{"length", "chunks", "close"} {
			want := strings.Repeat("y", size)
			upstream := backend(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/plain")
				switch framing {
				case "length":
					w.Header().Set("Content-Length", fmt.Sprint(size))
				case "close":
					w.Header().Set("Connection", "close")
				}
				_, _ = io.WriteString(w, want)
			})
			m := startMirror(t, Config{}, Targets{Candidate: []string{upstream}}, Options{OnPair: func(p Pair) bool {
				if cut := size > 1<<20; p.Shadow.Cut != cut || !cut && string(p.Shadow.Body) != want {
					t.Errorf("%d bytes by %s: %d came, cut: %v", size, framing, len(p.Shadow.Body), p.Shadow.Cut)
				}
				return false
			}})
			for range 3 {
				typed(m, "text/plain", head("1"), "{}", Live{Status: 200}, want)
			}
			if s := rest(t, m); s.Requests.Answered != 3 || s.Compared.Agreed+s.Compared.Uncompared[cutAnswer] != 3 {
				t.Errorf("%d bytes by %s: %+v", size, framing, s.Requests)
			}
		}
	}
}

func TestAnswersShareTheirRoom(t *testing.T) {
	body := strings.Repeat("y", 200<<10)
	upstream := backend(t, func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(5 * time.Millisecond)
		_, _ = io.WriteString(w, body)
	})
	m := startMirror(t, Config{Limits: Limits{Bytes: 1 * MiB, Concurrency: 16, Read: GiB}}, Targets{Candidate: []string{upstream}}, Options{})
	for i := range 200 {
		pass(m, numbered(i), "{}", "{}")
		if b := m.Snapshot().Requests.Bytes; b > int64(1*MiB) {
			t.Fatalf("%d bytes held", b)
		}
	}
	if s := rest(t, m); s.Requests.Answered != 200 {
		t.Errorf("%+v", s.Requests)
	}
}

// Answers that are too large to compare are asked for rarely.
func TestLargeAnswersAreRationed(t *testing.T) {
	large := strings.Repeat("y", 300<<10)
	upstream := backend(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, large) })
	m := startMirror(t, Config{Limits: Limits{Read: 1 * MiB, MaxAnswer: 256 * KiB, Concurrency: 1}}, Targets{Candidate: []string{upstream}}, Options{})
	begin := time.Now()
	for i := range 300 {
		pass(m, numbered(i), "{}", "{}")
		time.Sleep(time.Millisecond)
	}
	s := rest(t, m)
	// Two at once, then one for each 256 KiB of the rate.
	if most := 3 + 4*time.Since(begin).Seconds(); s.Requests.Sent < 2 || float64(s.Requests.Sent) > most || s.Requests.Dropped["read"] == 0 {
		t.Errorf("%+v, at most %.0f may be sent", s.Requests, most)
	}
}
