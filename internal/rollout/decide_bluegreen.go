package rollout

import "time"

// Colour is how far a blue-green step has come. The candidate's upstreams are
// the idle colour until all users are switched to them.
type Colour struct {
	Checked  bool       `json:"checked"`
	Answered int        `json:"answered,omitempty"` // requests of the check
	Error    string     `json:"error,omitempty"`    // of the last check
	Switched bool       `json:"switched"`
	At       *time.Time `json:"switched_at,omitempty"`
}

// IdleChecked says how the check of the idle colour ended; Error is empty when it
// answered well.
type IdleChecked struct {
	Step     int
	Answered int
	Error    string
}

// CheckIdle asks the candidate's upstreams for the answers that the step wants to
// see before users come.
type CheckIdle struct{ Step int }

func (IdleChecked) event() {}
func (CheckIdle) effect()  {}

func (d *decision) idleChecked(e IdleChecked) {
	if d.Colour == nil || d.Colour.Switched || e.Step != d.Step || !d.Phase.Live() || d.Phase == RollingBack {
		return
	}
	c := *d.Colour
	c.Checked, c.Answered, c.Error = e.Error == "", e.Answered, e.Error
	if e.Error != "" {
		if e.Error != d.Colour.Error {
			d.note("idle_check_failed", map[string]any{"error": e.Error})
		}
		d.Message = "the idle colour is not ready and is checked again: " + e.Error
	} else {
		d.Message = ""
		d.note("idle_checked", map[string]any{"answered": e.Answered})
	}
	d.Colour, d.changed = &c, true
}

// checkAgain: after a suspension the idle colour has to show itself once more.
func (d *decision) checkAgain() {
	if d.Colour == nil || d.Colour.Switched {
		return
	}
	d.Colour = &Colour{}
	d.do(CheckIdle{Step: d.Step})
}

// switchOver moves all users in one swap, or begins to move them, once the idle
// colour was checked and serves what was recorded.
func (d *decision) switchOver(t Tick) {
	if !d.Colour.Checked {
		return
	}
	if ok, why := d.verified(t.Health); !ok {
		d.say("not switched: " + why)
		return
	}
	if t.Judgement.Hold {
		d.say("not switched: " + t.Judgement.Reason)
		return
	}
	if d.frozen("the switch") {
		return
	}
	c := *d.Colour
	c.Switched, c.At = true, stamp(d.now)
	d.Colour, d.Held, d.Message = &c, 0, ""
	d.serve(max(d.Weight, d.moved()), 0)
	d.note("switched", map[string]any{"weight": d.Weight, "gates": t.Judgement.Gates})
	d.do(BeginStep{Step: d.Step})
}

// moved is the share that a blue-green step has sent over by now: all of it, or
// what its gradual move has come to.
func (d *decision) moved() weight {
	s := d.step()
	all := d.Policy.WeightOf(s)
	g := s.BlueGreen.Gradual
	if g == nil {
		return all
	}
	done := min(int64(d.Held)*int64(g.Steps)/int64(g.Over)+1, int64(g.Steps))
	return weight(int64(all) * done / int64(g.Steps))
}

// moveOn goes on with a gradual move.
func (d *decision) moveOn() {
	if d.step().BlueGreen == nil || d.Colour == nil {
		return
	}
	if w := d.moved(); w > d.Weight {
		d.serve(w, 0)
		d.changed = true
		if w == d.Policy.WeightOf(d.step()) {
			d.note("moved", map[string]any{"weight": w, "held_s": d.Held.Seconds()})
		}
	}
}
