package rollout

import (
	"slices"
	"time"
)

// Colours names the upstreams of a model whose arms have swapped their roles. It
// is a fact of the model and not of one rollout: the next takes it over.
type Colours struct {
	Serving []string `json:"serving"` // the baseline's: users are on them
	Idle    []string `json:"idle"`    // the candidate's: the next version is loaded there
	// At is when they last swapped, Rollout the one that did it.
	At      time.Time `json:"swapped_at"`
	Rollout string    `json:"rollout"`
}

// coloursOf are the roles as the data plane has them.
func coloursOf(h Health) Colours { return Colours{Serving: urls(h.Baseline), Idle: urls(h.Candidate)} }

func urls(a ArmHealth) []string {
	out := []string{}
	for _, u := range a.Upstreams {
		out = append(out, u.URL)
	}
	return out
}

// same reports that both give the same upstreams the same roles.
func (c *Colours) same(o *Colours) bool {
	if c == nil || o == nil {
		return c == o
	}
	return slices.Equal(c.Serving, o.Serving) && slices.Equal(c.Idle, o.Idle)
}

// swapArms ends the bake: the candidate's upstreams, which serve everyone, become
// the baseline's. Roles and weight change in one state, and so in one table. What
// is wrong keeps everything as it is; it is said, and looked at again.
func (d *decision) swapArms(h Health) (wrong string) {
	if ok, why := h.Candidate.safe(d.Candidate); !ok {
		return "the candidate " + why
	}
	d.followEdit(h)
	if d.Colours == nil {
		c := coloursOf(h)
		d.Colours = &c
	}
	d.exchange("promoted")
	return ""
}

// exchange gives each colour the other's role.
func (d *decision) exchange(why string) {
	d.Colours = &Colours{Serving: d.Colours.Idle, Idle: d.Colours.Serving, At: d.now.UTC(), Rollout: d.ID}
	d.note("swapped", map[string]any{"why": why, "serving": d.Colours.Serving, "idle": d.Colours.Idle})
}

// swappedBy reports that the rollout ended with a swap: the colour that it took
// the users from is the idle one now.
func (s State) swappedBy() bool {
	return s.Phase == Promoted && s.Policy.swaps() && s.Colours != nil && s.Colours.Rollout == s.ID
}

// followEdit keeps the names of the colours what they are: a route may be given
// other upstreams, and after a restart it is known by them.
func (d *decision) followEdit(h Health) {
	now := coloursOf(h)
	if d.Colours == nil || len(now.Serving) == 0 || len(now.Idle) == 0 || d.Colours.same(&now) {
		return
	}
	now.At, now.Rollout = d.Colours.At, d.Colours.Rollout
	d.Colours = &now
	d.note("colours_edited", map[string]any{"serving": now.Serving, "idle": now.Idle})
}
