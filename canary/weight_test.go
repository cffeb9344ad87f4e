package canary

import (
	"encoding/json"
	"testing"

	"go.yaml.in/yaml/v4"
)

func TestParseWeight(t *testing.T) {
	for text, want := range map[string]Weight{
		"0%": 0, "0.01%": 1, "0.1%": 10, "1%": 100, "10%": 1000, "12.5%": 1250, "12.50%": 1250,
		"99.99%": 9999, "100%": 10000, "100.00%": 10000, "010%": 1000,
	} {
		got, err := ParseWeight(text)
		if err != nil || got != want {
			t.Errorf("%q: got %d, %v; want %d", text, got, err, want)
		}
	}
	for _, bad := range []string{
		"", "%", "10", "0.1", "10 %", "-1%", "+1%", "100.01%", "101%", "0.001%", "1e1%", ".5%", "5.%",
		"1.2.3%", "10%%", "1_0%", "9999999999%", "٣%",
	} {
		if got, err := ParseWeight(bad); err == nil {
			t.Errorf("%q was taken as %v", bad, got)
		}
	}
}

func TestWeightRoundTrips(t *testing.T) {
	for w := Weight(0); w <= Full; w++ {
		if back, err := ParseWeight(w.String()); err != nil || back != w {
			t.Fatalf("%s came back as %v, %v", w, back, err)
		}
		data, err := json.Marshal(w)
		if err != nil {
			t.Fatal(err)
		}
		var back Weight
		if err := json.Unmarshal(data, &back); err != nil || back != w {
			t.Fatalf("JSON %s of %s came back as %v, %v", data, w, back, err)
		}
	}
	if s := Weight(1250).String(); s != "12.5%" {
		t.Errorf("got %s", s)
	}
	if data, _ := json.Marshal(Weight(1)); string(data) != "0.0001" {
		t.Errorf("JSON: got %s", data)
	}
}

func TestWeightRefusedJSON(t *testing.T) {
	for _, bad := range []string{`-0.1`, `1.0001`, `10`, `0.00001`, `"10%"`, `true`, `1e9`} {
		var w Weight
		if err := json.Unmarshal([]byte(bad), &w); err == nil {
			t.Errorf("%s was taken as %v", bad, w)
		}
	}
}

func TestWeightInYAML(t *testing.T) {
	var got struct{ Weight Weight }
	if err := yaml.Unmarshal([]byte("weight: 0.25%"), &got); err != nil || got.Weight != 25 {
		t.Errorf("got %v, %v", got.Weight, err)
	}
	for _, bad := range []string{"weight: 10", "weight: 0.1", "weight: '10'"} {
		if err := yaml.Unmarshal([]byte(bad), &got); err == nil {
			t.Errorf("%s was taken as %v", bad, got.Weight)
		}
	}
}
