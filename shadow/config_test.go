package shadow

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/headgate/headgate/internal/kpi"
)

func problems(c Config) []string {
	out := []string{}
	c.Validate(func(path string, _ any, wanted string) {
		if wanted == "" {
			path += " (nothing wanted)"
		}
		out = append(out, path)
	})
	return out
}

func TestDefaultsAreValid(t *testing.T) {
	var c Config
	c.SetDefaults()
	if p := problems(c); len(p) > 0 {
		t.Error(p)
	}
	c = Config{Noise: &Noise{Methods: []string{"POST"}, Paths: []string{"/predict"}}}
	c.SetDefaults()
	if p := problems(c); len(p) > 0 || c.Noise.Share != DefaultNoiseShare || c.Noise.Learn != DefaultLearn {
		t.Error(p, *c.Noise)
	}
	before := Noise{Methods: []string{"POST"}, Paths: []string{"/predict"}}
	c = Config{Noise: &before}
	c.SetDefaults()
	if before.Share != 0 {
		t.Error("the defaults changed another copy's noise")
	}
}

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		change func(*Config)
		want   string
	}{
		{func(c *Config) { c.Share = 10001 }, "share"},
		{func(c *Config) { c.By = "user" }, "by"},
		{func(c *Config) { c.Upstreams = []string{"http://a:1", "https://a"} }, "upstreams[1]"},
		{func(c *Config) { c.Upstreams = []string{"http://a:1/path"} }, "upstreams[0]"},
		{func(c *Config) { c.Upstreams = []string{"http://a:99999"} }, "upstreams[0]"},
		{func(c *Config) { c.Methods = []string{"post"} }, "methods[0]"},
		{func(c *Config) { c.Methods = []string{"CONNECT"} }, "methods[0]"},
		{func(c *Config) { c.Paths = []string{"predict"} }, "paths[0]"},
		{func(c *Config) { c.Paths = []string{"/a**b"} }, "paths[0]"},
		{func(c *Config) { c.Paths = []string{"/**/a/**/b/**"} }, "paths[0]"},
		{func(c *Config) { c.Limits.Queue = -1 }, "limits.queue"},
		{func(c *Config) { c.Limits.Concurrency = 5000 }, "limits.concurrency"},
		{func(c *Config) { c.Limits.Rate = -1 }, "limits.rate"},
		{func(c *Config) { c.Limits.Bytes = 1 }, "limits.bytes"},
		{func(c *Config) { c.Limits.MaxBody = 128 * MiB }, "limits.max_body"},
		{func(c *Config) { c.Limits.MaxAnswer = 128 * MiB }, "limits.max_answer"},
		{func(c *Config) { c.Limits.Read = 1 }, "limits.read"},
		{func(c *Config) { c.Limits.Timeout = -time.Second }, "limits.timeout"},
		{func(c *Config) { c.Compare.Ignore = []string{"a..b"} }, "compare.ignore[0]"},
		{func(c *Config) { c.Compare.Unordered = map[string]string{`a\`: "x"} }, "compare.unordered"},
		{func(c *Config) { c.Compare.Absolute = new(-1.0) }, "compare.absolute"},
		{func(c *Config) { c.Compare.Relative = new(2.0) }, "compare.relative"},
		{func(c *Config) { c.Compare.Range = &kpi.Scale{Min: 1, Max: 0} }, "compare.range"},
		{func(c *Config) { c.Noise = &Noise{Paths: []string{"/predict"}} }, "noise.methods"},
		{func(c *Config) { c.Noise = &Noise{Methods: []string{"POST"}} }, "noise.paths"},
		{func(c *Config) { c.Noise = &Noise{Methods: []string{"POST"}, Paths: []string{"/p"}, Learn: 1} }, "noise.learn"},
		{func(c *Config) { c.Redact = []string{""} }, "redact[0]"},
		{func(c *Config) { c.Samples = 1 }, "samples"},
	} {
		var config Config
		c.change(&config)
		config.SetDefaults()
		if got := problems(config); !slices.Contains(got, c.want) {
			t.Errorf("got %q, want %s", got, c.want)
		}
		if _, err := New("churn", config, Targets{Candidate: []string{"http://127.0.0.1:1"}}, Options{}); err == nil {
			t.Errorf("%s: a mirror was made", c.want)
		}
	}
	if _, err := New("churn", Config{}, Targets{}, Options{}); err == nil {
		t.Error("a mirror without upstreams was made")
	}
}

func TestShare(t *testing.T) {
	for text, want := range map[string]Share{"100%": Full, "0.01%": 1, "12.5%": 1250, "0%": 0} {
		var s Share
		if err := s.UnmarshalText([]byte(text)); err != nil || s != want || s.String() != text {
			t.Errorf("%s: %d, %v, %s", text, s, err, s)
		}
		data, err := json.Marshal(s)
		var back Share
		if err != nil || json.Unmarshal(data, &back) != nil || back != s {
			t.Errorf("%s in JSON: %s, %d", text, data, back)
		}
	}
	for _, bad := range []string{"", "10", "0.001%", "101%", "-1%", "1e1%", ".5%", "5.%"} {
		var s Share
		if s.UnmarshalText([]byte(bad)) == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

// The share is what is written, by request and by key, and a key's requests are
// all in it or none.
func TestShareIsExactToNoise(t *testing.T) {
	for _, by := range []string{ByRequest, ByKey} {
		for _, share := range []Share{1, 100, 2500, 9999} {
			m := startMirror(t, Config{Share: share, By: by}, Targets{Candidate: []string{"http://127.0.0.1:1"}}, Options{})
			const n = 200_000
			in := 0
			for i := range uint64(n) {
				key := (i + 1) * 0x9E3779B97F4A7C15
				got := m.Sample([]byte("GET"), []byte("/"), 0, key)
				if got {
					in++
				}
				if by == ByKey && got != m.Sample([]byte("GET"), []byte("/"), 0, key) {
					t.Fatal("a key is in and out")
				}
			}
			p := float64(share) / float64(Full)
			if off := float64(in) - n*p; off*off > 36*n*p*(1-p) {
				t.Errorf("%s %s: %d of %d", by, share, in, n)
			}
		}
	}
}

// The mirrored keys are not the candidate's: those with the lowest hashes.
func TestKeysAreDrawnAnew(t *testing.T) {
	both := 0
	for i := range uint64(10_000) {
		if lowest := i << 40; Share(1000).holds(lowest) && Share(1000).holds(remix(lowest)) {
			both++
		}
	}
	if both > 1200 || both < 800 {
		t.Errorf("%d of 10000 keys in the lowest tenth are mirrored at 10%%", both)
	}
}

func TestPathPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		want          bool
	}{
		{"/predict", "/predict", true},
		{"/predict", "/predict/", false},
		{"/predict", "/predicted", false},
		{"/", "/", true},
		{"/", "/a", false},
		{"/a/*", "/a/b", true},
		{"/a/*", "/a/", false},
		{"/a/*", "/a", false},
		{"/a/**", "/a", true},
		{"/a/**", "/a/b/c", true},
		{"/a/**", "/ab", false},
		{"/**", "/", true},
		{"/**", "/a/b", true},
		{"/**/b", "/b", true},
		{"/**/b", "/a/b", true},
		{"/**/b", "/a/b/c", false},
		{"/**/b/*:x", "/a/b/c:x", true},
		{"/**/b/*:x", "/a/b/:x", false},
		{"/a/**/b/**", "/a/x/b", true},
	} {
		p, err := parsePathPattern(c.pattern)
		if err != nil {
			t.Fatal(c.pattern, err)
		}
		for _, query := range []string{"", "?q=/a/b"} {
			if got := matchesAny([]pathPattern{p}, []byte(c.path+query)); got != c.want {
				t.Errorf("%s on %s: %v", c.pattern, c.path+query, got)
			}
		}
	}
}

func TestWordsOfReasons(t *testing.T) {
	seen := map[string]bool{}
	for r := range reasons {
		seen[r.String()] = true
	}
	for f := range failures {
		seen["f "+f.String()] = true
	}
	if len(seen) != int(reasons)+int(failures) || seen[fmt.Sprintf("reason(%d)", reasons-1)] {
		t.Errorf("%v", seen)
	}
}
