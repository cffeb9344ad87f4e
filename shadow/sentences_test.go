package shadow

import (
	"slices"
	"testing"
)

func TestSentences(t *testing.T) {
	plain := Config{}
	plain.SetDefaults()
	set := Config{
		Share: 1250, Upstreams: []string{"http://10.0.0.1:1", "http://10.0.0.2:1"}, Methods: []string{"POST", "PUT"},
		Paths: []string{"/a", "/b", "/c", "/d", "/e", "/f"}, StripCredentials: true, Samples: 8, Redact: []string{"features"},
		Compare: Compare{Ignore: []string{"time"}, Unordered: map[string]string{"items": "id"}, Predictions: "p", Score: "s"},
		Noise:   &Noise{Methods: []string{"POST"}, Paths: []string{"/a"}},
	}
	set.SetDefaults()
	tests := map[string]struct {
		c    Config
		want []string
	}{
		"the defaults": {plain, []string{
			"copies of GET and HEAD requests, and of POST requests on the usual paths of inference, of at most 1MiB, go to http://127.0.0.1:8000, with the callers' credentials, at most 64 at a time; " +
				"what finds no place among 1024 that wait, or waits longer than 5s, is dropped and counted",
			"two answers agree when status and JSON are the same, numbers to within 1e-09 or 1e-06 of the larger one",
			"64 differing pairs are kept to be looked at, nothing hidden",
		}},
		"everything set": {set, []string{
			"copies of at most 12.5% of the POST and PUT requests on /a, /b, /c, /d and 2 more, of at most 1MiB, go to http://10.0.0.1:1 and http://10.0.0.2:1, without the callers' credentials, at most 64 at a time; " +
				"what finds no place among 1024 that wait, or waits longer than 5s, is dropped and counted",
			"two answers agree when status and JSON are the same, numbers to within 1e-09 or 1e-06 of the larger one; what stands at time is not compared; " +
				"the order in items does not count; classes stand at p; scores stand at s",
			"10% of the copies that are POST on /a are sent to the baseline a second time, to know what it differs from itself; the first 50 of these pairs are for learning",
			"8 differing pairs are kept to be looked at, features hidden",
		}},
	}
	for name, tt := range tests {
		if got := tt.c.Sentences([]string{"http://127.0.0.1:8000"}); !slices.Equal(got, tt.want) {
			t.Errorf("%s:\ngot  %q\nwant %q", name, got, tt.want)
		}
	}
}
