package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// build says which program this is.
type build struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Time     string `json:"time,omitempty"`
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// thisBuild prefers what the release build wrote, then what Go recorded.
func thisBuild() build {
	b := build{Version: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.time":
			b.Time = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	if b.Version == "" {
		b.Version = info.Main.Version
	}
	if b.Version == "" || b.Version == "(devel)" {
		b.Version = "devel"
	}
	return b
}

func (c *cli) versionCommand() *cobra.Command {
	return c.withJSON(&cobra.Command{
		Use: "version", Short: "Print which headgate this is", Args: noArgs,
		Long:    "Prints the version, the commit it was built from, and the Go that built it.",
		Example: "  headgate version --json",
		RunE: func(*cobra.Command, []string) error {
			b := thisBuild()
			if c.json {
				return c.printJSON(b)
			}
			line := "headgate " + b.Version
			if b.Commit != "" {
				line += " (" + b.Commit[:min(12, len(b.Commit))] + ")"
			}
			return c.print(fmt.Sprintf("%s %s %s\n", line, b.Go, b.Platform))
		},
	})
}
