package shadow

import "github.com/prometheus/client_golang/prometheus"

// Collector shows the mirrors' counters to Prometheus. It reads them when it is
// asked and costs nothing in between.
type Collector struct {
	// Mirrors are those that run now.
	Mirrors func() []*Mirror
}

var _ prometheus.Collector = Collector{}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, append([]string{"route"}, labels...), nil)
}

var (
	descOffered  = desc("headgate_shadow_offered_total", "Requests drawn to be mirrored.")
	descSent     = desc("headgate_shadow_sent_total", "Copies that were sent.")
	descDropped  = desc("headgate_shadow_dropped_total", "Copies that were not sent, by reason.", "reason")
	descFailed   = desc("headgate_shadow_failed_total", "Copies that were sent and not answered, by kind.", "kind")
	descRepeated = desc("headgate_shadow_repeated_total", "Requests sent to the baseline a second time, to learn its noise.")
	descPairs    = desc("headgate_shadow_pairs_total", "Pairs of answers, by what they say.", "result")
	descBytes    = desc("headgate_shadow_bytes", "Bytes held by copies.")
)

// Describe implements prometheus.Collector.
func (Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descOffered, descSent, descDropped, descFailed, descRepeated, descPairs, descBytes} {
		ch <- d
	}
}

// Collect implements prometheus.Collector. Every reason has its series, so
// that rates are known from the first drop on.
func (c Collector) Collect(ch chan<- prometheus.Metric) {
	for _, m := range c.Mirrors() {
		m.collect(ch)
	}
}

func (m *Mirror) collect(ch chan<- prometheus.Metric) {
	count := func(d *prometheus.Desc, n uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), append([]string{m.route}, labels...)...)
	}
	r := m.requests()
	for reason := range reasons {
		count(descDropped, r.Dropped[reason.String()], reason.String())
	}
	for kind := range failures {
		count(descFailed, r.Failed[kind.String()], kind.String())
	}
	count(descSent, r.Sent)
	count(descOffered, r.Offered)
	count(descRepeated, r.Repeated)
	for said, name := range pairNames {
		count(descPairs, m.pairs[said].Load(), name)
	}
	ch <- prometheus.MustNewConstMetric(descBytes, prometheus.GaugeValue, float64(r.Bytes), m.route)
}
