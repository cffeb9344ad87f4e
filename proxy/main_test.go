package proxy

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// fasthttp's clock for the Date field runs for the life of the process.
		goleak.IgnoreTopFunction("github.com/valyala/fasthttp.updateServerDate.func1"))
}
