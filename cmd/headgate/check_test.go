package main

import "testing"

func TestPerSecond(t *testing.T) {
	for text, want := range map[string]float64{"": 0, "50": 50, "50/s": 50, "600/m": 10, "36000/h": 10, "0.5/s": 0.5} {
		if got, err := perSecond(text); err != nil || got != want {
			t.Errorf("%q: %v %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"x", "50/d", "0/s", "-1", "NaN", "Inf/s", "/s", "50/s/s"} {
		if got, err := perSecond(text); err == nil {
			t.Errorf("%q was taken for %v", text, got)
		}
	}
}

func TestFraction(t *testing.T) {
	for text, want := range map[string]float64{"0.5%": 0.005, "0.005": 0.005, "100%": 1, "0": 0} {
		if got, err := fraction(text); err != nil || got != want {
			t.Errorf("%q: %v %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "%", "101%", "-1%", "1.5", "NaN"} {
		if got, err := fraction(text); err == nil {
			t.Errorf("%q was taken for %v", text, got)
		}
	}
}
