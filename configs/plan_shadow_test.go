package configs

import (
	"slices"
	"testing"
)

// What copies measure is planned where there are copies, and nowhere else.
func TestGatesOnCopiesArePlannedInTheShadowStep(t *testing.T) {
	p, err := Load("shadow-approve-canary.yaml")
	if err != nil {
		t.Fatal(err)
	}
	steps := map[string][]int{}
	for _, g := range p.Describe(DescribeOptions{Rate: 50}).Models[0].Gates {
		for _, n := range g.Needs {
			steps[g.Name] = append(steps[g.Name], n.Step)
			if g.Name == "quality" && n.Bases != nil {
				t.Errorf("says when a guard is shown: %v", n.Bases)
			}
			if n.Step == 0 && n.Seconds != nil && *n.Seconds > 120 {
				t.Errorf("gate %s is shown in the shadow after %v s, wanted within 120 s at 50/s", g.Name, *n.Seconds)
			}
		}
	}
	for gate, want := range map[string][]int{"agreement": {0}, "copies": {0}, "quality": {0, 2, 3, 4}, "errors": {2, 3}, "latency": {2, 3, 4}} {
		if !slices.Equal(steps[gate], want) {
			t.Errorf("gate %s is planned in steps %v, wanted %v", gate, steps[gate], want)
		}
	}
}
