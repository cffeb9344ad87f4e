package rollout

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/headgate/headgate/internal/judge"
)

// ForProduction and ForStaging are what an approval can be for. Steps of a plan
// ask for production.
const (
	ForStaging    = "staging"
	ForProduction = "production"
)

// approvalsKept bounds the approvals of a model; the oldest go first.
const approvalsKept = 200

// Approval is a person's word for a version.
type Approval struct {
	Version string    `json:"version"`
	For     string    `json:"for"` // staging | production
	Role    string    `json:"role"`
	By      string    `json:"by"` // the name of the token
	Comment string    `json:"comment,omitempty"`
	At      time.Time `json:"at"`
	// ExpiresAt is when it stops to count.
	ExpiresAt time.Time `json:"expires_at"`
}

// Approving is an approval that is given now. Role and By were seen on the
// caller's token.
type Approving struct {
	Approval
	// Policy is the one that the next rollout begins with.
	Policy Config
}

// Superseding is a start of another version.
type Superseding struct {
	Command
	Health Health
	// Gates are the present verdicts, kept as evidence.
	Gates []judge.GateVerdict
}

func (Approving) event()   {}
func (Superseding) event() {}

// approve keeps an approval, also before anything asks for it. One that is there
// already is not kept twice.
func (d *decision) approve(e Approving) error {
	a := e.Approval
	a.Comment = strings.TrimSpace(a.Comment)
	plan, onTrial := e.Policy.Plan, d.Phase.Live() && d.Candidate == a.Version
	if onTrial {
		plan = d.Policy.Plan
	}
	asked, expires := asksFor(plan, a), DefaultExpires
	for _, s := range asked {
		if s.Comment == CommentRequired && a.Comment == "" {
			return refuse(Invalid, "--comment TEXT says why", "the approval of a %s needs a comment", a.Role)
		}
		if onTrial && *s.NotAuthor && a.By == d.StartedBy {
			return refuse(Refused, "somebody else with the role "+a.Role+" has to", "%s started the rollout of version %s and cannot approve it", a.By, a.Version)
		}
		expires = s.Expires
	}
	a.At, a.ExpiresAt = d.now.UTC(), d.now.UTC().Add(expires)
	kept := append([]Approval(nil), d.Approvals...) // the old state keeps its own
	for _, x := range kept {
		if x.Version == a.Version && x.For == a.For && x.Role == a.Role && x.By == a.By && d.now.Before(x.ExpiresAt) {
			return nil
		}
	}
	if len(kept) >= approvalsKept {
		kept = kept[1:]
	}
	d.Approvals = append(kept, a)
	d.note("approval", a)
	return nil
}

// withdraw ends the approvals of a version that is taken back: on trial again, it
// is approved anew.
func (d *decision) withdraw() {
	kept := append([]Approval(nil), d.Approvals...) // the old state keeps its own
	for i, a := range kept {
		if a.Version == d.Candidate && d.now.Before(a.ExpiresAt) {
			kept[i].ExpiresAt = d.now.UTC()
		}
	}
	d.Approvals = kept
}

// asksFor are the steps that the approval could satisfy.
func asksFor(plan []Step, a Approval) []ApproveStep {
	var out []ApproveStep
	for _, s := range plan {
		if s.Approve != nil && a.For == ForProduction && s.Approve.Role == a.Role {
			out = append(out, *s.Approve)
		}
	}
	return out
}

// approved is the approval that satisfies the step now; else the words say what
// is missing.
func (s State) approved(step ApproveStep, now time.Time) (found *Approval, missing string) {
	missing = fmt.Sprintf("waits for the approval of a %s: headgate approve %s %s --for production --role %s --comment …", step.Role, s.Model, s.Candidate, step.Role)
	for _, a := range slices.Backward(s.Approvals) {
		switch {
		case a.Version != s.Candidate || a.For != ForProduction || a.Role != step.Role:
		case !now.Before(a.At.Add(step.Expires)) || !now.Before(a.ExpiresAt):
			missing += fmt.Sprintf(" (that of %s has expired)", a.By)
		case step.NotAuthor != nil && *step.NotAuthor && a.By == s.StartedBy:
			missing += fmt.Sprintf(" (%s has approved, and started the rollout: it has to be somebody else)", a.By)
		case step.Comment == CommentRequired && a.Comment == "":
			missing += fmt.Sprintf(" (that of %s has no comment)", a.By)
		default:
			return &a, ""
		}
	}
	return nil, missing
}

// unapproved says which approval is still missing between the present step and
// the promotion; "" when none is.
func (d *decision) unapproved() string {
	for _, s := range d.Policy.Plan[min(max(0, d.Step), len(d.Policy.Plan)):] {
		if s.Approve == nil {
			continue
		}
		if found, missing := d.approved(*s.Approve, d.now); found == nil {
			return missing
		}
	}
	return ""
}

// awaitApproval stops at a step that asks for an approval, and goes on when it is
// there and both arms serve what was recorded.
func (d *decision) awaitApproval(t Tick) {
	found, missing := d.approved(*d.step().Approve, d.now)
	if found == nil {
		if d.Phase != Paused {
			d.pause(ReasonApproval, missing)
		}
		d.say(missing)
		return
	}
	if ok, why := d.verified(t.Health); !ok {
		d.say("approved, and waits: " + why)
		return
	}
	if t.Judgement.Hold {
		d.say("approved, and waits: " + t.Judgement.Reason)
		return
	}
	if d.frozen("the advance") {
		return
	}
	if d.Phase == Paused {
		d.Phase, d.Reason, d.Resume = d.Resume.Phase, "", nil
	}
	d.note("approved", found)
	d.advance("approved by "+found.By+" as "+found.Role, t.Judgement.Gates)
}
