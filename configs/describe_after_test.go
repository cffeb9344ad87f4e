package configs

import (
	"slices"
	"testing"
)

// How a rollout that went well ends is said in words, whichever way it is.
func TestDescribeAfterPromote(t *testing.T) {
	for name, c := range map[string]struct{ after, want string }{
		"nobody is told": {"", "at the end the baseline's upstreams are waited for to serve the new version, which nothing here tells them; traffic returns to them once they are seen to serve it"},
		"call": {"    after_promote: {reload: POST /reload, timeout: 30s}\n",
			"at the end POST /reload is called on each of the baseline's upstreams, for at most 30s, to load the new version; traffic returns to them once they are seen to serve it"},
		"command": {"    after_promote: {command: [/opt/deploy, production]}\n",
			"at the end /opt/deploy production is run, for at most 1m, to have the baseline's upstreams load the new version; traffic returns to them once they are seen to serve it"},
		"swap": {"    after_promote: {swap: true}\n",
			"at the end the arms swap roles: the candidate's upstreams become the baseline's in one swap of the routing table, and the others are idle until the next version is loaded there; so the upstreams of either arm have to carry all users"},
	} {
		t.Run(name, func(t *testing.T) {
			d := described(t, replacing("    plan:\n", c.after+"    plan:\n"), DescribeOptions{})
			if !slices.Contains(d.Notes, c.want) {
				t.Errorf("notes %q lack %q", d.Notes, c.want)
			}
		})
	}
	d := described(t, replacing("      - promote: {}\n      - bake: {hold: 1h}\n", ""), DescribeOptions{})
	if slices.ContainsFunc(d.Notes, func(n string) bool { return len(n) > 10 && n[:10] == "at the end" }) {
		t.Errorf("a plan that promotes nothing: %q", d.Notes)
	}
}
