package app

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/headgate/headgate/configs"
	"github.com/headgate/headgate/internal/rollout"
	"github.com/headgate/headgate/proxy"
)

// allowed refuses what a running process cannot take, and what no model allows.
func allowed(current, next *configs.Policy, models []rollout.View) error {
	for what, same := range map[string]bool{
		"state":        reflect.DeepEqual(current.State, next.State),
		"registry":     reflect.DeepEqual(current.Registry, next.Registry),
		"admin.listen": current.Admin.Listen == next.Admin.Listen,
	} {
		if !same {
			return refused("restart it with the new policy", "%s cannot change while headgate runs", what)
		}
	}
	for _, v := range models {
		if err := allowedFor(current, next, v); err != nil {
			return err
		}
	}
	return nil
}

// allowedFor refuses what would move a model's users to another version, and what
// would take the ground from under its live rollout.
func allowedFor(current, next *configs.Policy, v rollout.View) error {
	var roles *proxy.Colours
	if c := v.Colours; c != nil {
		roles = &proxy.Colours{Serving: c.Serving, Idle: c.Idle}
		if err := keepsColours(current, next, v.Model, roles); err != nil {
			return err
		}
	}
	if !v.Phase.Live() {
		return nil
	}
	const end = "headgate rollback or promote first"
	if _, ok := next.Models[v.Model]; !ok {
		return refused(end, "model %s cannot be removed: its rollout is %s", v.Model, v.Phase)
	}
	if !routesKept(current, next, v.Model) {
		return refused(end, "a route of %s cannot be removed or lose an arm: its rollout is %s", v.Model, v.Phase)
	}
	if url := changesArm(current, next, v.Model, roles); url != "" {
		return refused(end+"; roles that the arms have swapped may be written once headgate status shows them", "%s cannot move to the other arm of %s: its rollout is %s", url, v.Model, v.Phase)
	}
	return nil
}

func refused(hint, format string, args ...any) error {
	return &rollout.Refusal{Code: rollout.Refused, Message: fmt.Sprintf(format, args...), Hint: hint}
}

// keepsColours refuses what loses track of which upstreams serve users, of a model
// whose arms have swapped.
func keepsColours(current, next *configs.Policy, model string, roles *proxy.Colours) error {
	idle, serving := strings.Join(roles.Idle, " "), strings.Join(roles.Serving, " ")
	if name := movesToIdle(current, next, model, roles); name != "" {
		return refused("name those that serve users baseline first", "route %s would send the users of %s to the idle colour (%s): its arms have swapped, and users are on %s", name, model, idle, serving)
	}
	if name := losesColours(current, next, model, roles); name != "" {
		return refused(fmt.Sprintf("change the upstreams of one arm, and those of the other when headgate status shows the new ones; %s serve users, %s are idle", serving, idle),
			"route %s keeps too few upstreams of %s: its arms have swapped, and nothing would say which of the new ones serve users", name, model)
	}
	if url := next.CopiesToArm(model); url != "" {
		return refused("without shadow.upstreams copies go to the idle colour", "shadow.upstreams names %s, which is of an arm of %s: its arms have swapped, and copies would go to the upstreams that serve users", url, model)
	}
	return nil
}

// movesToIdle names a route whose users would be on the idle colour; "" when there
// is none. The users of a swapped model are known by its name, and by the name and
// the requests of the route that it has: an edit may change each of them.
func movesToIdle(current, next *configs.Policy, model string, roles *proxy.Colours) (route string) {
	was := routeOf(current, model)
	for _, r := range next.Routes {
		switch {
		case r.Model == model:
			r = roles.InRole(r)
		case was == nil || r.Name != was.Name && !sameRequests(r.Match, was.Match):
			continue
		}
		if slices.ContainsFunc(r.Baseline.Upstreams, func(url string) bool { return only(url, roles.Idle, roles.Serving) }) {
			return r.Name
		}
	}
	return ""
}

// losesColours names the model's route when its upstreams do not say which arm has
// which role, such as when all of them are new: the data plane would take it as it
// is written, whichever way round.
func losesColours(current, next *configs.Policy, model string, roles *proxy.Colours) (route string) {
	was, will := routeOf(current, model), routeOf(next, model)
	if was == nil || will == nil || was.Candidate == nil || will.Candidate == nil {
		return ""
	}
	back := *will
	back.Baseline, back.Candidate = will.Candidate, will.Baseline
	if roles.InRole(*will).Baseline == will.Baseline && roles.InRole(back).Baseline == back.Baseline {
		return will.Name
	}
	return ""
}

// routesKept: every route that serves a live model stays, with both arms.
func routesKept(current, next *configs.Policy, model string) bool {
	kept := map[string]bool{}
	for _, r := range next.Routes {
		kept[r.Name] = r.Model == model && r.Candidate != nil
	}
	for _, r := range current.Routes {
		if r.Model == model && r.Candidate != nil && !kept[r.Name] {
			return false
		}
	}
	return true
}

// changesArm finds an upstream that would answer for the other arm than now, ""
// when there is none: with everyone on the candidate, arms that are written the
// other way round are a way back for all at once.
func changesArm(current, next *configs.Policy, model string, roles *proxy.Colours) (url string) {
	was, will := routeOf(current, model), routeOf(next, model)
	if was == nil || will == nil || was.Candidate == nil || will.Candidate == nil {
		return ""
	}
	before, after := roles.InRole(*was), roles.InRole(*will)
	for _, url := range after.Baseline.Upstreams {
		if only(url, before.Candidate.Upstreams, before.Baseline.Upstreams) {
			return url
		}
	}
	for _, url := range after.Candidate.Upstreams {
		if only(url, before.Baseline.Upstreams, before.Candidate.Upstreams) {
			return url
		}
	}
	return ""
}

func only(url string, in, notIn []string) bool {
	return slices.Contains(in, url) && !slices.Contains(notIn, url)
}

// routeOf is the model's route; nil when it has none. Load lets no model have two.
func routeOf(p *configs.Policy, model string) *proxy.Route {
	for i := range p.Routes {
		if p.Routes[i].Model == model {
			return &p.Routes[i]
		}
	}
	return nil
}

func sameRequests(a, b proxy.Match) bool {
	return strings.EqualFold(a.Host, b.Host) && a.PathPrefix == b.PathPrefix
}
