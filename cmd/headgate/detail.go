package main

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/headgate/headgate/internal/admin/client"
)

// detail is one rollout on a page, for people.
func (c *cli) detail(v client.View) string {
	var b strings.Builder
	c.head(&b, v)
	c.progress(&b, v)
	c.next(&b, v)
	if len(v.Gates) > 0 {
		b.WriteString(c.label("gates") + c.verdict(string(v.Verdict)) + "\n")
	}
	for _, g := range v.Gates {
		c.gate(&b, newGate(g))
	}
	c.registry(&b, v.Registry)
	c.serving(&b, v.Serving)
	c.colours(&b, v.Colours)
	c.takingBack(&b, v)
	return c.fold(b.String())
}

// label begins a line; every first column is equally wide.
func (c *cli) label(name string) string {
	return "  " + c.paint(faint, fmt.Sprintf("%-10s", name)) + " "
}

// under begins a line that continues the one above.
const under = "             "

func (c *cli) head(b *strings.Builder, v client.View) {
	b.WriteString(c.paint(strong, v.Model))
	if v.ID != "" {
		say(b, "  %s", c.paint(faint, fmt.Sprintf("rollout %s, generation %d", v.ID, v.Generation)))
	}
	say(b, "\n%s%s  %s\n", c.label("phase"), c.phase(v), c.paint(faint, sentence(v.Phase)))
	if v.Message != "" {
		// A command stands in a line of its own, to be copied.
		say(b, "%s%s\n", under, strings.Replace(clean(v.Message), ": headgate ", ":\n"+under+"headgate ", 1))
	}
	say(b, "%sbaseline %s, candidate %s\n", c.label("versions"), orDash(v.Baseline.Version), orDash(v.Candidate.Version))
	if v.Policy == "pending" {
		say(b, "%s%s\n", c.label("policy"), c.paint(warning, "a changed policy waits for the next rollout"))
	}
}

func (c *cli) progress(b *strings.Builder, v client.View) {
	say(b, "%s%s %s\n", c.label("weight"), bar(float64(v.Weight)/fullWeight), v.Weight)
	if s := v.Step; s != nil {
		say(b, "%s%d of %d, %s", c.label("step"), s.Index+1, s.Of, clean(s.Kind))
		b.WriteString(hold(*s) + "\n")
		c.stepState(b, v, *s)
	}
}

// stepState is what a kind of step has to show beside its hold.
func (c *cli) stepState(b *strings.Builder, v client.View, s client.StepView) {
	if v.Shadow > 0 {
		say(b, "%scopies of %s of the requests\n", under, v.Shadow)
	}
	if s.Windows > 1 {
		say(b, "%s%d of %d windows shown in a row\n", under, s.Shown, s.Windows)
	}
	if text := colour(s); text != "" && v.Rollback == nil {
		say(b, "%s%s\n", under, text)
	}
	if s.Deadline != nil {
		say(b, "%sdeadline %s, in %s\n", under, c.clock(*s.Deadline), seconds(max(0, s.Deadline.Sub(c.now()).Round(time.Second).Seconds())))
	}
	for _, a := range v.Approvals {
		if a.Version == v.Candidate.Version {
			say(b, "%sapproved for %s by %s as %s until %s\n", under, clean(a.For), clean(a.By), clean(a.Role), c.clock(a.ExpiresAt))
		}
	}
}

// fullWeight is a weight of 100 %, in its unit of 0.01 %.
const fullWeight = 10000

func (c *cli) registry(b *strings.Builder, r client.RegistryView) {
	b.WriteString(c.label("registry") + orDash(r.Mode))
	if !r.Pending {
		b.WriteString(", nothing owed\n")
		return
	}
	b.WriteString(", " + c.paint(warning, "pending"))
	if r.Since != nil {
		say(b, " since %s", c.clock(*r.Since))
	}
	if r.NextTry != nil {
		say(b, ", next try %s", c.clock(*r.NextTry))
	}
	b.WriteString("\n")
	if r.LastError != "" {
		say(b, "%s%s\n", under, c.paint(bad, r.LastError))
	}
}

func (c *cli) serving(b *strings.Builder, serving []client.ServingView) {
	for i, s := range serving {
		start := under
		if i == 0 {
			start = c.label("serving")
		}
		say(b, "%s%-9s  %s  %s\n", start, s.Arm, clean(s.URL), c.serves(s))
	}
}

// colours says which upstreams have which role when it is not the policy's to say.
func (c *cli) colours(b *strings.Builder, v *client.ColoursView) {
	if v == nil {
		return
	}
	say(b, "%susers on %s, idle %s, since %s\n", c.label("swapped"), clean(strings.Join(v.Serving, " ")), clean(strings.Join(v.Idle, " ")), c.clock(v.At))
	if v.Exchanged {
		say(b, "%s%s\n", under, c.paint(faint, "the policy names the idle ones baseline, which changes nothing"))
	}
}

// serves says what an upstream serves against what it should.
func (c *cli) serves(s client.ServingView) string {
	switch {
	case !s.Up && s.Error != "":
		return c.paint(bad, "down: "+s.Error)
	case !s.Up:
		return c.paint(bad, "down")
	case s.OK && s.Version != "":
		return c.paint(good, "serves "+s.Version)
	case s.OK:
		return c.paint(good, "up")
	case s.Version == "":
		return c.paint(warning, "does not tell its version")
	case s.Expected == "":
		return c.paint(warning, "serves "+s.Version)
	}
	return c.paint(bad, fmt.Sprintf("serves %s, should serve %s", s.Version, s.Expected))
}

// takingBack is how far a rollback has come.
func (c *cli) takingBack(b *strings.Builder, v client.View) {
	r := v.Rollback
	if r == nil {
		return
	}
	say(b, "%sdecided %s by %s", c.label("rollback"), c.clock(r.DecidedAt), orDash(r.By))
	if r.Reason != "" {
		say(b, ": %s", clean(r.Reason))
	}
	b.WriteString("\n")
	for _, s := range []struct {
		what string
		at   *time.Time
	}{{"traffic off", r.TrafficAt}, {"recorded", r.RecordedAt}, {"registry right", r.RegistryAt}, {"incident written", r.IncidentAt}} {
		if s.at == nil {
			say(b, "%s%s\n", under, c.paint(warning, s.what+": still to do"))
			continue
		}
		say(b, "%s%s after %s\n", under, s.what, seconds(s.at.Sub(r.DecidedAt).Seconds()))
	}
	if r.Result != "" && r.Result != "done" {
		say(b, "%s%s\n", under, c.paint(bad, "registry: "+r.Result))
	}
}

func (w world) clock(t time.Time) string { return t.In(w.zone).Format("15:04:05") }

// seconds shows a time as people say it: 80ms, 12.5s, 2h3m4s.
func seconds(s float64) string {
	if math.IsNaN(s) || math.Abs(s) > 1e9 {
		return "?"
	}
	d := time.Duration(s * float64(time.Second))
	switch {
	case d >= 10*time.Second:
		return d.Round(time.Second).String()
	case d >= time.Second:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(100 * time.Microsecond).String()
}

// sentence is what a phase means.
func sentence(p client.Phase) string {
	switch string(p) {
	case "none":
		return "no rollout; users are on the baseline"
	case "pending":
		return "the rollout is being written down"
	case "shadowing":
		return "the candidate gets copies of requests, and no users"
	case "progressing":
		return "the candidate takes over in steps"
	case "paused":
		return "weights stay, the hold's clock stands, judging goes on"
	case "promoting":
		return "the registry is being told"
	case "baking":
		return "promoted, with the previous version kept warm"
	case "promoted":
		return "the candidate is Production"
	case "rolling_back":
		return "users are off the candidate; the rest follows"
	case "rolled_back":
		return "the candidate was taken back"
	}
	return ""
}
