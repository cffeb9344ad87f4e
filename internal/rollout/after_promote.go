package rollout

import (
	"path/filepath"
	"strings"
	"time"
)

// AfterPromote says how the backends change their roles when a rollout is over:
// by exactly one of a call, a command, or a swap of the arms.
type AfterPromote struct {
	// Reload is a method and a path, "POST /reload", called on every upstream of
	// the baseline.
	Reload string `yaml:"reload,omitempty" json:"reload,omitempty"`
	// Command is run once, without a shell, to have the baseline's upstreams load
	// the version; the first word is the program's absolute path.
	Command []string `yaml:"command,omitempty" json:"command,omitempty"`
	// Swap lets the arms exchange their upstreams instead: nothing is loaded anew.
	Swap bool `yaml:"swap,omitempty" json:"swap,omitempty"`
	// Timeout bounds one call or one run of the command; 0 with Swap.
	Timeout time.Duration `yaml:"timeout,omitempty" json:"timeout"`
}

// Method and Path split the hook "POST /reload".
func (a AfterPromote) Method() string { m, _, _ := strings.Cut(a.Reload, " "); return m }

// Path is the path of the hook on each upstream.
func (a AfterPromote) Path() string { _, p, _ := strings.Cut(a.Reload, " "); return p }

func (a *AfterPromote) setDefaults() {
	if a.Timeout == 0 && !a.Swap {
		a.Timeout = DefaultReloadTimeout
	}
}

// hook is what has the baseline's upstreams load a version; nil when nothing does.
func (c Config) hook() *AfterPromote {
	if c.swaps() {
		return nil
	}
	return c.AfterPromote
}

// swaps reports that the arms exchange their upstreams when a rollout is over.
func (c Config) swaps() bool { return c.AfterPromote != nil && c.AfterPromote.Swap }

func (a AfterPromote) validate(report func(path string, value any, wanted string)) {
	ways := 0
	for _, given := range []bool{a.Reload != "", len(a.Command) > 0, a.Swap} {
		if given {
			ways++
		}
	}
	if ways != 1 {
		report("after_promote", nil, "exactly one of reload, command or swap: true")
	}
	if a.Reload != "" {
		if method, path := a.Method(), a.Path(); (method != "POST" && method != "PUT") || !strings.HasPrefix(path, "/") {
			report("after_promote.reload", a.Reload, `a method and a path such as "POST /reload"`)
		}
	}
	if len(a.Command) > 0 && !filepath.IsAbs(a.Command[0]) {
		report("after_promote.command[0]", a.Command[0], "the absolute path of a program, such as /usr/local/bin/reload-production: no shell and no PATH is asked")
	}
	switch {
	case a.Swap && a.Timeout != 0:
		report("after_promote.timeout", a.Timeout, "none beside swap: nothing is called and waited for")
	case a.Timeout < 0:
		report("after_promote.timeout", a.Timeout, "a duration above 0s")
	}
}
