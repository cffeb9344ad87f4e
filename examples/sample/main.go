package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, talk io.Writer) error {
	if len(args) > 0 && args[0] == "pair" {
		return runPair(ctx, args[1:], talk)
	}
	flags := flag.NewFlagSet("sample", flag.ContinueOnError)
	flags.SetOutput(talk)
	listen := flags.String("listen", "127.0.0.1:8000", "`host:port`")
	model := flags.String("model", "sample-model", "`name` in the health answer")
	stage := flags.String("stage", "Staging", "`stage` in the health answer")
	var s served
	flagsOf(flags, &s)
	if err := flags.Parse(args); err != nil {
		return err
	}
	listening, err := listenAt(*listen, newBackend(*model, *stage, s))
	if err != nil {
		return err
	}
	fmt.Fprintf(talk, "sample: %s %s version %s on http://%s\n", *model, *stage, s.version, listening.address)
	return listening.serve(ctx)
}

// server is a bound backend.
type server struct {
	address  string
	listener net.Listener
	http     *http.Server
}

func listenAt(address string, b *backend) (*server, error) {
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	return &server{
		address: ln.Addr().String(), listener: ln,
		http: &http.Server{Handler: b.handler(), ReadHeaderTimeout: 10 * time.Second},
	}, nil
}

// serve answers until ctx ends, then lets the requests under way end.
func (s *server) serve(ctx context.Context) error {
	ended := make(chan error, 1)
	go func() { ended <- s.http.Serve(s.listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
	defer cancel()
	err := s.http.Shutdown(last)
	if end := <-ended; !errors.Is(end, http.ErrServerClosed) {
		err = errors.Join(err, end)
	}
	return err
}
