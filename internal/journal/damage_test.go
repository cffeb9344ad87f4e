package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
)

// flipsEnv raises the number of random flips for a long run by hand.
const flipsEnv = "HEADGATE_JOURNAL_FLIPS"

// truth is what a store holds, all of it acknowledged.
type truth struct {
	entries  []Entry
	states   map[string]string
	evidence []string
}

// killedStore makes a store that has an index from a clean stop and commits
// after it, from a process that was killed with SIGKILL at rest.
func killedStore(t *testing.T) (dir string, want truth) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "data")
	j := open(t, dir)
	commit(t, j, "rollout/1", 0, "first", `{"n":1}`)
	closeJournal(t, j)
	c := startChild(t, roleWrite, dir, limitEnv+"=30")
	for range 31 {
		c.next(t)
	}
	if err := c.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.cmd.Wait() // says that it was killed
	whole := copyOf(t, dir)
	j = open(t, whole)
	want = contentsOf(t, j)
	closeJournal(t, j)
	if len(want.entries) < 30 || len(want.states) != 2 || len(want.evidence) != 30 {
		t.Fatalf("unexpected store: %+v", want)
	}
	return dir, want
}

func contentsOf(t *testing.T, j *Journal) truth {
	t.Helper()
	got := truth{entries: entries(t, j, 0), states: map[string]string{}}
	keys, err := j.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		state, _, err := j.Load(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		got.states[key] = string(state)
	}
	if got.evidence, err = readEvidence(t, j, "e"); err != nil {
		got.evidence = append(got.evidence, "error: "+err.Error())
	}
	return got
}

func copyOf(t *testing.T, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

// outcome is how a damaged store is met.
type outcome struct {
	refused *DamagedError
	report  Report // of Verify after opening, or of VerifyDir when refused
}

// meet opens a damaged store and insists on what always holds: it is refused,
// named and untouched, or every state and record is there unchanged, and
// evidence is either unchanged or reported.
func meet(t *testing.T, dir string, want truth) outcome {
	t.Helper()
	before := filesOf(t, dir)
	offline, err := VerifyDir(dir)
	var newer *FormatError
	if err != nil && !errors.As(err, &newer) {
		t.Fatalf("verify offline: %v", err)
	}
	j, err := Open(Config{Dir: dir, LockWait: quick}, hclog.NewNullLogger())
	if errors.As(err, &newer) {
		return outcome{refused: &DamagedError{File: formatFile}}
	}
	if err != nil {
		o := outcome{report: offline}
		if !errors.As(err, &o.refused) || o.refused.File == "" || len(o.refused.Findings) == 0 {
			t.Fatalf("refused without saying why: %v", err)
		}
		if offline.Intact() {
			t.Errorf("refused with %v, but VerifyDir says %+v", err, offline)
		}
		if !maps.Equal(before, filesOf(t, dir)) {
			t.Errorf("refused with %v, but the store was changed", err)
		}
		return o
	}
	defer closeJournal(t, j)
	o := outcome{}
	if o.report, err = j.Verify(t.Context()); err != nil || !o.report.Intact() {
		t.Errorf("opened, but: %+v, %v", o.report, err)
	}
	got := contentsOf(t, j)
	if !slices.EqualFunc(got.entries, want.entries, func(a, b Entry) bool { return a.Hash == b.Hash && bytes.Equal(a.Body, b.Body) }) {
		t.Errorf("opened with %d records, were %d", len(got.entries), len(want.entries))
	}
	if !maps.Equal(got.states, want.states) {
		t.Errorf("opened with other states: %v", got.states)
	}
	if !slices.Equal(got.evidence, want.evidence) && !strings.HasPrefix(got.evidence[len(got.evidence)-1], "error: evidence of") {
		t.Errorf("opened with other evidence, and it does not say so: %v", got.evidence)
	}
	if !slices.Equal(got.evidence, want.evidence) && !o.names(EvidenceDamaged) {
		t.Errorf("opened with other evidence, but Verify says %v", o.report.Findings)
	}
	return o
}

func (o outcome) names(k Kind) bool {
	return slices.ContainsFunc(o.report.Findings, func(f Finding) bool { return f.Kind == k && f.What != "" })
}

// filesOf is the digest of every file but the lock.
func filesOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	sums := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == lockFile {
			return err
		}
		data, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		sums[rel] = digest(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sums
}

func TestDamageAfterKillIsRefusedOrNamed(t *testing.T) {
	dir, want := killedStore(t)
	record, evidenceMsgs := filepath.Join(streamDir(recordStream), "msgs"), filepath.Join(streamDir(evidenceStream), "msgs")
	block := filepath.Join(record, "1.blk")
	cases := map[string]struct {
		damage  func(t *testing.T, dir string)
		refused bool   // else opened
		file    string // that is named
		kind    Kind
	}{
		"a byte of a record flipped":              {flipRecord(recordSubjectOf(7)), true, block, Changed},
		"a byte of the last record":               {flipRecord(recordSubjectOf(uint64(len(want.entries)))), true, block, Changed},
		"a byte of the newest state":              {flipRecord(stateSubject + encodeKey("rollout/1")), true, block, Changed},
		"the tail of the record cut":              {cutFile(block, 3000), true, block, CutOff},
		"one byte of the tail cut":                {cutFile(block, 1), true, block, Changed},
		"the block emptied":                       {cutFile(block, 1<<30), true, streamDir(recordStream), CutOff},
		"the block deleted":                       {remove(block), true, streamDir(recordStream), CutOff},
		"the record's index deleted":              {remove(filepath.Join(record, "index.db")), false, indexFile(recordStream), IndexRebuilt},
		"the record's index changed":              {flipByte(filepath.Join(record, "index.db"), 9), false, indexFile(recordStream), IndexRebuilt},
		"both indexes deleted":                    {both(remove(indexFile(recordStream)), remove(indexFile(evidenceStream))), false, indexFile(evidenceStream), IndexRebuilt},
		"the side file deleted":                   {remove(headFile), true, headFile, Missing},
		"the side file edited":                    {edit(headFile, `"count":`, `"count":1`), true, headFile, Changed},
		"the side file from before":               {olderHead, true, block, Changed},
		"the side file and the record deleted":    {both(remove(headFile), remove(streamDir(recordStream))), true, headFile, Missing},
		"the record's stream deleted":             {remove(streamDir(recordStream)), true, streamDir(recordStream), Missing},
		"the engine's directory deleted":          {remove("jetstream"), true, streamDir(recordStream), Missing},
		"the stream's settings changed":           {edit(filepath.Join(streamDir(recordStream), "meta.inf"), `"deny_delete":true`, `"deny_delete":false`), true, filepath.Join(streamDir(recordStream), "meta.inf"), Changed},
		"the stream's settings deleted":           {remove(filepath.Join(streamDir(recordStream), "meta.inf")), true, filepath.Join(streamDir(recordStream), "meta.inf"), Missing},
		"the format number deleted":               {remove(formatFile), true, formatFile, Missing},
		"everything but the record deleted":       {both(remove(formatFile), remove(headFile)), true, formatFile, Missing},
		"everything but a damaged record deleted": {both(flipRecord(recordSubjectOf(1)), both(remove(formatFile), remove(headFile))), true, formatFile, Missing},
		"a byte of the evidence flipped":          {flipRecord(evidenceSubject + encodeKey("e")), false, filepath.Join(evidenceMsgs, "1.blk"), EvidenceDamaged},
		"the tail of the evidence cut":            {cutFile(filepath.Join(evidenceMsgs, "1.blk"), 2000), false, "", EvidenceDamaged},
		"the evidence's stream deleted":           {remove(streamDir(evidenceStream)), false, streamDir(evidenceStream), EvidenceDamaged},
		"rubbish after the last record":           {appendTo(block, "rubbish rubbish rubbish rubbish rubbish"), false, block, Unfinished},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			damaged := copyOf(t, dir)
			c.damage(t, damaged)
			o := meet(t, damaged, want)
			if (o.refused != nil) != c.refused {
				t.Fatalf("refused: %v, findings %v", o.refused, o.report.Findings)
			}
			if c.refused && o.refused.File != c.file {
				t.Errorf("refused with %v, want it to name %s", o.refused, c.file)
			}
			named := func(f Finding) bool { return f.Kind == c.kind && (c.file == "" || f.File == c.file) }
			if !slices.ContainsFunc(o.report.Findings, named) {
				t.Errorf("findings %v, want %s in %s", o.report.Findings, c.kind, c.file)
			}
			if c.refused {
				return
			}
			// A later process must still say it.
			if r, err := VerifyDir(damaged); err != nil || !slices.ContainsFunc(r.Findings, named) {
				t.Errorf("later: %+v, %v", r, err)
			}
		})
	}
}

func TestAnyFileDeletedOrCutIsHarmlessOrShown(t *testing.T) {
	dir, want := killedStore(t)
	half := func(data []byte) []byte { return data[:len(data)/2] }
	for _, name := range slices.Sorted(maps.Keys(filesOf(t, dir))) {
		for how, damage := range map[string]func(*testing.T, string){"deleted": remove(name), "cut in half": rewrite(name, half)} {
			t.Run(name+" "+how, func(t *testing.T) {
				damaged := copyOf(t, dir)
				damage(t, damaged)
				if o := meet(t, damaged, want); o.refused == nil && len(o.report.Findings) == 0 && name != formatFile {
					t.Error("neither refused nor named")
				}
			})
		}
	}
}

// TestAnyFlippedByteIsHarmlessOrShown flips one bit at many places of all
// files of the store. Half of the places are in the heads of messages, where
// the lengths and the engine's own numbers are.
func TestAnyFlippedByteIsHarmlessOrShown(t *testing.T) {
	flips := 30
	if n, err := strconv.Atoi(os.Getenv(flipsEnv)); err == nil {
		flips = n
	}
	dir, want := killedStore(t)
	names := slices.Sorted(maps.Keys(filesOf(t, dir)))
	random := rand.New(rand.NewPCG(3, uint64(flips)))
	tally := map[string]int{}
	for i := range flips {
		name := names[random.IntN(len(names))]
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if len(data) == 0 {
			continue
		}
		at := random.IntN(len(data))
		if heads := messageHeads(data); strings.HasSuffix(name, blockSuffix) && i%2 == 0 {
			at = heads[random.IntN(len(heads))] + random.IntN(blockHeader+4)
		}
		at, bit := min(at, len(data)-1), random.IntN(8)
		t.Run(fmt.Sprintf("%s byte %d bit %d", name, at, bit), func(t *testing.T) {
			damaged := copyOf(t, dir)
			data[at] ^= 1 << bit
			if err := os.WriteFile(filepath.Join(damaged, name), data, 0o600); err != nil {
				t.Fatal(err)
			}
			switch o := meet(t, damaged, want); {
			case o.refused != nil:
				tally["refused"]++
			case len(o.report.Findings) > 0:
				tally["named"]++
			default:
				tally["identical"]++
			}
		})
	}
	t.Logf("%d flips over %d files: %v", flips, len(names), tally)
	if tally["refused"] == 0 || tally["named"] == 0 {
		t.Errorf("the flips did not reach all classes: %v", tally)
	}
}

// messageHeads returns where the messages of a block begin.
func messageHeads(data []byte) []int {
	var heads []int
	for at := 0; at+blockHeader < len(data); {
		heads = append(heads, at)
		at += int(binary.LittleEndian.Uint32(data[at:]) &^ headersBit)
	}
	return heads
}

// flipRecord flips a bit in the body of the last message of a subject, which
// is the last byte before the engine's checksum.
func flipRecord(subject string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		stream := recordStream
		if strings.HasPrefix(subject, evidenceSubject) {
			stream = evidenceStream
		}
		file, body := "", ""
		if _, err := scanBlocks(dir, stream, func() func(message) {
			return func(m message) {
				if m.Subject == subject {
					file, body = m.File, string(m.Data)
				}
			}
		}); err != nil || body == "" {
			t.Fatalf("no message of %s: %v", subject, err)
		}
		data, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		flipByte(file, strings.LastIndex(string(data), body)+len(body)-1)(t, dir)
	}
}

func flipByte(name string, at int) func(*testing.T, string) {
	return rewrite(name, func(data []byte) []byte { data[at] ^= 0x10; return data })
}

func cutFile(name string, n int) func(*testing.T, string) {
	return rewrite(name, func(data []byte) []byte { return data[:max(0, len(data)-n)] })
}

func appendTo(name, more string) func(*testing.T, string) {
	return rewrite(name, func(data []byte) []byte { return append(data, more...) })
}

func edit(name, old, with string) func(*testing.T, string) {
	return rewrite(name, func(data []byte) []byte { return bytes.Replace(data, []byte(old), []byte(with), 1) })
}

func rewrite(name string, change func([]byte) []byte) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		t.Helper()
		path := filepath.Join(dir, name)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, change(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func remove(name string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		t.Helper()
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

func both(a, b func(*testing.T, string)) func(*testing.T, string) {
	return func(t *testing.T, dir string) { a(t, dir); b(t, dir) }
}

// olderHead puts a well-made side file of two commits ago in place.
func olderHead(t *testing.T, dir string) {
	h, err := readHead(dir)
	if err != nil {
		t.Fatal(err)
	}
	h.Commit, h.Count = h.Commit-2, h.Count-3
	if err := writeHead(dir, h); err != nil {
		t.Fatal(err)
	}
}
