package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/valyala/fasthttp"

	"github.com/headgate/headgate/shadow"
)

// runProxy is a proxy just large enough to carry a mirror: the three calls on
// fasthttp's path, as Headgate's data plane makes them.
func runProxy(ctx context.Context, args []string, talk io.Writer) error {
	flags := flag.NewFlagSet("proxy", flag.ContinueOnError)
	baseline := flags.String("baseline", "", "`host:port`")
	candidate := flags.String("candidate", "", "`URL` of the shadow; none: no mirror")
	timeout := flags.Duration("timeout", shadow.DefaultTimeout, "of the copies")
	if err := flags.Parse(args); err != nil {
		return err
	}
	var m *shadow.Mirror
	if *candidate != "" {
		var err error
		if m, err = shadow.New("all", shadow.Config{Limits: shadow.Limits{Timeout: *timeout}}, shadow.Targets{Candidate: []string{*candidate}}, shadow.Options{}); err != nil {
			return err
		}
	}
	traffic, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	admin, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	reg := prometheus.NewRegistry()
	reg.MustRegister(shadow.Collector{Mirrors: func() []*shadow.Mirror {
		if m == nil {
			return nil
		}
		return []*shadow.Mirror{m}
	}})
	desk := &http.Server{Handler: promhttp.HandlerFor(reg, promhttp.HandlerOpts{}), ReadHeaderTimeout: time.Minute}
	server := &fasthttp.Server{Handler: (&carrier{mirror: m, baseline: *baseline, upstream: &fasthttp.HostClient{Addr: *baseline, MaxConns: 512}}).handle}
	ended := make(chan error, 2)
	go func() { ended <- desk.Serve(admin) }()
	go func() { ended <- server.Serve(traffic) }()
	fmt.Fprintln(talk, "listening", traffic.Addr(), admin.Addr())
	select {
	case <-ctx.Done():
	case err = <-ended:
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	m.Close(last)
	return errors.Join(err, server.ShutdownWithContext(last), desk.Close())
}

// carrier carries requests to the baseline and copies to the mirror.
type carrier struct {
	mirror   *shadow.Mirror
	baseline string
	upstream *fasthttp.HostClient
}

func (c *carrier) handle(ctx *fasthttp.RequestCtx) {
	start := time.Now()
	req, res := &ctx.Request, &ctx.Response
	req.Header.SetHost(c.baseline)
	body := req.Body()
	var copied *shadow.Copy
	if c.mirror.Sample(req.Header.Method(), req.RequestURI(), len(body), 0) {
		copied = c.mirror.Copy(req.Header.Header(), body)
	}
	if err := c.upstream.Do(req, res); err != nil {
		c.mirror.Drop(copied)
		ctx.Error("upstream", http.StatusBadGateway)
		return
	}
	copied.Head(res.Header.ContentType(), res.Header.ContentEncoding())
	copied.Answer(res.Body())
	c.mirror.Offer(copied, shadow.Live{Status: res.StatusCode(), Latency: time.Since(start)})
}
