package notify

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func TestDeliverFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deep", "incidents")
	m := Message{ID: "r-1", Title: "taken back", JSON: []byte(`{"id":"r-1"}`), Markdown: []byte("# taken back\n")}
	for range 2 { // a second delivery is the same one
		if err := Deliver(context.Background(), Config{File: dir}, m); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := names(t, dir), []string{"r-1.json", "r-1.md"}; !slices.Equal(got, want) {
		t.Errorf("files %q, want %q", got, want)
	}
	m.JSON = []byte(`{"id":"r-1","registry":"done"}`)
	if err := Deliver(context.Background(), Config{File: dir}, m); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(dir, "r-1.json"))
	if err != nil || string(got) != string(m.JSON) {
		t.Errorf("kept %s, %v; want what was delivered last", got, err)
	}
}

func TestDeliverFileAfterAnInterruptedWrite(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, ".r-1.json.tmp"), []byte(`{"half":`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Deliver(context.Background(), Config{File: dir}, Message{ID: "r-1", JSON: []byte(`{}`)}); err != nil {
		t.Fatal(err)
	}
	if got, want := names(t, dir), []string{"r-1.json"}; !slices.Equal(got, want) {
		t.Errorf("files %q, want %q", got, want)
	}
}

func TestDeliverFileSaysWhatIsWrong(t *testing.T) {
	inTheWay := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(inTheWay, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	err := Deliver(context.Background(), Config{File: inTheWay}, Message{ID: "r-1", JSON: []byte(`{}`)})
	var e *Error
	if !errors.As(err, &e) || !Retriable(err) {
		t.Errorf("got %v, want a retriable *Error", err)
	}
	for _, id := range []string{"", "../up", "a/b", ".hidden", "a b"} {
		if err := Deliver(context.Background(), Config{File: t.TempDir()}, Message{ID: id}); err == nil || Retriable(err) {
			t.Errorf("id %q: got %v, want a permanent error", id, err)
		}
	}
}

func TestRead(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	for i, at := range []string{filepath.Join(first, "a.json"), filepath.Join(second, "b.json"), filepath.Join(first, "c.json")} {
		if err := os.WriteFile(at, []byte(`"`+filepath.Base(at)+`"`), 0o600); err != nil {
			t.Fatal(err)
		}
		when := time.Unix(1_700_000_000+int64(i), 0)
		if err := os.Chtimes(at, when, when); err != nil {
			t.Fatal(err)
		}
	}
	for _, other := range []string{"a.md", ".x.json.tmp", ".y.json"} {
		if err := os.WriteFile(filepath.Join(first, other), []byte("no"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	places := []Config{{File: first}, {File: first + "/"}, {File: second}, {File: filepath.Join(first, "missing")}, {Webhook: "https://a/"}}
	got, err := Read(places, 2)
	if err != nil || len(got) != 2 || string(got[0]) != `"c.json"` || string(got[1]) != `"b.json"` {
		t.Errorf("got %s, %v; want the two newest, newest first", got, err)
	}
	if err := os.WriteFile(filepath.Join(second, "d.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err = Read(places, 10)
	if err == nil || len(got) != 3 {
		t.Errorf("got %s, %v; want the three whole ones and an error for the broken one", got, err)
	}
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}
