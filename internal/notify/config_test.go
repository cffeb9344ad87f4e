package notify

import (
	"fmt"
	"slices"
	"testing"
)

func TestConfigValidate(t *testing.T) {
	const one = `: <nil>: exactly one of webhook (a URL) or file (a directory)`
	const form = "an http or https URL such as https://tickets.example/hooks/headgate"
	const meta = "an address that is not a cloud's metadata service"
	tests := map[string]struct {
		config Config
		want   []string
	}{
		"file":               {Config{File: "./data/incidents"}, nil},
		"https":              {Config{Webhook: "https://tickets.example/hook?key=1"}, nil},
		"http on loopback":   {Config{Webhook: "http://127.0.0.1:9/"}, nil},
		"neither":            {Config{}, []string{one}},
		"both":               {Config{Webhook: "https://a/", File: "b"}, []string{one}},
		"no scheme":          {Config{Webhook: "tickets.example/hook"}, []string{"webhook: webhook (hidden): " + form}},
		"ftp, with password": {Config{Webhook: "ftp://me:secret@a/key?x=y"}, []string{"webhook: ftp://a/…: " + form}},
		"not a URL":          {Config{Webhook: "https://a:b:c/%zz"}, []string{"webhook: webhook (hidden): " + form}},
		"metadata":           {Config{Webhook: "http://169.254.169.254/latest"}, []string{"webhook: http://169.254.169.254/…: " + meta}},
		"metadata, mapped":   {Config{Webhook: "http://[::ffff:169.254.169.254]/"}, []string{"webhook: http://[::ffff:169.254.169.254]: " + meta}},
		"metadata, v6":       {Config{Webhook: "http://[fd00:ec2::254]/"}, []string{"webhook: http://[fd00:ec2::254]: " + meta}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var got []string
			tt.config.Validate(func(path string, value any, wanted string) {
				got = append(got, fmt.Sprintf("%s: %v: %s", path, value, wanted))
			})
			if !slices.Equal(got, tt.want) {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}
