package journal

import (
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

// What an engine may say on a busy machine is no reason to stop it.
func TestGivenUp(t *testing.T) {
	busy := server.HealthzError{Type: server.HealthzErrorConn, Error: "failed to be ready for connections after 1ms: startup did not complete"}
	full := server.HealthzError{Type: server.HealthzErrorStream, Error: "JetStream stream 'headgate > records' write error: no space left on device"}
	for name, c := range map[string]struct {
		errors []server.HealthzError
		want   string
	}{
		"nothing":            {nil, ""},
		"a busy machine":     {[]server.HealthzError{busy}, ""},
		"a full disk":        {[]server.HealthzError{full}, full.Error},
		"busy and full disk": {[]server.HealthzError{busy, full}, full.Error},
	} {
		got := ""
		if err := givenUp(&server.HealthStatus{Errors: c.errors}); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}
