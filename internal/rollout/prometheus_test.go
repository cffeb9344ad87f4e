package rollout

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

func TestPrometheusConfig(t *testing.T) {
	good := func(change func(*Prometheus)) Prometheus {
		p := Prometheus{URL: "http://127.0.0.1:9090/prom", Queries: map[string]string{"gpu": `avg(gpu{arm="$arm"})`}}
		p.SetDefaults()
		change(&p)
		return p
	}
	for _, c := range []struct {
		name string
		p    Prometheus
		want []string
	}{
		{"good", good(func(*Prometheus) {}), nil},
		{"token", good(func(p *Prometheus) { p.TokenFile = "/run/secrets/token" }), nil},
		{"no address", good(func(p *Prometheus) { p.URL = "prometheus:9090" }), []string{"url"}},
		{"a password in the address", good(func(p *Prometheus) { p.URL = "http://a:b@p:9090" }), []string{"url"}},
		{"too often", good(func(p *Prometheus) { p.Every = 10 * time.Millisecond }), []string{"every"}},
		{"half a user", good(func(p *Prometheus) { p.Username = "a" }), []string{"username"}},
		{"two ways in", good(func(p *Prometheus) { p.Username, p.PasswordFile, p.TokenFile = "a", "f", "g" }), []string{"token_file"}},
		{"no query", good(func(p *Prometheus) { p.Queries = nil }), []string{"queries"}},
		{"one value for both arms", good(func(p *Prometheus) { p.Queries["gpu"] = "avg(gpu)" }), []string{"queries.gpu"}},
		{"a name no gate can say", good(func(p *Prometheus) { p.Queries = map[string]string{"a b": "$arm"} }), []string{"queries"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			c.p.Validate(func(path string, value any, wanted string) { got = append(got, path); t.Log(path, value, wanted) })
			if !slices.Equal(got, c.want) {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
	if q := good(func(*Prometheus) {}).For("gpu", "candidate"); q != `avg(gpu{arm="candidate"})` {
		t.Error(q)
	}
	secret := good(func(p *Prometheus) { p.URL = "http://a:geheim@p:9090" })
	secret.Validate(func(_ string, value any, _ string) {
		if got := fmt.Sprint(value); got != "http://a:xxxxx@p:9090" {
			t.Errorf("%s shows the password", got)
		}
	})
}
