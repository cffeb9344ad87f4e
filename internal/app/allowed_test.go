package app

import (
	"errors"
	"strings"
	"testing"

	"github.com/headgate/headgate/configs"
	"github.com/headgate/headgate/internal/rollout"
	"github.com/headgate/headgate/proxy"
	"github.com/headgate/headgate/shadow"
)

// twoArms is a policy of model m with both arms, and without a candidate: plain.
func twoArms(baseline, candidate string) *configs.Policy {
	r := proxy.Route{Name: "all", Match: proxy.Match{Host: "a.example", PathPrefix: "/"}, Model: "m", Baseline: arm(baseline)}
	p := &configs.Policy{}
	if candidate != "" {
		r.Candidate = arm(candidate)
		p.Models = map[string]configs.Model{"m": {}}
	}
	p.Routes = []proxy.Route{r}
	return p
}

func arm(upstreams string) *proxy.ArmConfig {
	return &proxy.ArmConfig{Upstreams: strings.Fields(upstreams)}
}

func edited(p *configs.Policy, edit func(*proxy.Route)) *configs.Policy {
	edit(&p.Routes[0])
	return p
}

func rename(r *proxy.Route) { r.Name = "every" }

// TestEditsAfterASwap: the file says blue and green, and users are on green.
func TestEditsAfterASwap(t *testing.T) {
	const idle, few, copies = "to the idle colour (blue)", "keeps too few upstreams of m", "shadow.upstreams names"
	for _, c := range []struct {
		name string
		next *configs.Policy
		want string // of the refusal; "": taken
	}{
		{"nothing", twoArms("blue", "green"), ""},
		{"the roles as they are now", twoArms("green", "blue"), ""},
		{"another name", edited(twoArms("blue", "green"), rename), ""},
		{"no candidate, on those that serve", twoArms("green", ""), ""},
		{"no candidate", twoArms("blue", ""), idle},
		{"no candidate, another name", edited(twoArms("blue", ""), rename), idle},
		{"no candidate, no model", edited(twoArms("blue", ""), func(r *proxy.Route) { r.Model = "" }), idle},
		{"no candidate, no model, another name", edited(twoArms("blue", ""), func(r *proxy.Route) { r.Name, r.Model, r.Match.Host = "every", "", "A.example" }), idle},
		{"another model's route of that name", edited(twoArms("blue", "green"), func(r *proxy.Route) { r.Model = "n" }), idle},
		{"a route to the idle colour for others", edited(twoArms("blue", ""), func(r *proxy.Route) { r.Name, r.Model, r.Match.Host = "peek", "", "b.example" }), ""},
		{"an idle one among those that serve", twoArms("green blue", "blue2"), idle},
		{"both on one arm", twoArms("blue2", "green blue"), few},
		{"one more of each", twoArms("blue blue2", "green green2"), ""},
		{"other idle ones", twoArms("blue2", "green"), ""},
		{"others that serve", twoArms("blue", "green2"), ""},
		{"others for both", twoArms("blue2", "green2"), few},
		{"others for both, another name", edited(twoArms("blue2", "green2"), rename), few},
		{"copies to an arm", edited(twoArms("blue", "green"), func(r *proxy.Route) { r.Shadow = &shadow.Config{Upstreams: []string{"third", "green"}} }), copies + " green"},
		{"copies to a third", edited(twoArms("blue", "green"), func(r *proxy.Route) { r.Shadow = &shadow.Config{Upstreams: []string{"third"}} }), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := rollout.View{Model: "m", Phase: rollout.Promoted, Colours: &rollout.ColoursView{Colours: rollout.Colours{Serving: []string{"green"}, Idle: []string{"blue"}}}}
			wantEdit(t, allowed(twoArms("blue", "green"), c.next, []rollout.View{v}), c.want)
		})
	}
}

// TestAModelComesBackWithItsColours: where it had no route the file alone says
// where its upstreams are.
func TestAModelComesBackWithItsColours(t *testing.T) {
	v := rollout.View{Model: "m", Phase: rollout.Promoted, Colours: &rollout.ColoursView{Colours: rollout.Colours{Serving: []string{"green"}, Idle: []string{"blue"}}}}
	gone := edited(twoArms("green", ""), func(r *proxy.Route) { r.Model = "" })
	wantEdit(t, allowedFor(gone, twoArms("blue", "green"), v), "")
	wantEdit(t, allowedFor(gone, twoArms("blue2", "green2"), v), "")
	wantEdit(t, allowedFor(gone, edited(twoArms("blue", "green"), func(r *proxy.Route) { r.Shadow = &shadow.Config{Upstreams: []string{"green"}} }), v), "shadow.upstreams names green")
}

// TestEditsUnderALiveRollout: at 100 % arms that are written the other way round
// would send everyone to the old version at once.
func TestEditsUnderALiveRollout(t *testing.T) {
	const other, end = "cannot move to the other arm", "headgate rollback or promote first"
	for _, c := range []struct {
		name string
		next *configs.Policy
		want string
	}{
		{"nothing", twoArms("blue", "green"), ""},
		{"other addresses", twoArms("blue3", "green3"), ""},
		{"one more of each", twoArms("blue blue2 blue3", "green green2 green3"), ""},
		{"the other way round", twoArms("green", "blue"), "green " + other},
		{"one of the candidate's", twoArms("blue green2", "green"), "green2 " + other},
		{"one of the baseline's", twoArms("blue", "green blue2"), "blue2 " + other},
		{"no candidate", twoArms("blue", ""), "cannot be removed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := allowed(twoArms("blue blue2", "green green2"), c.next, []rollout.View{{Model: "m", Phase: rollout.Baking}})
			wantEdit(t, err, c.want)
			if r := (*rollout.Refusal)(nil); errors.As(err, &r) && !strings.Contains(r.Hint, end) {
				t.Errorf("hint %q", r.Hint)
			}
		})
	}
	wantEdit(t, allowed(twoArms("blue", "green"), twoArms("green", "blue"), []rollout.View{{Model: "m", Phase: rollout.RolledBack}}), "")
	swapped := rollout.View{Model: "m", Phase: rollout.Baking, Colours: &rollout.ColoursView{Colours: rollout.Colours{Serving: []string{"green"}, Idle: []string{"blue"}}}}
	wantEdit(t, allowed(twoArms("blue", "green"), twoArms("green", "blue"), []rollout.View{swapped}), "") // nothing moves
}

func wantEdit(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("refused: %v", err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("got %v, want %q", err, want)
	}
}
