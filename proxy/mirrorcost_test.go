package proxy

import (
	"bytes"
	"net"
	"testing"
	"time"

	"github.com/headgate/headgate/canary"
	"github.com/headgate/headgate/shadow"
)

// shadowed is a client with an exchange like the churn example's, of which a
// share is mirrored to a place that takes no connection.
func shadowed(t testing.TB, share canary.Weight) (x *client, round func()) {
	x, _ = askedAndAnswered(t, false)
	body := bytes.Clone(x.body)
	if share > 0 {
		m, err := shadow.New("churn", shadow.Config{Limits: shadow.Limits{Concurrency: 1}}, shadow.Targets{Candidate: []string{"http://127.0.0.1:1"}}, shadow.Options{})
		if err != nil {
			t.Fatal(err)
		}
		m.SetShare(shadow.Share(share))
		t.Cleanup(func() { m.Close(t.Context()) })
		x.route.mirror = m
	}
	answer := bytes.Clone(x.answer)
	x.Conn = nowhereConn{}
	x.proxy.table.Store(x.table)
	x.table.config.SetDefaults()
	x.draw = draw{}
	return x, func() {
		x.outgoing = x.appendRequestHead(x.outgoing[:0], len(body))
		x.mirrorRequest(body)
		x.mirrorHead()
		x.mirrorAnswered()
		x.answer = append(x.answer[:0], answer...)
		if _, err := x.Write(headEnd); err != nil {
			t.Fatal(err)
		}
	}
}

// nowhereConn takes everything that is written.
type nowhereConn struct{ net.Conn }

func (nowhereConn) Write(p []byte) (int, error) { return len(p), nil }

func (nowhereConn) SetWriteDeadline(time.Time) error { return nil }

// Without copies a request allocates nothing for the shadow, and with them only
// what is used again.
func TestMirrorDoesNotAllocate(t *testing.T) {
	for _, share := range []canary.Weight{0, 1, canary.Full} {
		x, round := shadowed(t, share)
		for range 2000 {
			round()
		}
		n := testing.AllocsPerRun(5000, round)
		if raceEnabled {
			continue // the race detector empties pools
		}
		// A pool gives up what it holds when memory is collected, and the worker
		// that finds nobody to send to has a little work of its own.
		if n > 0 && share == 0 || n > 0.5 {
			t.Errorf("share %s: %.2f allocations per request", share, n)
		}
		if share == canary.Full && x.route.mirror.Snapshot().Requests.Offered < 7000 {
			t.Error("nothing was mirrored")
		}
		t.Logf("share %s: %.2f allocations per request", share, n)
	}
}

// BenchmarkMirror is what a request pays on its path for being mirrored; the
// copy is offered when the answer has left, which is in it too.
func BenchmarkMirror(b *testing.B) {
	for name, share := range map[string]canary.Weight{"off": 0, "all": canary.Full} {
		b.Run(name, func(b *testing.B) {
			_, round := shadowed(b, share)
			b.ReportAllocs()
			for b.Loop() {
				round()
			}
		})
	}
}
