package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/headgate/headgate/internal/freeport"
)

// exits is `exit CODE PROGRAM ARGS…`: the program has to end with that code.
// stdout and stderr of the story look at what it said.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exit CODE PROGRAM ARGS...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		got = ended.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("%q ended with %d, want %d", args[1:], got, want)
	}
}

// port is `port NAME…`: each variable gets a free port of this machine.
func port(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		port, err := freeport.Take()
		ts.Check(err)
		ts.Setenv(name, strconv.Itoa(port))
	}
}

// until is `until PATTERN PROGRAM ARGS…`: runs it until its output matches, for
// at most a minute.
func until(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: until PATTERN PROGRAM ARGS...")
	}
	pattern, err := regexp.Compile(args[0])
	ts.Check(err)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		// A program that fails may succeed later: it may still be starting.
		err := ts.Exec(args[1], args[2:]...)
		if pattern.MatchString(ts.ReadFile("stdout")) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%q never printed %q (last error: %v)", args[1:], args[0], err)
		}
	}
}

// flip is `flip TEXT DIR`: changes one bit of TEXT wherever it stands below DIR.
func flip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: flip TEXT DIR")
	}
	flipped := 0
	ts.Check(filepath.WalkDir(ts.MkAbs(args[1]), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		at := bytes.Index(data, []byte(args[0]))
		if at < 0 {
			return nil
		}
		flipped++
		data[at] ^= 1
		return os.WriteFile(path, data, 0o600)
	}))
	if flipped == 0 {
		ts.Fatalf("%q is nowhere below %s", args[0], args[1])
	}
}

// fetch is `fetch URL`: prints what is there.
func fetch() int {
	client := &http.Client{Timeout: 30 * time.Second}
	answer, err := client.Get(os.Args[1])
	if err != nil {
		return 1
	}
	defer func() { _ = answer.Body.Close() }()
	if _, err := io.Copy(os.Stdout, answer.Body); err != nil || answer.StatusCode != http.StatusOK {
		return 1
	}
	return 0
}

// visit is `visit COUNT URL`: so many requests, about a hundred a second, whatever
// they are answered.
func visit() int {
	count, err := strconv.Atoi(os.Args[1])
	if err != nil {
		return 1
	}
	client := &http.Client{Timeout: 30 * time.Second}
	for range count {
		answer, err := client.Post(os.Args[2], "application/json", strings.NewReader(`{}`))
		if err != nil {
			return 1
		}
		if _, err := io.Copy(io.Discard, answer.Body); err != nil {
			return 1
		}
		_ = answer.Body.Close()
		time.Sleep(10 * time.Millisecond)
	}
	return 0
}

// sampleBackend is `backend PORT VERSION`: a model server for stories. A POST
// to /become/N makes it another version; `backend PORT VERSION broken` fails at
// every prediction.
func sampleBackend() int {
	var version atomic.Value
	version.Store(os.Args[2])
	broken := len(os.Args) > 3 && os.Args[3] == "broken"
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"status": "ok", "version": version.Load()})
	})
	mux.HandleFunc("POST /become/{version}", func(_ http.ResponseWriter, r *http.Request) { version.Store(r.PathValue("version")) })
	mux.HandleFunc("/predict", func(w http.ResponseWriter, _ *http.Request) {
		if broken {
			http.Error(w, "no", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"predictions":[0],"version":%q}`, version.Load())
	})
	server := &http.Server{Addr: "127.0.0.1:" + os.Args[1], Handler: mux, ReadHeaderTimeout: 30 * time.Second}
	stopped := make(chan os.Signal, 1)
	signal.Notify(stopped, os.Interrupt, syscall.SIGTERM)
	go func() { <-stopped; _ = server.Close() }()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return 1
	}
	return 0
}
