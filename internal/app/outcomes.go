package app

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/headgate/headgate/internal/admin"
	"github.com/headgate/headgate/internal/kpi"
	"github.com/headgate/headgate/internal/rollout"
)

// outcomes joins what is reported with what the live rollouts have served.
type outcomes struct {
	live func(model string) *rollout.Live // nil without one
	// names lists the models.
	names   func() []string
	strays  map[string]*atomic.Uint64 // by kind: while nothing was measured
	results *prometheus.Desc
	fates   *prometheus.Desc
	waiting *prometheus.Desc
	lost    *prometheus.Desc
	bytes   *prometheus.Desc
	early   *prometheus.Desc
	full    *prometheus.Desc
}

func newOutcomes(reg prometheus.Registerer, names func() []string, live func(string) *rollout.Live) (*outcomes, error) {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("headgate_"+name, help, labels, nil)
	}
	o := &outcomes{
		live: live, names: names, strays: map[string]*atomic.Uint64{},
		results: desc("outcomes_total", "Outcomes of the rollout under way, by what was done with them; model is empty while nothing was measured.", "model", "kind", "result"),
		fates:   desc("outcome_requests_total", "Requests of the rollout under way whose window for a kind of outcome has closed, or that were dropped before for want of room.", "model", "kind", "fate"),
		waiting: desc("outcome_requests_waiting", "Requests whose window for a kind of outcome is open.", "model", "kind"),
		lost:    desc("outcome_requests_lost_total", "Requests that waited for outcomes when the process before this one ended.", "model"),
		bytes:   desc("outcome_ledger_bytes", "Memory of the requests that wait for outcomes.", "model"),
		early:   desc("outcomes_early", "Outcomes that wait for their request to be known.", "model"),
		full:    desc("user_window_full", "1 while an arm has more users than the watch over repeat failures can tell apart.", "model"),
	}
	for _, kind := range []string{kpi.Click, kpi.Conversion, kpi.Label, kpi.Value, admin.Measurement} {
		o.strays[kind] = new(atomic.Uint64)
	}
	return o, reg.Register(o)
}

// take joins one outcome. Without a model it belongs to whoever has served its
// request; while nobody knows it, each that might waits for the request.
func (o *outcomes) take(in admin.Outcome) kpi.Result {
	names := []string{in.Model}
	if in.Model == "" {
		names = o.names()
	}
	var live []*kpi.Recorder
	for _, name := range names {
		if l := o.live(name); l != nil {
			live = append(live, l.Recorder)
		}
	}
	if len(live) == 0 {
		o.strays[in.Kind].Add(1)
		return kpi.OutcomeUnknown
	}
	if in.Kind == admin.Measurement {
		return measure(live[0], in)
	}
	out := kpi.Outcome{ID: kpi.RequestKey([]byte(in.RequestID)), Kind: in.Kind, Value: *in.Value, Name: in.Name, Index: in.Index}
	if r := join(live, out, false); r != kpi.OutcomeUnknown {
		return r
	}
	return join(live, out, true)
}

// join asks one after the other until one knows the request.
func join(live []*kpi.Recorder, out kpi.Outcome, hold bool) kpi.Result {
	result := kpi.OutcomeUnjoined
	for _, r := range live {
		switch got := r.Outcome(out, hold); got {
		case kpi.OutcomeUnjoined:
		case kpi.OutcomeUnknown, kpi.OutcomePending:
			result = got
		default:
			return got
		}
	}
	return result
}

// measure takes a value of an arm; it names its model.
func measure(r *kpi.Recorder, in admin.Outcome) kpi.Result {
	arm := kpi.Baseline
	if in.Arm == "candidate" {
		arm = kpi.Candidate
	}
	return r.Meter().Outside(arm, in.Name, *in.Value)
}

// stats are those of every rollout that joins outcomes.
func (o *outcomes) stats() []admin.ModelOutcomes {
	out := []admin.ModelOutcomes{}
	for _, name := range o.names() {
		l := o.live(name)
		if l == nil {
			continue
		}
		if s, ok := l.Recorder.Outcomes(); ok {
			out = append(out, admin.ModelOutcomes{Model: name, Rollout: l.Rollout, OutcomeStats: s})
		}
	}
	return out
}

// Outcome joins one outcome with what was served.
func (a *App) Outcome(o admin.Outcome) kpi.Result { return a.outcomes.take(o) }

// OutcomeStats says how the joining goes.
func (a *App) OutcomeStats() []admin.ModelOutcomes { return a.outcomes.stats() }

// live is what is measured of a model's rollout; nil while nothing is.
func (a *App) live(name string) *rollout.Live {
	m, err := a.model(name)
	if err != nil {
		return nil
	}
	return m.ctl.Live()
}

func (o *outcomes) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{o.results, o.fates, o.waiting, o.lost, o.bytes, o.early, o.full} {
		ch <- d
	}
}

func (o *outcomes) Collect(ch chan<- prometheus.Metric) {
	counter := func(d *prometheus.Desc, v uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for kind, n := range o.strays {
		counter(o.results, n.Load(), "", kind, kpi.OutcomeUnknown.String())
	}
	for _, name := range o.names() {
		if l := o.live(name); l != nil {
			gauge(o.full, flag(l.Recorder.WindowFull()), name)
		}
	}
	for _, s := range o.stats() {
		counter(o.lost, s.Lost, s.Model)
		gauge(o.bytes, float64(s.Bytes), s.Model)
		gauge(o.early, float64(s.Early), s.Model)
		for kind, k := range s.Kinds {
			gauge(o.waiting, float64(k.Waiting), s.Model, kind)
			counter(o.fates, k.Closed, s.Model, kind, "closed")
			counter(o.fates, k.Dropped, s.Model, kind, "dropped")
			for result, n := range k.Results {
				counter(o.results, n, s.Model, kind, result)
			}
		}
	}
}
