package admin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"
)

// The patience of the listener. An order may wait for a slow registry, so
// answers have longer than requests.
const (
	headTimeout  = 5 * time.Second
	readTimeout  = 15 * time.Second
	orderTimeout = 90 * time.Second
	writeTimeout = orderTimeout + 10*time.Second
	idleTimeout  = 60 * time.Second
	maxHead      = 16 << 10
)

// Options are what the server is given.
type Options struct {
	Log hclog.Logger
	// Metrics is what /metrics shows; nil means there is no /metrics.
	Metrics prometheus.Gatherer
	// Now is for the expiry of tokens; nil means time.Now.
	Now func() time.Time
}

// Server is the admin listener.
type Server struct {
	backend  Backend
	log      hclog.Logger
	now      func() time.Time
	loopback bool
	keys     atomic.Pointer[keyring]
	listener net.Listener
	readers  chan struct{} // one place for each reader of a recording
	http     *http.Server
	// denials keeps strangers from filling the log.
	denials rate.Sometimes
	// alerting holds one place for each message of alerts under way; cuts keeps
	// the same warning about them from filling the log.
	alerting chan struct{}
	cuts     rate.Sometimes
	outcomes outcomeDoor
}

// New binds the listener; requests wait in its backlog until Serve.
func New(c Config, b Backend, o Options) (*Server, error) {
	c.SetDefaults()
	if err := sound(c); err != nil {
		return nil, err
	}
	ring, err := newKeyring(c.Tokens)
	if err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = hclog.NewNullLogger()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	ln, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return nil, fmt.Errorf("admin: %w", err)
	}
	s := &Server{backend: b, log: o.Log, now: o.Now, listener: ln, readers: make(chan struct{}, mostReaders), denials: rate.Sometimes{First: 10, Interval: time.Second},
		alerting: make(chan struct{}, alertsAtOnce), cuts: rate.Sometimes{First: 1, Interval: time.Minute}, outcomes: newOutcomeDoor()}
	s.loopback = loopbackAddr(ln.Addr())
	if !s.loopback && len(c.Tokens) == 0 {
		return nil, errors.Join(fmt.Errorf("admin: %s is not a loopback address and there are no tokens", ln.Addr()), ln.Close())
	}
	s.keys.Store(ring)
	s.http = &http.Server{
		Handler:           s.handler(o),
		ReadHeaderTimeout: headTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHead,
		ErrorLog:          o.Log.StandardLogger(&hclog.StandardLoggerOptions{ForceLevel: hclog.Debug}),
	}
	return s, nil
}

// sound refuses a configuration that Validate would: nothing unvalidated runs.
func sound(c Config) (err error) {
	c.Validate(func(path string, value any, wanted string) {
		if err == nil {
			err = fmt.Errorf("admin.%s: %v: wanted %s", path, value, wanted)
		}
	})
	return err
}

func loopbackAddr(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// Addr is where the server listens.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Serve answers until Shutdown, then returns nil.
func (s *Server) Serve() error {
	if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("admin: %w", err)
	}
	return nil
}

// Shutdown closes the listener and waits for answers under way, at most until
// ctx is done; then it cuts them off.
func (s *Server) Shutdown(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	// Only a server that never served still holds its listener here.
	_ = s.listener.Close()
	if err != nil {
		return errors.Join(fmt.Errorf("admin: %w", err), s.http.Close())
	}
	return nil
}

// SetTokens replaces the tokens in force for every request from now on.
func (s *Server) SetTokens(tokens []Token) error {
	if len(tokens) == 0 && !s.loopback {
		return fmt.Errorf("admin: %s is not a loopback address: it keeps its tokens", s.Addr())
	}
	ring, err := newKeyring(tokens)
	if err != nil {
		return fmt.Errorf("admin: %w", err)
	}
	s.keys.Store(ring)
	return nil
}

// protect sets the headers of every answer and turns a panic into a 500.
func (s *Server) protect(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		harden(w.Header())
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(v)
			}
			s.log.Error("admin handler panicked", "method", r.Method, "path", r.URL.Path, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			writeProblem(w, problem(CodeInternal, "the server could not do this; its log says why", ""))
		}()
		next.ServeHTTP(w, r)
	})
}

// admit signs the caller in, and logs who was turned away.
func (s *Server) admit(r *http.Request, need permission) (who string, p *Problem) {
	who, p = s.keys.Load().admit(r, need, s.now())
	if p != nil {
		s.denials.Do(func() {
			s.log.Warn("admin request refused", "code", p.Code, "detail", p.Detail, "token", who, "remote", r.RemoteAddr, "method", r.Method, "path", r.URL.Path)
		})
	}
	return who, p
}

// refuse answers with the problem behind err.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var ifMatch *uint64
	if r.Header.Get("If-Match") != "" {
		ifMatch, _ = generation(r)
	}
	p, foreseen := explain(err, ifMatch)
	if !foreseen {
		s.log.Error("admin request failed", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	writeProblem(w, p)
}
