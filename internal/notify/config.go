package notify

import (
	"net/netip"
	"net/url"
	"strings"
)

// Config is one place where incidents go: exactly one of its fields is set.
type Config struct {
	// Webhook is an http or https URL that takes the incident as a POST of JSON.
	// Whoever takes it may see the same incident twice, with the same
	// Idempotency-Key.
	Webhook string `yaml:"webhook,omitempty"`
	// File is a directory: each incident becomes ID.json in it, and ID.md
	// beside it for reading. It is made when it is missing.
	File string `yaml:"file,omitempty"`
}

// SetDefaults does nothing: a place has no sensible default.
func (c *Config) SetDefaults() {}

// Validate reports what is wrong, each with its path, value and what was wanted.
func (c Config) Validate(report func(path string, value any, wanted string)) {
	if (c.Webhook == "") == (c.File == "") {
		report("", nil, "exactly one of webhook (a URL) or file (a directory)")
		return
	}
	if c.Webhook == "" {
		return
	}
	u, err := url.Parse(c.Webhook)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" {
		report("webhook", c.String(), "an http or https URL such as https://tickets.example/hooks/headgate")
		return
	}
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil && denied(ip) {
		report("webhook", c.String(), "an address that is not a cloud's metadata service")
	}
}

// String names the place without its secrets: a webhook's user, path and query
// are cut, because any of them may be the key to it.
func (c Config) String() string {
	if c.File != "" {
		return "file " + c.File
	}
	u, err := url.Parse(c.Webhook)
	if err != nil || u.Host == "" {
		return "webhook (hidden)"
	}
	cut := u.Scheme + "://" + u.Host
	if strings.Trim(u.Path, "/") != "" {
		cut += "/…"
	}
	return cut
}
