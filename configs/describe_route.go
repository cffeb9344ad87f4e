package configs

import (
	"fmt"
	"slices"

	"github.com/headgate/headgate/internal/rollout"
	"github.com/headgate/headgate/proxy"
	"github.com/headgate/headgate/shadow"
)

// RouteDescription is what counts as an error on a route, what is read there,
// and what is mirrored.
type RouteDescription struct {
	Route     string   `json:"route"`
	Sentences []string `json:"sentences"`
}

// describeRoutes are those of a model that have a candidate.
func (p *Policy) describeRoutes(model string) []RouteDescription {
	out := []RouteDescription{} // [] in JSON
	for _, r := range p.Routes {
		if r.Model == model && r.Candidate != nil {
			out = append(out, RouteDescription{Route: r.Name, Sentences: routeSentences(r, p.Models[model].Config)})
		}
	}
	return out
}

func routeSentences(r proxy.Route, c rollout.Config) []string {
	out := []string{"an error is: " + r.Errors.Sentence(r.Timeout)}
	if r.Errors != nil {
		out[0] += " (the breaker goes by the first two alone)"
	}
	if r.Payload != nil {
		out = append(out, readSentence(*r.Payload, c))
		if contract := r.Payload.Contract; contract != nil {
			out = append(out, contractSentence(contract.File, contract.Sentence()))
		}
	}
	return append(out, mirrorSentences(r, c)...)
}

func readSentence(p proxy.Payload, c rollout.Config) string {
	share := "POST requests that count"
	if p.Sample.String() != "100%" {
		share = fmt.Sprintf("%s of the %s", p.Sample, share)
	}
	return fmt.Sprintf("read from copies of bodies of at most %s (%s): %s", p.MaxBody, share, p.Sentence(c.Measured))
}

func contractSentence(file, demands string) string {
	if file != "" {
		file = " (" + file + ")"
	}
	return fmt.Sprintf("the data contract%s demands %s; a request that breaks it goes to the model all the same, and counts in invalid_input_rate", file, demands)
}

// mirrorSentences is empty where no step mirrors and nothing is said of it.
func mirrorSentences(r proxy.Route, c rollout.Config) []string {
	if !slices.ContainsFunc(c.Plan, func(s rollout.Step) bool { return s.Shadow != nil }) {
		if r.Shadow == nil {
			return nil
		}
		return []string{"nothing is mirrored: no step of the plan is a shadow"}
	}
	mirror := shadow.Config{}
	if r.Shadow != nil {
		mirror = *r.Shadow
	}
	mirror.SetDefaults()
	out := mirror.Sentences(r.Candidate.Upstreams)
	out[0] = "in a shadow step " + out[0]
	return out
}
