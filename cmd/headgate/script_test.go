package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"headgate": func() { os.Exit(run()) },
		"backend":  func() { os.Exit(sampleBackend()) },
		"fetch":    func() { os.Exit(fetch()) },
		"visit":    func() { os.Exit(visit()) },
	})
}

// TestScripts runs the stories of testdata/script, each in a directory of its
// own, with this program as `headgate`.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			// The race detector waits a second at each exit unless told not to.
			e.Setenv("GORACE", "atexit_sleep_ms=0")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exit": exits, "port": port, "until": until, "flip": flip,
		},
	})
}
