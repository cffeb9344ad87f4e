package canary

import (
	"encoding/json"
	"testing"
)

func TestArmText(t *testing.T) {
	for _, arm := range []Arm{Baseline, Candidate} {
		data, err := json.Marshal(arm)
		if err != nil {
			t.Fatal(err)
		}
		var back Arm
		if err := json.Unmarshal(data, &back); err != nil || back != arm {
			t.Errorf("%s came back as %v, %v", data, back, err)
		}
	}
	if Baseline.String() != "baseline" || Candidate.String() != "candidate" || Arm(7).String() != "arm(7)" {
		t.Error("the words of the arms changed")
	}
	for _, bad := range []string{"", "Baseline", "canary", "candidate "} {
		var arm Arm
		if err := arm.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q was taken as an arm", bad)
		}
	}
}
