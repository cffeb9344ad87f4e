package drill

import (
	"context"
	"strings"
	"testing"

	"github.com/headgate/headgate/rollback"
)

type deskCalls struct{ kept, told []string }

func (d *deskCalls) Keep(_ context.Context, model string, in rollback.Incident) error {
	d.kept = append(d.kept, model+": "+in.Title)
	return nil
}

func (d *deskCalls) Tell(_ context.Context, model string, in rollback.Incident) error {
	d.told = append(d.told, model+": "+in.Title)
	return nil
}

func TestPeopleAreToldOnlyWhenTheyAreToBe(t *testing.T) {
	for _, tell := range []bool{false, true} {
		calls := &deskCalls{}
		d := newDesk(calls, "m", tell)
		id := "r2"
		d.now.Store(&id)
		for _, rollout := range []string{"r1", "r2"} { // r1 is an earlier drill's
			in := rollback.Incident{Rollout: rollout, Title: rollout + " was taken back"}
			if err := d.Keep(t.Context(), "headgate-drill-m", in); err != nil {
				t.Fatal(err)
			}
			if err := d.Tell(t.Context(), "headgate-drill-m", in); err != nil {
				t.Fatal(err)
			}
		}
		select {
		case <-d.told:
		default:
			t.Error("the drill waits for ever")
		}
		told := ""
		if tell {
			told = "m: DRILL, no user was affected: r2 was taken back"
		}
		if got := strings.Join(calls.told, "; "); got != told || len(calls.kept) != 2 || !strings.HasPrefix(calls.kept[0], "m: DRILL") {
			t.Errorf("tell %v: told %q, kept %q", tell, got, calls.kept)
		}
	}
}
