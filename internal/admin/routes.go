package admin

import (
	"net/http"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/headgate/headgate/internal/rollout"
)

// answer is one endpoint: it returns what is to be sent as JSON, or an error.
type answer func(w http.ResponseWriter, r *http.Request, who string) (any, error)

// endpoint is an answer with what it asks of the caller.
type endpoint struct {
	need   permission
	answer answer
}

// methods maps a method to its endpoint; GET answers HEAD too.
type methods map[string]endpoint

// routes is the whole API: what is not here does not exist.
func (s *Server) routes() map[string]methods {
	get := func(a answer) methods { return methods{http.MethodGet: {read, a}} }
	table := map[string]methods{
		"/api/v1/rollouts":         get(s.listRollouts),
		"/api/v1/rollouts/{model}": get(s.showRollout),
		"/api/v1/incidents":        get(s.incidents),
		"/api/v1/journal":          get(s.journal),
		"/api/v1/journal/verify":   get(s.verifyJournal),
		"/api/v1/doctor":           get(s.doctor),
		"/api/v1/evidence":         get(s.recordings),

		"/api/v1/evidence/{model}/{rollout}": get(s.recording),
		"/api/v1/rollouts/{model}/shadow":    get(s.shadow),

		"/api/v1/drills/{model}": {http.MethodPost: {operate, s.startDrill}, http.MethodGet: {read, s.showDrill}},

		"/api/v1/registry/versions":         {http.MethodPost: {operate, s.register}},
		"/api/v1/registry/transition-stage": {http.MethodPost: {operate, s.transitionStage}},

		"/api/v1/alerts":    {http.MethodPost: {alert, s.takeAlerts}},
		"/api/v1/approvals": {http.MethodPost: {read, s.approve}, http.MethodGet: {read, s.approvals}}, // approve asks for the role itself

		"/api/v1/outcomes": {http.MethodPost: {report, s.takeOutcomes}, http.MethodGet: {read, s.outcomeStats}},

		"/healthz": {http.MethodGet: {open, s.healthz}},
		"/readyz":  {http.MethodGet: {open, s.readyz}},
	}
	for _, kind := range []rollout.Kind{rollout.Start, rollout.Pause, rollout.Resume, rollout.Advance, rollout.Promote, rollout.Rollback} {
		table["/api/v1/rollouts/{model}/"+string(kind)] = methods{http.MethodPost: {operate, s.command(kind)}}
	}
	return table
}

// handler wires the routes; every answer passes protect first.
func (s *Server) handler(o Options) http.Handler {
	mux := http.NewServeMux()
	for path, m := range s.routes() {
		mux.Handle(path, s.serve(m))
	}
	if o.Metrics != nil {
		scrape := promhttp.HandlerFor(o.Metrics, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
		mux.Handle("/metrics", s.metrics(scrape))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		writeProblem(w, problem(CodeNotFound, "nothing is at this address", "the API is under /api/v1"))
	})
	return s.protect(mux)
}

// serve answers one path: method, sign-in, then the endpoint.
func (s *Server) serve(m methods) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e, ok := m.of(w, r)
		if !ok {
			return
		}
		who, p := s.admit(r, e.need)
		if p != nil {
			writeProblem(w, p)
			return
		}
		v, err := e.answer(w, r, who)
		if err != nil {
			s.refuse(w, r, err)
			return
		}
		if _, done := v.(sent); done {
			return
		}
		body, err := encode(v)
		if err != nil {
			s.refuse(w, r, err)
			return
		}
		write(w, http.StatusOK, "application/json", body)
	})
}

// of picks the endpoint of the request's method, or answers 405.
func (m methods) of(w http.ResponseWriter, r *http.Request) (endpoint, bool) {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	e, ok := m[method]
	if !ok {
		var allowed []string
		for name := range m {
			allowed = append(allowed, name)
		}
		slices.Sort(allowed)
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		writeProblem(w, problem(CodeMethodNotAllowed, "this address is for "+strings.Join(allowed, ", ")+" only", ""))
	}
	return e, ok
}

// metrics is open where the rest is: to everyone on loopback without tokens,
// to readers otherwise (Prometheus sends a bearer token).
func (s *Server) metrics(scrape http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, ok := (methods{http.MethodGet: {}}).of(w, r); !ok {
			return
		}
		if _, p := s.admit(r, read); p != nil {
			writeProblem(w, p)
			return
		}
		scrape.ServeHTTP(w, r)
	})
}

func (s *Server) healthz(http.ResponseWriter, *http.Request, string) (any, error) {
	return map[string]string{"status": "ok"}, nil
}

func (s *Server) readyz(http.ResponseWriter, *http.Request, string) (any, error) {
	if err := s.backend.Ready(); err != nil {
		return nil, problem(CodeNotReady, err.Error(), "")
	}
	return map[string]string{"status": "ready"}, nil
}
