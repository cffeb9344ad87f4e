package main

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// The test's binary is also its own children's.
func TestMain(m *testing.M) {
	if os.Getenv("SHADOW_CHILD") != "" && len(os.Args) > 1 && (os.Args[1] == "backend" || os.Args[1] == "proxy") {
		main()
		os.Exit(0)
	}
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreTopFunction("net/http.(*persistConn).writeLoop"))
}
