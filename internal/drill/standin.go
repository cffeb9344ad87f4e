package drill

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// standIn plays a model server: a version, a health answer, and predictions
// that fail, every second one, once it has turned bad.
type standIn struct {
	url     string
	version atomic.Pointer[string]
	bad     atomic.Bool
	asked   atomic.Uint64
	lastAt  atomic.Pointer[time.Time]
	server  *http.Server
	done    sync.WaitGroup
}

// newStandIn listens on a free port of this machine's loopback address.
func newStandIn() (*standIn, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for a stand-in: %w", err)
	}
	s := &standIn{url: "http://" + ln.Addr().String()}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", s.health)
	mux.HandleFunc("POST /predict", s.predict)
	s.server = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	s.done.Go(func() {
		if err := s.server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			s.version.Store(nil) // its probes say so
		}
	})
	return s, nil
}

func (s *standIn) become(version string) { s.version.Store(&version) }

func (s *standIn) health(w http.ResponseWriter, _ *http.Request) {
	v := s.version.Load()
	if v == nil {
		http.Error(w, "not loaded yet", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{"status": "ok", "version": *v}) // who has left hears nothing
}

func (s *standIn) predict(w http.ResponseWriter, _ *http.Request) {
	now := time.Now()
	n := s.asked.Add(1)
	s.lastAt.Store(&now)
	if n%2 == 0 && s.bad.Load() {
		http.Error(w, "this stand-in has turned bad", http.StatusInternalServerError)
		return
	}
	_, _ = io.WriteString(w, `{"predictions":[0]}`) // who has left hears nothing
}

func (s *standIn) close() {
	_ = s.server.Close() // the listener is all it can complain about
	s.done.Wait()
}
