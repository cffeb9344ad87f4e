package replay

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/headgate/headgate/internal/kpi"
	"github.com/headgate/headgate/internal/rollout"
)

// unfit is what of the measures was counted so that the policy's gates cannot
// read it: by the beginning of its name, with the reason.
type unfit map[string]string

// unfitOf holds what the policy wants counted against what was.
func unfitOf(recorded, wanted kpi.Config) unfit {
	out := unfit{}
	if !reflect.DeepEqual(recorded.Score, wanted.Score) {
		out[kpi.MeasureScore] = "scores were counted on another scale"
	}
	if !reflect.DeepEqual(recorded.Favourable, wanted.Favourable) {
		for _, name := range []string{kpi.MeasureGroup, kpi.MeasureOpportunity, kpi.MeasurePositive, kpi.MeasureNegative} {
			out[name] = "another score counted as favourable"
		}
	}
	was := map[string]kpi.Input{}
	for _, in := range recorded.Inputs {
		was[in.Name] = in
	}
	for _, in := range wanted.Inputs {
		if old, ok := was[in.Name]; ok && !reflect.DeepEqual(old, in) {
			out[kpi.MeasureInput+in.Name] = "the input was counted on another scale or from another feature"
		}
	}
	return out
}

// of says why a measure cannot be read; "" when it can.
func (u unfit) of(name string) string {
	if why, ok := u[name]; ok {
		return why
	}
	for begin, why := range u {
		if strings.HasSuffix(begin, ".") && strings.HasPrefix(name, begin) {
			return why
		}
	}
	if strings.HasPrefix(name, kpi.MeasureScore) { // score_positive, score_negative
		return u[kpi.MeasureScore]
	}
	return ""
}

// without leaves out what cannot be read, and notes it.
func (u unfit) without(m kpi.Measures, seen map[string]string) kpi.Measures {
	if len(u) == 0 || len(m) == 0 {
		return m
	}
	out := kpi.Measures{}
	for name, x := range m {
		if why := u.of(name); why != "" {
			seen[name] = why
			continue
		}
		out[name] = x
	}
	return out
}

// otherwise lists what else of the policy cannot be tried on what was recorded.
func otherwise(recorded, p rollout.Config) []string {
	var out []string
	was, now := windows(recorded.Measured), windows(p.Measured)
	for _, kind := range []string{kpi.Click, kpi.Conversion, kpi.Label, kpi.Value} {
		if was[kind] != now[kind] && was[kind] > 0 && now[kind] > 0 {
			out = append(out, fmt.Sprintf("outcomes of kind %s were joined within %v, not %v", kind, was[kind], now[kind]))
		}
	}
	if warm(p) < warm(recorded) {
		out = append(out, fmt.Sprintf("the warm-up of %v was not recorded: with %v there would be more to judge", warm(recorded), warm(p)))
	}
	return out
}

func windows(c kpi.Config) map[string]time.Duration {
	if c.Outcomes == nil {
		return nil
	}
	return c.Outcomes.Windows
}

func warm(c rollout.Config) time.Duration {
	if c.WarmUp == nil {
		return 0
	}
	return *c.WarmUp
}
