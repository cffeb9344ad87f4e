package main

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// at makes an answer that arrived a millisecond after it was sent.
func at(sentMS, doneMS int, version string) answer {
	sent := time.Duration(sentMS) * time.Millisecond
	return answer{due: sent, sent: sent, arrived: sent + time.Millisecond, done: time.Duration(doneMS) * time.Millisecond, version: version}
}

func long(a answer, k kind) answer { a.kind = k; return a }

// crossing is a clean swap at 1,000 ms with a stream and a slow request across.
func crossing() (swap, []answer) {
	s := swap{round: 1, what: "start", from: blue, to: green, asked: 990 * time.Millisecond, until: 2 * time.Second}
	return s, []answer{
		at(400, 410, blue), at(995, 1005, blue), at(1000, 1010, green), at(1000, 1011, blue), at(1500, 1510, green),
		long(at(900, 2500, blue), stream), long(at(900, 2100, blue), slow),
	}
}

func TestACleanSwap(t *testing.T) {
	s, all := crossing()
	v, err := s.see(all)
	if err != nil || len(v.wrong()) > 0 {
		t.Fatal(err, v.wrong())
	}
	if v.first != 1001*time.Millisecond || v.last != 1001*time.Millisecond || v.requests != 4 || v.streams != 1 || v.slow != 1 || v.around != 11*time.Millisecond {
		t.Errorf("%+v", v)
	}
}

func TestWhatIsWrongWithASwap(t *testing.T) {
	failed := at(1200, 1300, "")
	failed.err = errors.New("reset")
	for name, c := range map[string]struct {
		more answer
		want string
	}{
		"a failure":                  {failed, "1 of 5 requests failed"},
		"answered by the old colour": {at(1002, 1010, blue), "1 requests were sent after"},
	} {
		s, all := crossing()
		v, err := s.see(append(all, c.more))
		if why := strings.Join(v.wrong(), "; "); err != nil || !strings.HasPrefix(why, c.want) {
			t.Errorf("%s: %v, %q", name, err, why)
		}
	}
	s, all := crossing()
	if v, err := s.see(all[:5]); err != nil || len(v.wrong()) != 1 {
		t.Errorf("nothing long under way: %v, %q", err, v.wrong())
	}
	if _, err := s.see(all[:2]); err == nil {
		t.Error("a swap without a request on the new colour")
	}
}
