package main

import (
	"context"
	"crypto/rand"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/charmbracelet/x/term"
)

// version is set by the release build: -ldflags "-X main.version=v1.2.3".
var version string

func main() { os.Exit(run()) }

// run is main without the exit, for the tests that are this program.
func run() int {
	ctx, stop := signals()
	defer stop()
	w := world{
		out: os.Stdout, err: os.Stderr,
		getenv: os.Getenv, now: time.Now, zone: time.Local, random: rand.Reader,
		fancy: term.IsTerminal(os.Stdout.Fd()) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb",
	}
	if term.IsTerminal(os.Stdout.Fd()) {
		w.width = terminalWidth
	}
	return execute(ctx, w, os.Args[1:])
}

// signals ends the context on the first SIGINT or SIGTERM; the second one ends
// the program, because whoever sends it has waited long enough.
func signals() (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	got := make(chan os.Signal, 2)
	signal.Notify(got, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if _, ok := <-got; !ok {
			return
		}
		cancel()
		if _, ok := <-got; ok {
			os.Exit(exitError)
		}
	}()
	return ctx, func() {
		signal.Stop(got)
		close(got)
		<-done
		cancel()
	}
}

// world is everything outside that the commands touch.
type world struct {
	out, err io.Writer
	getenv   func(string) string
	now      func() time.Time
	// zone is where people read times; JSON is in UTC.
	zone   *time.Location
	random io.Reader
	// fancy allows colours and boxes: a terminal that did not ask for none.
	fancy bool
	// width is how many columns the terminal has, 0 unknown; nil: there is none.
	width func() int
}

// columns is the width to keep to, 0 for any.
func (w world) columns() int {
	if w.width == nil {
		return 0
	}
	return w.width()
}

// terminalWidth is that of standard output.
func terminalWidth() int {
	width, _, err := term.GetSize(os.Stdout.Fd())
	if err != nil {
		return 0
	}
	return width
}
