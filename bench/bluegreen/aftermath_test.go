package main

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

const msec = time.Millisecond

// killed is a kill at 1,000 ms of a switched rollout that comes back: on blue
// from 1,100 ms, on green from 1,500 ms.
func killed() (kill, []answer) {
	k := kill{
		way: "start", trigger: "random", after: 100 * msec, sent: 1000 * msec, dead: 1005 * msec, again: 1050 * msec, up: 1200 * msec, settled: 1600 * msec, until: 2000 * msec, next: math.MaxInt64, ordered: true,
		found: line{at: 900 * msec, Kind: "switched", Phase: "progressing", Weight: 1},
	}
	k.left = []line{k.found, {at: 1080 * msec, Kind: "suspended", Phase: "paused"}, {at: 1490 * msec, Kind: "resumed", Phase: "progressing", Weight: 1}}
	cut, nobody := at(999, 1003, ""), at(1050, 1051, "")
	cut.err, nobody.err = errors.New("EOF"), errors.New("refused")
	all := []answer{at(990, 995, green), cut, nobody, at(1100, 1110, blue), at(1499, 1505, blue), at(1499, 1503, green)}
	for i := range 20 {
		all = append(all, at(1601+i, 1640, green))
	}
	return k, all
}

func TestAKillThatLeavesOneColour(t *testing.T) {
	k, all := killed()
	a, wrong := k.look(all)
	if len(wrong) > 0 || a.cut != 1 || a.nobody != 1 || a.first != 60*msec || strings.Join(a.sequence, " ") != "blue green" || a.final != 20 {
		t.Errorf("%q, %+v", wrong, a)
	}
}

func TestWhatIsWrongWithAKill(t *testing.T) {
	lost := at(1700, 1701, "")
	lost.err = errors.New("502")
	for name, c := range map[string]struct {
		change func(*kill)
		more   []answer
		want   string
	}{
		"a failure after the restart":        {nil, []answer{lost}, "1 requests failed"},
		"both colours at a time":             {nil, []answer{at(1650, 1660, blue)}, "users were on blue → green → blue,"},
		"green before the journal gave it":   {func(k *kill) { k.left[2].at = 1800 * msec }, nil, "a user reached green"},
		"the journal says blue in the end":   {func(k *kill) { k.left[2].Weight = 0 }, nil, "the journal said switched"},
		"a lost order that was answered":     {func(k *kill) { k.way = "rollback" }, nil, "the rollback was answered"},
		"a record that leaves users on both": {func(k *kill) { k.found.Weight = .5 }, nil, "record switched leaves users on both"},
		"the old colour beside the new one":  {nil, []answer{at(992, 995, blue)}, "1 requests were answered by the old colour before the kill"},
		"a start that was lost":              {func(k *kill) { k.found.Phase = "rolled_back" }, nil, "the start was answered"},
	} {
		k, all := killed()
		if c.change != nil {
			c.change(&k)
		}
		if _, wrong := k.look(append(all, c.more...)); !strings.Contains(strings.Join(wrong, "; "), c.want) {
			t.Errorf("%s: %q", name, wrong)
		}
	}
}

func TestUsersWhoMoveBackAreSeen(t *testing.T) {
	moved, back := steps([]answer{at(1, 5, blue), at(10, 15, green), at(16, 20, green)})
	if moved != 1 || back != 0 {
		t.Error(moved, back)
	}
	if moved, back = steps([]answer{at(1, 5, blue), at(10, 15, green), at(16, 20, blue)}); moved != 1 || back != 1 {
		t.Error(moved, back)
	}
}
