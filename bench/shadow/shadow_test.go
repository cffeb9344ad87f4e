package main

import (
	"bytes"
	"strings"
	"testing"
)

// Every condition in short: the books close, no live request fails. How fast it
// is says nothing on a machine that runs other tests.
func TestFaultsInShort(t *testing.T) {
	var out, talk bytes.Buffer
	err := run(t.Context(), []string{"--rate", "200", "--seconds", "0.5", "--pairs", "1", "--think", "1ms", "--timeout", "300ms", "--ratio", "1000"}, &out, &talk)
	t.Logf("\n%s", out.String())
	if err != nil {
		t.Fatalf("%v\n%s", err, talk.String())
	}
	for _, c := range conditions {
		if !strings.Contains(out.String(), "| "+string(c)+" |") {
			t.Errorf("no row for %s", c)
		}
	}
}

func TestOptions(t *testing.T) {
	for _, bad := range [][]string{{"--rate", "0"}, {"--only", "dead,alive"}, {"--headgate", "x"}, {"--policy", "x"}, {"more"}} {
		if _, err := parse(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

const sample = `# TYPE headgate_shadow_dropped_total counter
headgate_shadow_dropped_total{reason="queue",route="a"} 3
headgate_shadow_dropped_total{reason="queue",route="b"} 2
headgate_shadow_offered_total{route="a"} 8
headgate_shadow_offered_total{route="b"} 4
headgate_shadow_sent_total{route="a"} 7
headgate_shadow_failed_total{kind="timeout",route="a"} 1
headgate_shadow_pairs_total{result="agreed",route="a"} 6
`

func TestBooksAreHeldAgainstEachOther(t *testing.T) {
	b, err := readBooks(sample)
	if err != nil || !b.closed || !b.answered || b.offered != 12 || b.dropped["queue"] != 5 {
		t.Errorf("%+v, %v", b, err)
	}
	b, err = readBooks(strings.Replace(sample, `_sent_total{route="a"} 7`, `_sent_total{route="a"} 6`, 1))
	if err != nil || b.closed || b.answered {
		t.Errorf("%+v, %v", b, err)
	}
	if _, err := readBooks("up 1\n"); err == nil {
		t.Error("no series is no error")
	}
	r := result{condition: healthy, books: b, ratio: 1.06, memory: 0, peak: 1 << 30, without: []turn{{requests: 1}}, with: []turn{{requests: 1, failed: 1}}}
	if w := r.wrong(options{ratio: 1.05, memory: 1}); len(w) != 6 {
		t.Errorf("%q", w)
	}
}
