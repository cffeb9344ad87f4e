package registry

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/headgate/headgate/internal/registry/mlflowtest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	mlflowtest.StopShared()
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}
