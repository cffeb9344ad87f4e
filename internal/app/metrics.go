package app

import (
	"math"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/headgate/headgate/internal/judge"
	"github.com/headgate/headgate/internal/rollout"
)

// metrics shows every rollout as of the moment it is scraped: nothing is kept
// twice, and no series of a finished rollout stays behind.
type metrics struct {
	views     func() []rollout.View
	weight    *prometheus.Desc
	phase     *prometheus.Desc
	evidence  *prometheus.Desc
	verdict   *prometheus.Desc
	pending   *prometheus.Desc
	serving   *prometheus.Desc
	started   *prometheus.Desc
	rollbacks *prometheus.CounterVec
	alerts    *prometheus.CounterVec
	reloadOK  prometheus.Gauge

	began time.Time
	mu    sync.Mutex
	last  map[string]rollout.Phase
}

func newMetrics(reg prometheus.Registerer, views func() []rollout.View) (*metrics, error) {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("headgate_"+name, help, labels, nil)
	}
	m := &metrics{
		views:    views,
		weight:   desc("candidate_weight_ratio", "Share of users on the candidate, 0 to 1.", "model"),
		phase:    desc("rollout_phase", "1 for the phase the model's rollout is in.", "model", "phase"),
		evidence: desc("gate_evidence", "ln E / ln limit of a gate: 1 is the limit.", "model", "gate", "toward"),
		verdict:  desc("gate_verdict", "1 for the gate's present verdict.", "model", "gate", "verdict"),
		pending:  desc("registry_pending", "1 while the registry has not been told a decision.", "model"),
		serving:  desc("serving_mismatch", "1 for an upstream that does not serve what the registry says.", "model", "arm", "upstream"),
		started:  desc("rollout_started_timestamp_seconds", "When the rollout that serves a candidate began; absent without one.", "model"),
		rollbacks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "headgate_rollbacks_total", Help: "Rollbacks since the process began, by cause.",
		}, []string{"model", "cause"}),
		alerts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "headgate_alerts_total", Help: "Alerts taken, by what became of them; model is empty where it is not known here.",
		}, []string{"model", "decision"}),
		reloadOK: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "headgate_config_last_reload_successful", Help: "1 when the last load of the policy file was taken.",
		}),
		began: time.Now(),
		last:  map[string]rollout.Phase{},
	}
	m.reloadOK.Set(1)
	for _, c := range []prometheus.Collector{m, m.rollbacks, m.alerts, m.reloadOK} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// changed counts a rollback when it is decided, not again after a restart.
func (m *metrics) changed(v rollout.View) {
	m.mu.Lock()
	defer m.mu.Unlock()
	before, seen := m.last[v.Model]
	m.last[v.Model] = v.Phase
	if !seen { // a series that begins with its first rollback shows no increase
		for _, c := range rollout.Causes() {
			m.rollbacks.WithLabelValues(v.Model, string(c))
		}
	}
	if before != rollout.RollingBack && v.Phase == rollout.RollingBack && v.Rollback.DecidedAt.After(m.began) {
		m.rollbacks.WithLabelValues(v.Model, string(v.Cause)).Inc()
	}
}

func (m *metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.weight, m.phase, m.evidence, m.verdict, m.pending, m.serving, m.started} {
		ch <- d
	}
}

func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for _, v := range m.views() {
		gauge(m.weight, v.Weight.Ratio(), v.Model)
		gauge(m.pending, flag(v.Registry.Pending), v.Model)
		if v.Phase.Live() && v.Phase != rollout.RollingBack && v.StartedAt != nil {
			gauge(m.started, float64(v.StartedAt.UnixMilli())/1000, v.Model)
		}
		for _, p := range rollout.Phases() {
			gauge(m.phase, flag(p == v.Phase), v.Model, string(p))
		}
		for _, g := range v.Gates {
			collectGate(gauge, m, v.Model, g)
		}
		for _, s := range v.Serving {
			gauge(m.serving, flag(!s.OK), v.Model, s.Arm.String(), s.URL)
		}
	}
}

func collectGate(gauge func(*prometheus.Desc, float64, ...string), m *metrics, model string, g judge.GateVerdict) {
	for _, verdict := range []judge.Verdict{judge.Pass, judge.Fail, judge.Inconclusive} {
		gauge(m.verdict, flag(verdict == g.Verdict), model, g.Name, string(verdict))
	}
	for toward, e := range map[string]*judge.Evidence{"fail": g.Fail, "pass": g.Pass} {
		if e != nil {
			gauge(m.evidence, math.Log(e.E)/math.Log(e.Limit), model, g.Name, toward)
		}
	}
}

func flag(on bool) float64 {
	if on {
		return 1
	}
	return 0
}
