package shadow

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Sentences say what is mirrored, where to, and how both answers are compared.
// candidate is where copies go unless the configuration names others; the
// defaults have to be set.
func (c Config) Sentences(candidate []string) []string {
	to := c.Upstreams
	if len(to) == 0 {
		to = candidate
	}
	drawn := ""
	if c.Share < Full {
		drawn = fmt.Sprintf("at most %s of the ", c.Share)
	}
	credentials := "with the callers' credentials"
	if c.StripCredentials {
		credentials = "without the callers' credentials"
	}
	out := []string{
		fmt.Sprintf("copies of %s%s, of at most %s, go to %s, %s, at most %d at a time; what finds no place among %d that wait, or waits longer than %s, is dropped and counted",
			drawn, c.mirrored(), c.Limits.MaxBody, strings.Join(to, " and "), credentials, c.Limits.Concurrency, c.Limits.Queue, c.Limits.Timeout),
		c.Compare.sentence(),
	}
	if n := c.Noise; n != nil {
		out = append(out, fmt.Sprintf("%s of the copies that are %s on %s are sent to the baseline a second time, to know what it differs from itself; the first %d of these pairs are for learning",
			n.Share, strings.Join(n.Methods, " or "), few(n.Paths), n.Learn))
	}
	shown := "nothing hidden"
	if len(c.Redact) > 0 {
		shown = fmt.Sprintf("%s hidden", few(c.Redact))
	}
	return append(out, fmt.Sprintf("%d differing pairs are kept to be looked at, %s", c.Samples, shown))
}

// mirrored says which requests are.
func (c Config) mirrored() string {
	var kinds []string
	everywhere, bounded := []string(nil), []string(nil)
	for _, m := range c.Methods {
		if safeMethod(m) {
			everywhere = append(everywhere, m)
		} else {
			bounded = append(bounded, m)
		}
	}
	if len(everywhere) > 0 {
		kinds = append(kinds, strings.Join(everywhere, " and ")+" requests")
	}
	if len(bounded) > 0 {
		paths := few(c.Paths)
		if slices.Equal(c.Paths, DefaultPaths()) {
			paths = "the usual paths of inference"
		}
		kinds = append(kinds, strings.Join(bounded, " and ")+" requests on "+paths)
	}
	return strings.Join(kinds, ", and of ")
}

func (c Compare) sentence() string {
	text := fmt.Sprintf("two answers agree when status and JSON are the same, numbers to within %g or %g of the larger one", *c.Absolute, *c.Relative)
	if len(c.Ignore) > 0 {
		text += "; what stands at " + few(c.Ignore) + " is not compared"
	}
	if len(c.Unordered) > 0 {
		text += "; the order in " + few(slices.Sorted(maps.Keys(c.Unordered))) + " does not count"
	}
	if c.Predictions != "" {
		text += "; classes stand at " + c.Predictions
	}
	if c.Score != "" {
		text += "; scores stand at " + c.Score
	}
	return text
}

// few names the first ones of a list that may be long.
func few(words []string) string {
	const named = 4
	if len(words) > named+1 {
		return fmt.Sprintf("%s and %d more", strings.Join(words[:named], ", "), len(words)-named)
	}
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " and " + words[last]
}
