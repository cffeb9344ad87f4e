package configs

import (
	"fmt"
	"slices"

	"github.com/headgate/headgate/internal/rollout"
)

func describePlan(c rollout.Config) []StepDescription {
	out := make([]StepDescription, len(c.Plan))
	for i, s := range c.Plan {
		out[i] = StepDescription{Index: i, Kind: s.Kind(), Weight: c.WeightAt(i), HoldS: s.Hold().Seconds(), Sentence: stepSentence(c, s)}
		if s.Deadline > 0 {
			out[i].Sentence += fmt.Sprintf("; after %s by the wall clock %s", short(s.Deadline), map[string]string{
				rollout.OnDeadlineRollback: "it is taken back", rollout.OnDeadlineHold: "it stops for a person", rollout.OnDeadlineNotify: "an incident is raised",
			}[s.OnDeadline])
		}
	}
	return out
}

func stepSentence(c rollout.Config, s rollout.Step) string {
	switch {
	case s.Shadow != nil:
		text := fmt.Sprintf("the candidate gets copies of %s of the requests and no users, for at least %s", s.Shadow.Share, short(s.Shadow.Hold))
		if s.Shadow.By == rollout.ByKey {
			text += ", drawn by the user's key"
		}
		if s.Shadow.Every > 0 {
			text += fmt.Sprintf("; every required gate is shown anew in each of %d windows of %s in a row", s.Shadow.Windows(), short(s.Shadow.Every))
		}
		return text
	case s.Approve != nil:
		text := fmt.Sprintf("waits for the approval of a %s, with the traffic as it was", s.Approve.Role)
		if *s.Approve.NotAuthor {
			text += ", by somebody else than who started it"
		}
		return text + fmt.Sprintf("; an approval counts for %s", short(s.Approve.Expires))
	case s.Canary != nil:
		return fmt.Sprintf("%s of the users get the candidate for at least %s", c.WeightOf(s), short(s.Canary.Hold))
	case s.BlueGreen != nil:
		return blueGreenSentence(c, s)
	case s.Promote != nil:
		return "the registry names the candidate Production"
	case s.Bake != nil:
		return fmt.Sprintf("the candidate serves everyone for %s while the previous version stays warm", short(s.Bake.Hold))
	}
	return ""
}

func blueGreenSentence(c rollout.Config, s rollout.Step) string {
	text := "once the candidate is up and serves its version"
	if check := s.BlueGreen.Check; check != nil {
		text = fmt.Sprintf("once each of its upstreams has answered %d × %s %s well", check.Requests, check.Method, check.Path)
	}
	how := "at once"
	if g := s.BlueGreen.Gradual; g != nil {
		how = fmt.Sprintf("in %d steps over %s", g.Steps, short(g.Over))
	}
	return fmt.Sprintf("%s, %s of the users move to the candidate %s; the previous version stays warm for %s", text, c.WeightOf(s), how, short(s.BlueGreen.Hold))
}

// unseen warns of shadow steps that nothing but the number of copies ends.
func unseen(c rollout.Config) []string {
	on := c.OnCopies()
	for i, s := range c.Plan {
		if s.Shadow == nil {
			continue
		}
		if !slices.Contains(on, true) {
			return []string{fmt.Sprintf("step %d (shadow): no gate is on a KPI that copies measure, such as agreement >= 98%%: it passes with %d mirrored requests, whatever the answers are", i+1, c.MinRequests)}
		}
	}
	return nil
}

// freezes in words, for the notes, and what a shadow step leaves unsaid.
func freezes(c rollout.Config) []string {
	out := silent(c)
	for _, f := range c.Freeze {
		out = append(out, "nothing starts, advances or is promoted "+f.Text()+"; going back always works")
	}
	return out
}

// silent says which gates copies cannot show.
func silent(c rollout.Config) []string {
	at := slices.IndexFunc(c.Plan, func(s rollout.Step) bool { return s.Shadow != nil })
	if at < 0 {
		return nil
	}
	var names []string
	for i, on := range c.OnCopies() {
		if !on {
			names = append(names, c.Gates[i].Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("in a shadow step (%d) %s cannot be shown on copies: silent there, neither holding it up nor taking anything back", at+1, list(names))}
}
