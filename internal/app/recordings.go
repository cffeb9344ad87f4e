package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/headgate/headgate/internal/admin"
	"github.com/headgate/headgate/internal/journal"
	"github.com/headgate/headgate/internal/replay"
	"github.com/headgate/headgate/internal/rollout"
)

const (
	// packRetry is how long a recording that could not be packed waits.
	packRetry = 30 * time.Second
	// archivesKey holds the last archive that made room; the record holds them all.
	archivesKey = "evidence/archives"
)

// recordings packs what a rollout leaves behind when it has ended. Nothing that
// serves users waits for it, and losing an archive harms only the look back.
type recordings struct {
	log      hclog.Logger
	journal  *journal.Journal
	archives *journal.Archives
	ended    chan recorded

	mu   sync.Mutex
	seen map[string]rollout.View // by model: the last view
}

// recorded names a rollout.
type recorded struct{ model, id string }

func newRecordings(c journal.Config, j *journal.Journal, log hclog.Logger) *recordings {
	return &recordings{
		log: log, journal: j, archives: journal.OpenArchives(c.Dir, c.KeepEvidence),
		ended: make(chan recorded, 64), seen: map[string]rollout.View{},
	}
}

// changed is told of every view; a rollout that has just ended is packed. After
// a start that is every one whose archive does not say how it ended.
func (r *recordings) changed(v rollout.View) {
	r.mu.Lock()
	before := r.seen[v.Model]
	r.seen[v.Model] = v
	r.mu.Unlock()
	if v.ID == "" || v.Phase.Live() || before.ID == v.ID && before.Phase == v.Phase {
		return
	}
	select {
	case r.ended <- recorded{v.Model, v.ID}:
	default: // the next start finds it
		r.log.Warn("recording not packed: too many wait", "model", v.Model, "rollout", v.ID)
	}
}

// run packs until ctx ends.
func (r *recordings) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case one := <-r.ended:
			for !r.pack(ctx, one) && rollout.Sleep(ctx, packRetry) {
			}
		}
	}
}

// pack makes the archive of a rollout; false when it is to be tried again.
func (r *recordings) pack(ctx context.Context, one recorded) bool {
	s, err := r.state(ctx, one.model)
	if err == nil && s.ID != one.id {
		r.log.Warn("recording not packed: the next rollout has begun", "model", one.model, "rollout", one.id)
		return true
	}
	if err == nil && s.Phase == r.packed(one) {
		return true
	}
	var kept journal.Archive
	var dropped []journal.Archive
	if err == nil {
		kept, dropped, err = r.archives.Put(one.model, one.id, func(w io.Writer) error { return r.write(ctx, w, s) })
	}
	if kept.Path != "" {
		r.log.Info("recording kept for replays", "model", one.model, "rollout", one.id, "bytes", kept.Bytes, "file", kept.Path)
	}
	for _, old := range dropped {
		r.droppedOne(ctx, old)
	}
	if err != nil && ctx.Err() == nil {
		r.log.Error("recording not packed, tried again", "model", one.model, "rollout", one.id, "error", err)
	}
	return err == nil || ctx.Err() != nil
}

// packed is the phase that the archive of a rollout says it ended in; "" without
// one that can be read.
func (r *recordings) packed(one recorded) rollout.Phase {
	h, err := headerOf(r.archives.At(one.model, one.id).Path)
	if err != nil {
		return ""
	}
	return h.Phase
}

// droppedOne says in log and journal what made room.
func (r *recordings) droppedOne(ctx context.Context, old journal.Archive) {
	r.log.Warn("the oldest recording made room (state.keep_evidence)", "model", old.Group, "rollout", old.Name, "bytes", old.Bytes)
	data, err := json.Marshal(map[string]any{"kind": "recording_dropped", "model": old.Group, "rollout": old.Name, "bytes": old.Bytes})
	if err != nil {
		panic("BUG: a line of the record does not marshal: " + err.Error())
	}
	_, rev, err := r.journal.Load(ctx, archivesKey)
	if err == nil {
		_, err = r.journal.Commit(ctx, archivesKey, rev, data, data)
	}
	if err != nil {
		r.log.Warn("a recording that made room is not in the record", "rollout", old.Name, "error", err)
	}
}

func (r *recordings) state(ctx context.Context, model string) (rollout.State, error) {
	var s rollout.State
	data, _, err := r.journal.Load(ctx, rollout.StateKey(model))
	if err != nil || data == nil {
		return s, err
	}
	if err := json.Unmarshal(data, &s); err != nil {
		return s, fmt.Errorf("read the rollout of %s: %w", model, err)
	}
	return s, nil
}

// write is the recording as of now. A rollout that had ended and was taken back
// later has no new strata: they come from its archive, for the log may have lost
// them since.
func (r *recordings) write(ctx context.Context, w io.Writer, s rollout.State) error {
	var strata replay.Evidence = r.journal
	if path := r.archives.At(s.Model, s.ID).Path; !s.Phase.Live() && whole(path) {
		strata = archived{path}
	}
	return replay.Copy(ctx, w, s, strata, func(ctx context.Context, each func(replay.Line) error) error {
		lines, err := r.lines(ctx, s)
		for _, l := range slices.Backward(lines) {
			if err == nil {
				err = each(l)
			}
		}
		return err
	})
}

// errSeen ends a walk over the journal.
var errSeen = errors.New("seen")

// lines are the records of a rollout, the newest first, read from the end of the
// journal back to its start.
func (r *recordings) lines(ctx context.Context, s rollout.State) ([]replay.Line, error) {
	const stretch = 500
	var out []replay.Line
	for high, _ := r.journal.Head(); high > 0; {
		low := max(high, stretch) - stretch + 1
		var some []replay.Line
		began := false
		err := r.journal.Records(ctx, low, func(e journal.Entry) error {
			if e.Seq > high {
				return errSeen
			}
			if l, ok := replay.About(e.Body, s.Model, s.ID); ok {
				some = append(some, replay.Line{Seq: e.Seq, Time: e.Time, Body: e.Body})
				began = began || l.Kind == "start"
			}
			return nil
		})
		if err != nil && !errors.Is(err, errSeen) {
			return nil, err
		}
		slices.Reverse(some)
		out = append(out, some...)
		if began {
			break
		}
		high = low - 1
	}
	return out, nil
}

// archived are the strata of an archive.
type archived struct{ path string }

func (archived) EvidenceEnd(context.Context, string) (uint64, error) { return math.MaxUint64, nil }

func (a archived) Evidence(_ context.Context, _ string, fn func(seq uint64, data []byte) error) error {
	return eachStratum(a.path, func(s rollout.RecordedStratum) error {
		data, err := json.Marshal(s)
		if err != nil {
			return err
		}
		return fn(s.Stratum.Seq, data)
	})
}

func eachStratum(path string, fn func(rollout.RecordedStratum) error) error {
	f, err := journal.OpenArchive(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // only read
	in, err := replay.NewReader(f)
	for err == nil {
		var s rollout.RecordedStratum
		if s, err = in.Stratum(); err == nil {
			err = fn(s)
		}
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// whole says that an archive is there and undamaged.
func whole(path string) bool {
	return eachStratum(path, func(rollout.RecordedStratum) error { return nil }) == nil
}

func headerOf(path string) (replay.Header, error) {
	f, err := journal.OpenArchive(path)
	if err != nil {
		return replay.Header{}, err
	}
	defer func() { _ = f.Close() }() // only read
	in, err := replay.NewReader(f)
	if err != nil {
		return replay.Header{}, err
	}
	return in.Header, nil
}

// Recordings lists what can be replayed, the oldest first.
func (a *App) Recordings(ctx context.Context, o admin.RecordingsOf) ([]admin.Recording, error) {
	list, err := archivedRecordings(a.recordings.archives, o)
	if err != nil {
		return nil, err
	}
	there := map[string]bool{}
	for _, one := range list {
		there[one.Model+"/"+one.Rollout] = true
	}
	a.mu.Lock()
	models := slices.Sorted(maps.Keys(a.models))
	a.mu.Unlock()
	for _, model := range models {
		s, err := a.recordings.state(ctx, model)
		if err != nil {
			return nil, err
		}
		one := recordingOf(replay.NewHeader(s))
		if s.ID == "" || s.Phase == rollout.Pending || there[s.Model+"/"+s.ID] || !o.Wants(one) {
			continue
		}
		list = append(list, one)
	}
	slices.SortStableFunc(list, func(x, y admin.Recording) int { return x.StartedAt.Compare(y.StartedAt) })
	return list, nil
}

// Recording reads one of them; a live one as far as it has come.
func (a *App) Recording(ctx context.Context, model, id string) (io.ReadCloser, error) {
	r := a.recordings
	f, err := journal.OpenArchive(r.archives.At(model, id).Path)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	s, err := r.state(ctx, model)
	if err != nil {
		return nil, err
	}
	if s.ID != id || id == "" {
		return nil, noRecording(model, id)
	}
	out, in := io.Pipe()
	go func() { _ = in.CloseWithError(r.write(ctx, in, s)) }() // ends with the reader: its Close breaks the pipe
	return out, nil
}

func noRecording(model, id string) error {
	return &rollout.Refusal{Code: rollout.UnknownVersion, Message: fmt.Sprintf("no rollout %s of %s is recorded", id, model), Hint: "GET /api/v1/evidence lists what is"}
}

// ArchivedRecordings lists the archives in a state directory. They are plain
// files: it does not matter whether a server runs, and what has not ended is not
// among them.
func ArchivedRecordings(dir string, o admin.RecordingsOf) ([]admin.Recording, error) {
	return archivedRecordings(journal.OpenArchives(dir, 0), o)
}

// ArchivedRecording reads one of them.
func ArchivedRecording(dir, model, id string) (io.ReadCloser, error) {
	f, err := journal.OpenArchive(journal.OpenArchives(dir, 0).At(model, id).Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, noRecording(model, id)
	}
	return f, err
}

func archivedRecordings(a *journal.Archives, o admin.RecordingsOf) ([]admin.Recording, error) {
	files, err := a.List(o.Model)
	if err != nil {
		return nil, err
	}
	var out []admin.Recording
	for _, f := range files {
		h, err := headerOf(f.Path)
		one := recordingOf(h)
		one.Bytes = f.Bytes
		if err != nil { // named, not left out
			one = admin.Recording{Model: f.Group, Rollout: f.Name, Bytes: f.Bytes, Damaged: f.Path + ": " + err.Error()}
		}
		if err != nil || o.Wants(one) {
			out = append(out, one)
		}
	}
	return out, nil
}

func recordingOf(h replay.Header) admin.Recording {
	return admin.Recording{
		Model: h.Model, Rollout: h.ID, Baseline: h.Baseline, Candidate: h.Candidate, StartedAt: h.StartedAt, FinishedAt: h.FinishedAt,
		Phase: h.Phase, Cause: h.Cause, PolicyHash: h.PolicyHash, Live: h.Live(),
	}
}
