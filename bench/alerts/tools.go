package main

import (
	"errors"
	"fmt"
	"os/exec"
)

// tools looks for the programs that a run needs. Their absence is an error: a
// run without them would show nothing.
func tools(names ...string) error {
	var missing []error
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			missing = append(missing, fmt.Errorf("%w: .ci/prometheus sees to it", err))
		}
	}
	return errors.Join(missing...)
}
