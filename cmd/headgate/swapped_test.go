package main

import "testing"

// What serves users is said when it is not what the policy calls the baseline.
func TestStatusOfSwappedArms(t *testing.T) {
	got := against(t, answering(200, "application/json", view(t, "swapped")), nil, false, "status", "m")
	if got.code != 0 || got.err != "" {
		t.Errorf("%+v", got)
	}
	compare(t, "swapped.txt", got.out)
}
