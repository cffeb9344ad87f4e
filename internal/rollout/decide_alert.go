package rollout

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/headgate/headgate/internal/alerts"
	"github.com/headgate/headgate/internal/judge"
)

// How many decisions about alerts a rollout keeps, so that each is made once
// however often it comes and whoever sends it. Those that did nothing can be
// made again without harm: beyond their share they are answered and forgotten.
const (
	alertsKept  = 256
	passiveKept = 96 // ignored and dry runs
	raisedKept  = 96 // incidents of do: notify; there are no more in a rollout
)

// reasonLimit bounds what people elsewhere wrote into an alert, in bytes.
const reasonLimit = 300

// Alerted says that alerts have come, with what was seen at that moment.
type Alerted struct {
	Alerts []alerts.Alert
	Health Health
	// Gates are the present verdicts, kept as evidence of a rollback.
	Gates []judge.GateVerdict
}

func (Alerted) event() {}

// AlertDecision is what became of one alert in one rollout.
type AlertDecision struct {
	Alert       string    `json:"alert"`
	Fingerprint string    `json:"fingerprint"`
	StartsAt    time.Time `json:"starts_at"`
	// Resolved: it came as resolved. It may still be decided when it comes as
	// firing, from an Alertmanager that is behind.
	Resolved bool            `json:"resolved,omitempty"`
	Decision alerts.Decision `json:"decision"`
	Rule     string          `json:"rule,omitempty"`
	Reason   string          `json:"reason"`
	At       time.Time       `json:"at,omitzero"`
}

// is says whether the decision is about this alert.
func (x AlertDecision) is(a alerts.Alert) bool {
	return x.Fingerprint == a.Fingerprint && x.Resolved == (a.Status == alerts.Resolved) && x.StartsAt.Equal(a.StartsAt)
}

// alerted decides about each alert that no decision is known of.
func (d *decision) alerted(e Alerted) {
	for _, a := range e.Alerts {
		if d.decided(a) || d.State.pastAlerts() != "" {
			continue // answered without a record: there is nothing to decide
		}
		x := AlertDecision{Alert: short(a.Name()), Fingerprint: a.Fingerprint, StartsAt: a.StartsAt.UTC(), Resolved: a.Status == alerts.Resolved, At: d.now.UTC()}
		d.alert(a, &x, e)
		d.keep(x, a)
	}
}

// decided says whether this alert was decided about before. One that fired and
// was decided is not news when it is resolved.
func (d *decision) decided(a alerts.Alert) bool {
	_, known := d.State.alert(a)
	return known
}

func (s State) alert(a alerts.Alert) (AlertDecision, bool) {
	fired := a
	fired.Status = alerts.Firing
	for _, x := range s.Alerts {
		if x.is(a) || x.is(fired) {
			return x, true
		}
	}
	return AlertDecision{}, false
}

// pastAlerts says why no alert can do anything to the rollout; "" = it can.
func (s State) pastAlerts() string {
	switch s.Phase {
	case None:
		return "the model has no rollout"
	case RollingBack:
		return fmt.Sprintf("version %s is being taken back already", s.Candidate)
	case Promoted, RolledBack:
		return fmt.Sprintf("the rollout of version %s is over (%s)", s.Candidate, s.Phase)
	case Pending, Shadowing, Progressing, Paused, Promoting, Baking:
	}
	return ""
}

// alert follows the rule that takes the alert, or says why none is followed.
func (d *decision) alert(a alerts.Alert, x *AlertDecision, e Alerted) {
	wish := alerts.Judge(d.Policy.OnAlert, d.StartedAt, a)
	if wish.Ignored != "" {
		x.Decision, x.Reason = alerts.Ignored, wish.Ignored
		return
	}
	x.Rule, x.Reason = short(wish.Rule.Title()), why(wish.Rule, a)
	if wish.Rule.DryRun {
		x.Decision, x.Reason = alerts.DryRun, "would "+wish.Rule.Do+": "+x.Reason
		return
	}
	switch wish.Rule.Do {
	case alerts.DoRollback:
		d.rollbackForAlert(a, x, e)
	case alerts.DoPause:
		d.pauseForAlert(a, x)
	case alerts.DoNotify:
		d.notifyForAlert(a, x)
	}
}

// rollbackForAlert takes the one way back. Where the baseline is not safe the
// rollout is paused, and the order waits for it.
func (d *decision) rollbackForAlert(a alerts.Alert, x *AlertDecision, e Alerted) {
	o := Order{Cause: CauseAlert, By: "alert " + x.Alert, Reason: x.Reason, Gates: e.Gates, Alert: &a}
	d.takeBack(o, e.Health)
	x.Decision = alerts.RolledBack
	if d.Phase != RollingBack {
		d.Waiting = &o
		x.Decision, x.Reason = alerts.Paused, short(d.Message)
	}
}

// retryAlert takes the candidate back for an alert as soon as users can go back
// to the baseline.
func (d *decision) retryAlert(t Tick) bool {
	if d.Waiting == nil || d.State.pastAlerts() != "" {
		return false
	}
	if ok, _ := t.Health.Baseline.safe(d.Baseline); !ok && d.Weight > 0 && !d.baselineReloaded(t.Health) {
		return false
	}
	return d.takeBack(*d.Waiting, t.Health)
}

// pauseForAlert stops the plan; what Headgate itself has taken off the traffic
// stays paused when that is over.
func (d *decision) pauseForAlert(a alerts.Alert, x *AlertDecision) {
	switch {
	case d.Phase == Pending:
		x.Decision, x.Reason = alerts.Ignored, "no user is on the candidate yet"
		return
	case d.stopped() && (!d.suspended() || d.Resume.Reason != "" && d.Resume.Reason != ReasonApproval):
		x.Decision, x.Reason = alerts.Ignored, fmt.Sprintf("the rollout is paused already (%s)", cmp.Or(d.Resume.Reason, d.Reason))
		return
	case d.stopped():
		at := *d.Resume
		at.Reason = ReasonAlert
		d.Resume = &at
	default:
		d.pause(ReasonAlert, "alert "+x.Alert+": "+x.Reason)
	}
	x.Decision = alerts.Paused
	d.do(RaiseIncident{Kind: ReasonAlert, Message: d.label() + " is paused: alert " + x.Alert + ": " + x.Reason, Alert: &a})
}

func (d *decision) notifyForAlert(a alerts.Alert, x *AlertDecision) {
	if d.count(func(x AlertDecision) bool { return x.Decision == alerts.Notified }) >= raisedKept {
		x.Decision, x.Reason = alerts.Ignored, fmt.Sprintf("%d incidents were raised for alerts of this rollout: no more", raisedKept)
		return
	}
	x.Decision = alerts.Notified
	d.do(RaiseIncident{Kind: ReasonAlert, Message: d.label() + ": alert " + x.Alert + ": " + x.Reason, Alert: &a})
}

// keep remembers the decision and writes it down, once.
func (d *decision) keep(x AlertDecision, a alerts.Alert) {
	if x.passive() && d.count(AlertDecision.passive) >= passiveKept {
		return
	}
	kept := append([]AlertDecision(nil), d.Alerts...) // the old state keeps its own
	if len(kept) >= alertsKept {
		kept = kept[1:]
	}
	d.Alerts = append(kept, x)
	d.note("alert", map[string]any{"decision": x, "labels": a.Labels, "receiver": a.Receiver, "external_url": a.ExternalURL})
}

// passive: nothing was done, so nothing is lost when it is forgotten.
func (x AlertDecision) passive() bool {
	return x.Decision == alerts.Ignored || x.Decision == alerts.DryRun
}

func (s State) count(is func(AlertDecision) bool) int {
	n := 0
	for _, x := range s.Alerts {
		if is(x) {
			n++
		}
	}
	return n
}

// why is what a person reads: the rule's own words, else the alert's.
func why(r alerts.Rule, a alerts.Alert) string {
	return short(cmp.Or(r.Message, a.Annotations["summary"], a.Annotations["description"], "it fired"))
}

// short keeps strangers' words in one line of bounded length.
func short(text string) string {
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "\uFFFD")), " ")
	if len(text) <= reasonLimit {
		return text
	}
	return strings.ToValidUTF8(text[:reasonLimit], "") + "…"
}
