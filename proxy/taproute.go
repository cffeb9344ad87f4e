package proxy

import (
	"math/rand/v2"

	"github.com/headgate/headgate/canary"
	"github.com/headgate/headgate/internal/kpi"
	"github.com/headgate/headgate/internal/payload"
)

// Payload says which payloads of a route are read, and how.
type Payload struct {
	payload.Config `yaml:",inline"`
	Sample         canary.Weight `yaml:"sample,omitempty"`   // of the requests that count
	MaxBody        Size          `yaml:"max_body,omitempty"` // larger bodies are not read
}

// routeTap is what of a route's exchanges is read for one assignment.
// Immutable.
type routeTap struct {
	reader          *payload.Reader // nil: no body is read
	recorder        *kpi.Recorder
	rules           bool // answers can be failures by their bodies
	keyed           bool // outcomes are joined with the requests
	request, answer bool // bodies that are copied
	maxBody         Size
	sample          canary.Weight
	metrics         *[2]tapMetrics
}

// newRouteTap returns nil where nothing is evidence.
func newRouteTap(c Route, recorder *kpi.Recorder, m *[2]tapMetrics) *routeTap {
	if recorder == nil {
		return nil
	}
	counted := recorder.Config()
	t := &routeTap{recorder: recorder, keyed: counted.Outcomes != nil, maxBody: DefaultPayloadBody, sample: canary.Full, metrics: m}
	t.rules = c.Errors != nil && len(c.Errors.Body) > 0
	var config *payload.Config
	if c.Payload != nil {
		config, t.maxBody, t.sample = &c.Payload.Config, c.Payload.MaxBody, c.Payload.Sample
	}
	if config != nil || t.rules {
		t.reader = payload.NewReader(config, c.Errors, counted)
		t.request, t.answer = t.reader.NeedsRequest(), t.reader.NeedsAnswer()
	}
	return t
}

// reads says whether the bodies of an exchange are to be read: models are asked
// by POST.
func (t *routeTap) reads(method []byte) bool {
	return t.reader != nil && string(method) == "POST" && (t.sample >= canary.Full || rand.Uint32N(uint32(canary.Full)) < uint32(t.sample))
}

func (p *Payload) validate(at string, report report) {
	p.Config.Validate(func(path string, value any, wanted string) { report(at+"."+path, value, wanted) })
	if p.Sample < 1 || p.Sample > canary.Full {
		report(at+".sample", p.Sample, "a share from 0.01% to 100%")
	}
	if p.MaxBody < KiB || p.MaxBody > tapBody {
		report(at+".max_body", p.MaxBody, "a size from "+KiB.String()+" to "+tapBody.String())
	}
}

// validateErrors holds the rules for errors against what is read.
func (r Route) validateErrors(at string, report report) {
	if r.Errors == nil {
		return
	}
	r.Errors.Validate(func(path string, value any, wanted string) {
		if path != "" {
			path = "." + path
		}
		report(at+".errors"+path, value, wanted)
	})
	if len(r.Errors.Body) > 0 && r.Payload != nil && r.Payload.Sample < canary.Full {
		report(at+".payload.sample", r.Payload.Sample, "100%: errors.body needs every answer, or errors would count in part")
	}
	if r.Payload == nil {
		for _, rule := range r.Errors.Body {
			if rule.Holds&payload.IsNotPerRow != 0 {
				report(at+".errors.body", rule, "a payload section beside it, which says where the rows of a request are")
			}
		}
	}
}
