package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

const bigAnswer = 10 << 20

// runBackend is a stand-in model server, in a process of its own: it answers
// after a while with the id of the request.
func runBackend(ctx context.Context, args []string, talk io.Writer) error {
	flags := flag.NewFlagSet("backend", flag.ContinueOnError)
	listen := flags.String("listen", "127.0.0.1:0", "`host:port`")
	version := flags.String("version", "1", "`version` in the health answer")
	think := flags.Duration("think", 0, "`time` that a prediction takes")
	does := flags.String("does", string(healthy), "healthy, slow, hung, big or chunked")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if condition(*does) == slow {
		*think *= 10
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/health", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"status":"ok","version":%q}`, *version) // the prober may be gone
	})
	mux.HandleFunc("POST /predict", predict(condition(*does), *think))
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	fmt.Fprintln(talk, "listening", l.Addr())
	s := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute, BaseContext: func(net.Listener) context.Context { return ctx }}
	stop := context.AfterFunc(ctx, func() { _ = s.Close() })
	defer stop()
	_ = s.Serve(l) // ends with ctx
	return nil
}

func predict(does condition, think time.Duration) http.HandlerFunc {
	large := bytes.Repeat([]byte("[0.123456],"), bigAnswer/11)
	return func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		if does == hung {
			<-r.Context().Done()
			return
		}
		time.Sleep(think)
		w.Header().Set("Content-Type", "application/json")
		switch does {
		case big:
			w.Header().Set("Content-Length", strconv.Itoa(len(large)))
			_, _ = w.Write(large) // it may be cut
		case chunked:
			_, _ = w.Write(large)
		default:
			_, _ = fmt.Fprintf(w, `{"predictions":[1],"id":%q}`, r.Header.Get("X-Request-Id"))
		}
	}
}
