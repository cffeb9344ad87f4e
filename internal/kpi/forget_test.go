package kpi

import "testing"

func TestForgottenKeysCountAgainAndAreLogged(t *testing.T) {
	r := NewRecorder(NewLayout(), Config{})
	sample := Sample{Sticky: true, Key: 7}
	if !r.Record(Baseline, sample) || r.Record(Baseline, sample) {
		t.Fatal("a user counts once")
	}
	if got := r.NewKeys(Baseline); len(got) != 1 {
		t.Fatalf("logged %v", got)
	}
	r.ForgetKeys()
	if !r.Record(Baseline, sample) || r.Record(Baseline, sample) {
		t.Error("after forgetting, a user counts once more")
	}
	if got := r.NewKeys(Baseline); len(got) != 1 || got[0] != 7 {
		t.Errorf("logged %v, want the key again", got)
	}
	r.ForgetKeys()
	r.SeedKeys(Baseline, []uint64{7})
	if r.Record(Baseline, sample) {
		t.Error("a seeded key counted")
	}
}
