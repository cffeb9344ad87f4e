package proxy

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Every refused head and body, through the whole proxy: the right status, the
// connection closed, and nothing at the backend.
func TestRefusedOnTheWire(t *testing.T) {
	backend := startRaw(t, answering(okAnswer))
	p := startProxy(t, oneRoute(backend.url, ""))
	send := func(name, raw string, status int) {
		conn := p.dial()
		go func() { _, _ = io.WriteString(conn, raw) }()
		_ = conn.SetReadDeadline(time.Now().Add(3 * time.Second))
		answer, err := io.ReadAll(conn)
		if got := statusOf(string(answer)); got != status || err != nil {
			t.Errorf("%s: status %d (%v), wanted %d and a closed connection", name, got, err, status)
		}
		if !strings.Contains(string(answer), "\r\nConnection: close\r\n") || !strings.Contains(string(answer), "application/problem+json") {
			t.Errorf("%s: answered %q", name, answer)
		}
	}
	for _, tc := range heads {
		if tc.status != 0 {
			send(tc.name, tc.raw, tc.status)
		}
	}
	for _, tc := range chunkedBodies {
		if tc.status != 0 && tc.status != 413 {
			send(tc.name, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"+tc.raw, tc.status)
		}
	}
	if seen := backend.seen(); len(seen) != 0 {
		t.Errorf("%d reached the backend, the first: %q", len(seen), seen[0])
	}
}

func TestAcceptedOnTheWire(t *testing.T) {
	backend := startRaw(t, answering(okAnswer))
	p := startProxy(t, oneRoute(backend.url, ""))
	for _, tc := range heads {
		if tc.status != 0 || strings.Contains(tc.raw, "Content-Length") || strings.Contains(tc.raw, "Transfer-Encoding") {
			continue
		}
		if strings.HasPrefix(tc.raw, "OPTIONS *") {
			if answer := p.send(tc.raw); statusOf(answer) != 204 || !strings.Contains(answer, "\r\nAllow: GET, ") {
				t.Errorf("%s: answered %q", tc.name, answer)
			}
			continue
		}
		if answer := p.send(tc.raw); statusOf(answer) != 200 || !strings.HasSuffix(answer, "\r\n\r\nok") {
			t.Errorf("%s: answered %q", tc.name, answer)
		}
	}
	if answer := p.send("\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"); statusOf(answer) != 200 {
		t.Errorf("an empty line before the request: %q", answer)
	}
}

func TestRequestIsPassedOnByteByByte(t *testing.T) {
	backend := startRaw(t, answering(okAnswer))
	p := startProxy(t, oneRoute(backend.url, ""))
	p.send("PATCH //a/../b%2f\\%zz?q=%0a HTTP/1.1\r\n" +
		"hOsT: Example.org:81\r\n" +
		"cookie: a=\"b c\"; d=e\r\n" +
		"X-Odd:   two  blanks  \r\n" +
		"x-odd: again\r\n" +
		"Content-Type: multipart/form-data; boundary=x\r\n" +
		"Authorization: Basic abc\r\n" +
		"X-Request-Id: my-id/1\r\n" +
		"Connection: keep-alive, X-Nominated, Authorization, Host, x_other, Cookie, X-Forwarded-For\r\n" +
		"X-Nominated: gone\r\nX-Other: gone\r\n" +
		"Keep-Alive: 5\r\nProxy-Connection: x\r\nProxy-Authorization: x\r\nTE: trailers\r\nTrailer: X-T\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n" +
		"X-Forwarded-For: 6.6.6.6\r\nX_Forwarded_For: 6.6.6.6\r\nX-Forwarded-Host: evil\r\nx-forwarded-proto: https\r\nX-Forwarded-Port: 1\r\nForwarded: for=6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\n" +
		"X-Headgate-Shadow: 1\r\nx-headgate-arm: candidate\r\nX_Headgate_Force: candidate\r\nTransfer_Encoding: chunked\r\nContent_Length: 9\r\n" +
		"Content-Length: 3\r\n\r\nabc")
	want := "PATCH //a/../b%2f\\%zz?q=%0a HTTP/1.1\r\n" +
		"hOsT: Example.org:81\r\n" +
		"cookie: a=\"b c\"; d=e\r\n" +
		"X-Odd:   two  blanks  \r\n" +
		"x-odd: again\r\n" +
		"Content-Type: multipart/form-data; boundary=x\r\n" +
		"Authorization: Basic abc\r\n" +
		"Content-Length: 3\r\n" +
		"X-Forwarded-For: 127.0.0.1\r\n" +
		"X-Forwarded-Host: Example.org:81\r\n" +
		"X-Forwarded-Proto: http\r\n" +
		"X-Request-Id: my-id/1\r\n\r\n"
	if seen := backend.seen(); len(seen) != 1 || seen[0] != want {
		t.Errorf("the backend saw\n%q, wanted\n%q", seen, want)
	}
}

func TestAnswerIsPassedOnByteByByte(t *testing.T) {
	backend := startRaw(t, answering("HTTP/1.1 404 Nope\r\n"+
		"server: x\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\nSet-Cookie: a=1; Path=/\r\nSet-Cookie: a=2; Path=/x\r\nETag: \"e\"\r\n"+
		"Connection: X-Nominated, Set-Cookie\r\nX-Nominated: gone\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: x\r\nTrailer: T\r\nUpgrade: h2c\r\n"+
		"X-Headgate-Arm: candidate\r\nX-Request-Id: theirs\r\nContent-Length: 4\r\n\r\nbody"))
	p := startProxy(t, oneRoute(backend.url, ""))
	want := "HTTP/1.1 404 Not Found\r\n" +
		"server: x\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\nSet-Cookie: a=1; Path=/\r\nSet-Cookie: a=2; Path=/x\r\nETag: \"e\"\r\n" +
		"Content-Length: 4\r\nX-Request-Id: mine\r\n\r\nbody"
	if got := p.send("GET / HTTP/1.1\r\nHost: h\r\nX-Request-Id: mine\r\n\r\n"); got != want {
		t.Errorf("got\n%q, wanted\n%q", got, want)
	}
}

func TestBodilessAnswers(t *testing.T) {
	for _, tc := range []struct{ name, method, answer, want string }{
		{"HEAD keeps the length", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n"},
		{"HEAD without a length", "HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 200 OK\r\n"},
		{"204", "GET", "HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 204 No Content\r\n"},
		{"304 keeps the length", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n", "HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n"},
		{"empty", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"},
		{"behind interim answers", "GET", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 204 No Content\r\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			date := "Date: Mon, 01 Jan 2024 00:00:00 GMT\r\n"
			backend := startRaw(t, answering(strings.TrimSuffix(tc.answer, "\r\n")+date+"\r\n"))
			p := startProxy(t, oneRoute(backend.url, ""))
			one := tc.method + " / HTTP/1.1\r\nHost: h\r\nX-Request-Id: i\r\n\r\n"
			got := strings.ReplaceAll(p.send(one+one), date, "")
			if want := tc.want + "X-Request-Id: i\r\n\r\n"; got != want+want {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestBrokenAnswers(t *testing.T) {
	for name, answer := range map[string]string{
		"no HTTP":                "hello world, secret\r\n\r\n",
		"bare LF":                "HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
		"obs-fold":               "HTTP/1.1 200 OK\r\nX: a\r\n secret\r\nContent-Length: 2\r\n\r\nok",
		"CL twice":               "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nsecret",
		"CL and TE":              "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"CL not a number":        "HTTP/1.1 200 OK\r\nContent-Length: secret\r\n\r\nok",
		"switching protocols":    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
		"name with a blank":      "HTTP/1.1 200 OK\r\nX secret: 1\r\nContent-Length: 2\r\n\r\nok",
		"status of two digits":   "HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nok",
		"head too long":          "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("secret", 6<<10) + "\r\n\r\n",
		"closed in the head":     "HTTP/1.1 200 OK\r\nContent-Le",
		"closed in a short body": "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nsecret",
		"closed at once":         "",
	} {
		t.Run(name, func(t *testing.T) {
			backend := startRaw(t, func(b *rawBackend, conn net.Conn, r *bufio.Reader) {
				if _, _, ok := b.request(r); ok {
					_, _ = io.WriteString(conn, answer)
				}
			})
			p := startProxy(t, oneRoute(backend.url, ""))
			got := p.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
			if statusOf(got) != 502 || strings.Contains(got, "secret") {
				t.Errorf("got %q", got)
			}
			if n := len(backend.seen()); n != 1 {
				t.Errorf("sent %d times", n)
			}
		})
	}
}

func TestProblemDocument(t *testing.T) {
	p := startProxy(t, Config{Timeouts: Timeouts{Drain: time.Millisecond}, Routes: []Route{
		{Name: "a", Match: Match{Host: "a.example", PathPrefix: "/x"}, Baseline: &ArmConfig{Upstreams: []string{"http://127.0.0.1:1"}}},
	}})
	got := p.send("GET / HTTP/1.1\r\nHost: h\r\nX-Request-Id: i\r\n\r\nGET /x HTTP/1.1\r\nHost: A.example\r\nX-Request-Id: j\r\n\r\n")
	first := `{"type":"about:blank","title":"Not Found","status":404,"detail":"no route takes this host and path","request_id":"i"}` + "\n"
	second := `{"type":"about:blank","title":"Bad Gateway","status":502,"detail":"the backend cannot be reached","request_id":"j"}` + "\n"
	if !strings.Contains(got, first) || !strings.HasSuffix(got, second) {
		t.Errorf("got %q", got)
	}
	for _, body := range []string{first, second} {
		if !strings.Contains(got, fmt.Sprintf("Content-Length: %d\r\n", len(body))) {
			t.Errorf("no length %d in %q", len(body), got)
		}
	}
	if got := p.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n"); !strings.HasSuffix(got, "\r\n\r\n") || statusOf(got) != 404 {
		t.Errorf("HEAD: %q", got)
	}
	if got := p.send("TRACE / HTTP/1.1\r\nHost: h\r\n\r\n"); !strings.Contains(got, "\r\nAllow: GET, ") {
		t.Errorf("TRACE: %q", got)
	}
}

func TestRequestIDs(t *testing.T) {
	backend := startRaw(t, answering(okAnswer))
	p := startProxy(t, oneRoute(backend.url, ""))
	for name, id := range map[string]string{"missing": "", "too long": strings.Repeat("a", 129), "not safe": `a"b`} {
		got := p.send("GET / HTTP/1.1\r\nHost: h\r\nX-Request-Id: " + id + "\r\n\r\n")
		_, made, _ := strings.Cut(got, "X-Request-Id: ")
		made, _, _ = strings.Cut(made, "\r\n")
		if len(made) != 32 || !strings.Contains(backend.seen()[len(backend.seen())-1], "X-Request-Id: "+made+"\r\n") {
			t.Errorf("%s: made %q", name, made)
		}
	}
}

// Bodies of all framings and sizes arrive as they were sent.
func TestBodiesAreExact(t *testing.T) {
	backend := startBackend(t, func(w http.ResponseWriter, r *http.Request) {
		h := sha256.New()
		_, _ = io.Copy(h, r.Body)
		_, _ = fmt.Fprintf(w, "%d %x", r.ContentLength, h.Sum(nil))
	})
	p := startProxy(t, oneRoute(backend, ""))
	client := newHTTP(t)
	random := rand.NewChaCha8([32]byte{})
	for _, size := range []int{0, 1, 110, 4095, 4096, 4097, 16 << 10, 16<<10 + 1, 64 << 10, 1<<20 + 7, 9 << 20} {
		body := make([]byte, size)
		_, _ = random.Read(body)
		for _, framing := range []string{"length", "chunked"} {
			var reader io.Reader = bytes.NewReader(body)
			if framing == "chunked" {
				reader = onlyReader{reader}
			}
			req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, p.url, reader)
			req.Header.Set("Content-Type", "multipart/form-data; boundary=b")
			res, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			got, _ := io.ReadAll(res.Body)
			_ = res.Body.Close()
			if want := fmt.Sprintf("%d %x", size, sha256.Sum256(body)); string(got) != want {
				t.Errorf("%d bytes, %s: got %s, wanted %s", size, framing, got, want)
			}
		}
	}
}

func TestAnswersAreExact(t *testing.T) {
	backend := startBackend(t, func(w http.ResponseWriter, r *http.Request) {
		var size int
		_, _ = fmt.Sscanf(r.URL.Query().Get("n"), "%d", &size)
		body := bytes.Repeat([]byte("0123456789abcdef"), size/16+1)[:size]
		if r.URL.Path == "/length" {
			w.Header().Set("Content-Length", fmt.Sprint(size))
		} else {
			_ = http.NewResponseController(w).Flush()
		}
		_, _ = w.Write(body)
	})
	p := startProxy(t, oneRoute(backend, ""))
	client := newHTTP(t)
	for _, size := range []int{0, 1, 4096, 64 << 10, 64<<10 + 1, 3<<20 + 5} {
		for _, path := range []string{"/length", "/chunked"} {
			_, got := get(t, client, fmt.Sprintf("%s%s?n=%d", p.url, path, size))
			if want := strings.Repeat("0123456789abcdef", size/16+1)[:size]; got != want {
				t.Errorf("%s, %d bytes: got %d other ones", path, size, len(got))
			}
		}
	}
	// HTTP/1.0 knows no chunks: the answer gets a length.
	got := p.send("GET /chunked?n=20 HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n")
	if !strings.Contains(got, "Content-Length: 20\r\n") || strings.Contains(got, "chunked") || !strings.Contains(got, "Connection: keep-alive\r\n") || !strings.HasSuffix(got, "\r\n\r\n0123456789abcdef0123") {
		t.Errorf("HTTP/1.0: %q", got)
	}
}

func TestExpectContinue(t *testing.T) {
	backend := startRaw(t, answering(okAnswer))
	p := startProxy(t, oneRoute(backend.url, ""))
	conn := p.dial()
	r := bufio.NewReader(conn)
	_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
	if line, err := r.ReadString('\n'); line != "HTTP/1.1 100 Continue\r\n" {
		t.Fatalf("got %q, %v", line, err)
	}
	_, _ = r.ReadString('\n')
	_, _ = io.WriteString(conn, "hi")
	if line, err := r.ReadString('\n'); line != "HTTP/1.1 200 OK\r\n" {
		t.Fatalf("got %q, %v", line, err)
	}
	if head := backend.seen()[0]; strings.Contains(head, "Expect") {
		t.Errorf("passed on: %q", head)
	}
}

// Requests that arrive in one piece are answered in their order, also when one
// of them is refused.
func TestPipelining(t *testing.T) {
	backend := startBackend(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = io.WriteString(w, r.URL.Path+string(body)+";")
	})
	for _, reduce := range []bool{false, true} {
		c := oneRoute(backend, "")
		c.ReduceMemory = reduce
		p := startProxy(t, c)
		got := p.send("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n" +
			"POST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc" +
			"POST /3 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ndef\r\n0\r\nX-Trailer: t\r\n\r\n" +
			"GET /4 HTTP/1.1\r\nHost: h\r\n\r\n" +
			"GET /5 HTTP/1.1\nHost: h\r\n\r\n" +
			"GET /6 HTTP/1.1\r\nHost: h\r\n\r\n")
		last := 0
		for _, want := range []string{"/1;", "/2abc;", "/3def;", "/4;", "HTTP/1.1 400 "} {
			at := strings.Index(got, want)
			if at <= last {
				t.Fatalf("reduce memory %v: %q is missing or out of order in %q", reduce, want, got)
			}
			last = at
		}
		if strings.Contains(got, "/6;") {
			t.Error("the connection went on after a refusal")
		}
	}
}

func TestHeadsThatComeSlowly(t *testing.T) {
	backend := startBackend(t, says("ok"))
	for _, reduce := range []bool{false, true} {
		c := oneRoute(backend, "")
		c.ReduceMemory = reduce
		p := startProxy(t, c)
		conn := p.dial()
		for _, b := range []byte("\r\nPOST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n") {
			if _, err := conn.Write([]byte{b}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond)
		}
		if line, err := bufio.NewReader(conn).ReadString('\n'); line != "HTTP/1.1 200 OK\r\n" {
			t.Errorf("got %q, %v", line, err)
		}
	}
}

func TestDateIsAddedWhenMissing(t *testing.T) {
	backend := startRaw(t, answering(okAnswer))
	p := startProxy(t, oneRoute(backend.url, ""))
	if got := p.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n"); strings.Count(got, "\r\nDate: ") != 1 {
		t.Errorf("got %q", got)
	}
}
