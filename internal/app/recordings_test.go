package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/headgate/headgate/internal/admin"
	"github.com/headgate/headgate/internal/journal"
	"github.com/headgate/headgate/internal/replay"
	"github.com/headgate/headgate/internal/rollout"
)

// tried replays a recording of the app under its own policy.
func (r *rig) tried(id string) replay.Report {
	r.t.Helper()
	in, err := r.app.Recording(r.t.Context(), "m", id)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = in.Close() }()
	read, err := replay.NewReader(in)
	if err != nil {
		r.t.Fatal(err)
	}
	report, err := replay.Run(read, read.Header.Policy)
	if err != nil {
		r.t.Fatal(err)
	}
	return report
}

func TestRecordingsLiveAndPacked(t *testing.T) {
	r := newRig(t, "1m", "10s")
	r.candidate.failing.Store(50)
	r.boot()
	r.ready()
	stop := r.traffic()
	v := r.do(rollout.Command{Kind: rollout.Start, Version: "2", Baseline: "1"})
	list, err := r.app.Recordings(t.Context(), admin.RecordingsOf{})
	if err != nil || len(list) != 1 || list[0].Rollout != v.ID {
		t.Fatalf("while it is live: %+v, %v", list, err)
	}
	if live := r.tried(v.ID); !live.Identical {
		t.Errorf("live: %+v", live.Rows)
	}
	r.await("rolled back", phase(rollout.RolledBack))
	stop()
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if list, err = r.app.Recordings(t.Context(), admin.RecordingsOf{Model: "m"}); err == nil && len(list) == 1 && list[0].Bytes > 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("not packed: %+v, %v", list, err)
		}
	}
	if packed := r.tried(v.ID); !packed.Identical || packed.Recorded.Cause != rollout.CauseGate {
		t.Errorf("packed: %+v", packed)
	}
	r.stopped()
	// What was lost is packed anew at the next start.
	path := r.app.recordings.archives.At("m", v.ID).Path
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	r.boot()
	for end := time.Now().Add(10 * time.Second); !r.app.recordings.archives.Has("m", v.ID); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not packed after the restart")
		}
	}
	if again := r.tried(v.ID); !again.Identical {
		t.Errorf("packed anew: %+v", again)
	}
	if _, err := r.app.Recording(t.Context(), "m", "none"); err == nil {
		t.Error("a rollout that never was is recorded")
	}
}

func TestWhatMakesRoomIsInTheRecord(t *testing.T) {
	r := newRig(t, "1m", "10s")
	r.boot()
	r.app.recordings.archives = journal.OpenArchives(r.dir, 20*journal.KB)
	for i := range 4 {
		one := fmt.Sprintf("20260101T00000%d-0", i)
		_, dropped, err := r.app.recordings.archives.Put("m", one, func(w io.Writer) error {
			_, err := io.Copy(w, bytes.NewReader(bytes.Repeat([]byte(fmt.Sprintf("%d", i*7919)), 10)))
			if err == nil {
				_, err = io.CopyN(w, &counter{n: uint64(i + 1)}, 9000)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, old := range dropped {
			r.app.recordings.droppedOne(t.Context(), old)
		}
	}
	entries, err := r.app.JournalEntries(t.Context(), 1, 1000)
	if err != nil {
		t.Fatal(err)
	}
	var gone []string
	for _, e := range entries {
		var line struct{ Kind, Rollout string }
		if err := json.Unmarshal(e.Body, &line); err != nil {
			t.Fatal(err)
		}
		if line.Kind == "recording_dropped" {
			gone = append(gone, line.Rollout)
		}
	}
	if strings.Join(gone, " ") != "20260101T000000-0 20260101T000001-0" {
		t.Errorf("in the record as dropped: %v", gone)
	}
}

// counter is noise that does not compress.
type counter struct{ n uint64 }

func (c *counter) Read(p []byte) (int, error) {
	for i := range p {
		c.n = c.n*6364136223846793005 + 1442695040888963407
		p[i] = byte(c.n >> 56)
	}
	return len(p), nil
}
