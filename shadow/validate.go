package shadow

import (
	"fmt"
	"maps"
	"math"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

type report = func(path string, value any, wanted string)

// Validate reports every value that cannot be run with, by its path, with what
// was wanted.
func (c Config) Validate(report func(path string, value any, wanted string)) {
	if c.Share < 1 || c.Share > Full {
		report("share", c.Share, shareWanted)
	}
	if c.By != ByRequest && c.By != ByKey {
		report("by", c.By, "request or key")
	}
	validateUpstreams("upstreams", c.Upstreams, report)
	validateMethods("methods", c.Methods, report)
	validatePaths("paths", c.Paths, report)
	c.Limits.validate(report)
	c.Compare.validate(report)
	if c.Noise != nil {
		c.Noise.validate(report)
	}
	validateJSONPaths("redact", c.Redact, report)
	if c.Samples < 2 || c.Samples > 1000 {
		report("samples", c.Samples, "a number from 2 to 1000")
	}
}

func validateUpstreams(at string, upstreams []string, report report) {
	for i, u := range upstreams {
		if _, err := upstreamAddress(u); err != nil {
			report(fmt.Sprintf("%s[%d]", at, i), u, "http://host:port, without a path")
		}
	}
}

// upstreamAddress is the host:port of http://host[:port].
func upstreamAddress(upstream string) (string, error) {
	u, err := url.Parse(upstream)
	if err != nil || u.Scheme != "http" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil || u.Fragment != "" {
		return "", fmt.Errorf("upstream %q: wanted http://host:port, without a path", upstream)
	}
	port := u.Port()
	if port == "" {
		port = "80"
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", fmt.Errorf("upstream %q: wanted a port from 1 to 65535", upstream)
	}
	return net.JoinHostPort(u.Hostname(), port), nil
}

func validateMethods(at string, methods []string, report report) {
	if len(methods) == 0 {
		report(at, nil, "at least one method such as POST")
	}
	for i, m := range methods {
		if m == "" || strings.Trim(m, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") != "" || m == "CONNECT" || m == "TRACE" {
			report(fmt.Sprintf("%s[%d]", at, i), m, "a method in capitals such as POST")
		}
	}
}

func validatePaths(at string, paths []string, report report) {
	if len(paths) == 0 {
		report(at, nil, "at least one path such as /predict or /v2/models/*/infer")
	}
	for i, p := range paths {
		if _, err := parsePathPattern(p); err != nil {
			report(fmt.Sprintf("%s[%d]", at, i), p, "a path such as /predict or /v2/models/*/infer; * is one segment or a part of it, ** any number of segments")
		}
	}
}

func validateJSONPaths(at string, paths []string, report report) {
	for i, p := range paths {
		if _, err := parseJSONPattern(p); err != nil {
			report(fmt.Sprintf("%s[%d]", at, i), p, jsonPathWanted)
		}
	}
}

const jsonPathWanted = `a JSON path such as meta.time or predictions.*.id; * is one name or index, ** any number of them, \. a dot in a name`

func (l Limits) validate(report report) {
	for _, n := range []struct {
		path             string
		value, from, til int
	}{
		{"limits.queue", l.Queue, 1, 1 << 20},
		{"limits.concurrency", l.Concurrency, 1, 4096},
		{"limits.rate", l.Rate, 0, 1 << 20},
	} {
		if n.value < n.from || n.value > n.til {
			report(n.path, n.value, fmt.Sprintf("a number from %d to %d", n.from, n.til))
		}
	}
	for _, s := range []struct {
		path             string
		value, from, til Size
	}{
		{"limits.bytes", l.Bytes, 64 * KiB, 64 * GiB},
		{"limits.max_body", l.MaxBody, 1, 64 * MiB},
		{"limits.max_answer", l.MaxAnswer, 1, 64 * MiB},
		{"limits.read", l.Read, 64 * KiB, 64 * GiB},
	} {
		if s.value < s.from || s.value > s.til {
			report(s.path, s.value, fmt.Sprintf("a size from %s to %s", s.from, s.til))
		}
	}
	if l.Timeout < time.Millisecond || l.Timeout > time.Hour {
		report("limits.timeout", l.Timeout, "a duration from 1ms to 1h")
	}
	if l.MaxAnswer > l.Bytes/4 {
		report("limits.max_answer", l.MaxAnswer, "no more than a quarter of limits.bytes")
	}
	if l.MaxBody > l.Bytes {
		report("limits.max_body", l.MaxBody, "no more than limits.bytes")
	}
}

func (c Compare) validate(report report) {
	validateJSONPaths("compare.ignore", c.Ignore, report)
	for _, path := range slices.Sorted(maps.Keys(c.Unordered)) {
		if _, err := parseJSONPattern(path); err != nil {
			report("compare.unordered", path, jsonPathWanted)
		}
	}
	for _, t := range []struct {
		path string
		v    *float64
	}{{"compare.absolute", c.Absolute}, {"compare.relative", c.Relative}} {
		if t.v != nil && !(*t.v >= 0 && !math.IsInf(*t.v, 0)) {
			report(t.path, *t.v, "a number of 0 or more")
		}
	}
	if c.Relative != nil && *c.Relative > 1 {
		report("compare.relative", *c.Relative, "a part of the number from 0 to 1, such as 0.001")
	}
	if c.Range != nil {
		c.Range.Validate(func(_ string, value any, wanted string) { report("compare.range", value, wanted) })
	}
}

func (n Noise) validate(report report) {
	if n.Share < 1 || n.Share > Full {
		report("noise.share", n.Share, shareWanted)
	}
	validateMethods("noise.methods", n.Methods, report)
	validatePaths("noise.paths", n.Paths, report)
	if n.Learn < 10 || n.Learn > 1_000_000 {
		report("noise.learn", n.Learn, "a number of pairs from 10 to 1000000")
	}
}
