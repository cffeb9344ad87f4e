package rollout

import (
	"fmt"
	"strings"

	"github.com/headgate/headgate/canary"
)

type reporter = func(path string, value any, wanted string)

// planned is what a plan held so far, while it is validated.
type planned struct {
	weight  canary.Weight // the highest so far
	users   bool          // some step sends users to the candidate
	trial   bool          // some step tries the candidate
	promote bool
	bake    bool
}

func (c Config) validatePlan(report reporter) {
	if len(c.Plan) == 0 {
		report("plan", nil, "at least one canary step, such as `- canary: {weight: 10%, hold: 10m}`")
		return
	}
	var p planned
	for i, s := range c.Plan {
		at := fmt.Sprintf("plan[%d]", i)
		if n := s.fields(); n != 1 {
			report(at, nil, "exactly one of shadow, approve, canary, bluegreen, promote or bake")
			continue
		}
		if p.promote && s.Bake == nil {
			report(at, s.Kind(), "nothing but one bake after promote")
		}
		p.take(at, s, report)
		s.validateDeadline(at, report)
	}
	if p.users && !c.CanRollBack() {
		report("gates", nil, "at least one gate that can roll back (mode: enforce and on_fail: rollback), because the plan sends users to a candidate")
	}
}

// take validates one step in its place.
func (p *planned) take(at string, s Step, report reporter) {
	switch {
	case s.Shadow != nil:
		if p.users {
			report(at, "shadow", "shadow steps before every step that sends users to the candidate")
		}
		s.Shadow.validate(at+".shadow", report)
		p.trial = true
	case s.Approve != nil:
		s.Approve.validate(at+".approve", report)
	case s.Canary != nil:
		p.weight = s.Canary.validate(at, p.weight, report)
		p.users, p.trial = p.weight > 0, true
	case s.BlueGreen != nil:
		s.BlueGreen.validate(at+".bluegreen", report)
		p.weight, p.users, p.trial = canary.Full, true, true
	case s.Promote != nil:
		if !p.trial {
			report(at, "promote", "a canary step before promote")
		}
		p.promote, p.users = true, true
	case s.Bake != nil:
		if !p.promote || p.bake {
			report(at, "bake", "one bake, right after promote")
		}
		if s.Bake.Hold <= 0 {
			report(at+".bake.hold", s.Bake.Hold, "a duration above 0s")
		}
		p.bake = true
	}
}

func (s Step) fields() int {
	n := 0
	for _, set := range []bool{s.Shadow != nil, s.Approve != nil, s.Canary != nil, s.BlueGreen != nil, s.Promote != nil, s.Bake != nil} {
		if set {
			n++
		}
	}
	return n
}

func (s Step) validateDeadline(at string, report reporter) {
	if s.Deadline == 0 && s.OnDeadline == "" {
		return
	}
	switch {
	case s.Promote != nil || s.Bake != nil:
		report(at+".deadline", s.Deadline, "no deadline: a promotion and its bake end when they are done")
	case s.Deadline <= s.Hold():
		report(at+".deadline", s.Deadline, fmt.Sprintf("a duration above the step's hold of %s", s.Hold()))
	}
	if s.OnDeadline != OnDeadlineRollback && s.OnDeadline != OnDeadlineHold && s.OnDeadline != OnDeadlineNotify {
		report(at+".on_deadline", s.OnDeadline, "rollback, hold or notify")
	}
}

func (s ShadowStep) validate(at string, report reporter) {
	if s.Share == 0 || s.Share > canary.Full {
		report(at+".share", s.Share, "a share from 0.01% to 100%")
	}
	if s.By != ByRequest && s.By != ByKey {
		report(at+".by", s.By, "request or key")
	}
	if s.Hold <= 0 {
		report(at+".hold", s.Hold, "a duration above 0s")
	}
	if s.Every < 0 || s.Every > 0 && (s.Every > s.Hold || s.Hold%s.Every != 0) {
		report(at+".every", s.Every, fmt.Sprintf("a part of the hold of %s that fits into it a whole number of times", s.Hold))
	}
}

func (a ApproveStep) validate(at string, report reporter) {
	if strings.TrimSpace(a.Role) == "" {
		report(at+".role", a.Role, "the name of a role, one of admin.approvers")
	}
	if a.Expires <= 0 {
		report(at+".expires", a.Expires, "a duration above 0s")
	}
	if a.Comment != CommentRequired && a.Comment != CommentOptional {
		report(at+".comment", a.Comment, "required or optional")
	}
}

func (s CanaryStep) validate(at string, last canary.Weight, report reporter) canary.Weight {
	if s.Weight == 0 || s.Weight > canary.Full {
		report(at+".canary.weight", s.Weight, "a share from 0.01% to 100%")
	} else if s.Weight < last {
		report(at+".canary.weight", s.Weight, fmt.Sprintf("%s or more: a plan never takes users back from the candidate", last))
	}
	if s.Hold <= 0 {
		report(at+".canary.hold", s.Hold, "a duration above 0s")
	}
	return max(last, s.Weight)
}

func (b BlueGreenStep) validate(at string, report reporter) {
	if b.Hold <= 0 {
		report(at+".hold", b.Hold, "a duration above 0s")
	}
	if c := b.Check; c != nil {
		c.validate(at+".check", report)
	}
	if g := b.Gradual; g != nil {
		if g.Over <= 0 {
			report(at+".gradual.over", g.Over, "a duration above 0s")
		}
		if g.Steps < 2 || g.Steps > mostGradual {
			report(at+".gradual.steps", g.Steps, fmt.Sprintf("a number from 2 to %d", mostGradual))
		}
	}
}

func (c Check) validate(at string, report reporter) {
	if c.Requests < 1 || c.Requests > mostChecks {
		report(at+".requests", c.Requests, fmt.Sprintf("a number from 1 to %d", mostChecks))
	}
	if !strings.HasPrefix(c.Path, "/") {
		report(at+".path", c.Path, "a path such as /predict")
	}
	if c.Method != "GET" && c.Method != "HEAD" && c.Method != "POST" && c.Method != "PUT" {
		report(at+".method", c.Method, "GET, HEAD, POST or PUT")
	}
	if len(c.Body) > checkBody {
		report(at+".body", len(c.Body), fmt.Sprintf("at most %d bytes", checkBody))
	}
	if c.Timeout <= 0 {
		report(at+".timeout", c.Timeout, "a duration above 0s")
	}
}
