package registry

import (
	"strings"
	"testing"
)

// stand makes versions from "1:Production 2:Staging".
func stand(text string) []Version {
	var out []Version
	for _, f := range strings.Fields(text) {
		v, stage, _ := strings.Cut(f, ":")
		out = append(out, Version{Model: "churn", Version: v, Stage: stage})
	}
	return out
}

func TestMoves(t *testing.T) {
	usual := Binding{Model: "churn", Baseline: "1", Candidate: "2", BaselineStage: StageProduction, CandidateStage: StageStaging}
	named, again := usual, usual
	named.BaselineStage = StageNone
	again.CandidateStage = StageArchived
	cases := []struct {
		name      string
		b         Binding
		stands    string
		atStart   []string
		attempted bool
		back      move
		forth     move
	}{
		{"canary", usual, "1:Production 2:Staging", nil, false, moveArchive, moveRaise},
		{"promoted", usual, "1:Archived 2:Production", nil, true, moveRaise, moveNone},
		{"promoted by a person", usual, "1:Archived 2:Production", nil, false, moveRaise, moveNone},
		{"rolled back", usual, "1:Production 2:Archived", nil, false, moveNone, moveStop},
		{"taken on again", again, "1:Production 2:Archived", nil, false, moveNone, moveRaise},
		{"a race left both", usual, "1:Production 2:Production", nil, true, moveRaise, moveRaise},
		{"a race left none", usual, "1:Archived 2:Archived", nil, true, moveRaise, moveStop},
		{"a person took the baseline out", usual, "1:Archived 2:Staging", nil, false, moveStop, moveStop},
		{"none at the start", named, "1:None 2:Staging", nil, false, moveArchive, moveRaise},
		{"none at the start, promoted", named, "1:None 2:Production", nil, true, moveRaise, moveNone},
		{"none at the start, promoted and archived by hand", named, "1:None 2:Archived", nil, true, moveRaise, moveStop},
		{"a stranger alone", usual, "1:Archived 2:Staging 3:Production", nil, false, moveStop, moveStop},
		{"a stranger beside the baseline", usual, "1:Production 2:Staging 3:Production", nil, false, moveStop, moveStop},
		{"a stranger beside our promotion", usual, "1:Archived 2:Production 3:Production", nil, true, moveStop, moveYield},
		{"a second one that was there at the start", usual, "1:Production 2:Staging 3:Production", []string{"1", "3"}, false, moveArchive, moveRaise},
		{"promoted over two", usual, "1:Archived 2:Production 3:Archived", []string{"1", "3"}, true, moveRaise, moveNone},
		{"the candidate deleted", usual, "1:Production", nil, false, moveNone, moveStop},
		{"the baseline deleted", usual, "2:Production", nil, true, moveStop, moveNone},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := scene{b: c.b, versions: stand(c.stands), atStart: c.atStart, attempted: c.attempted}
			if got, why := s.restoration(); got != c.back || (got == moveStop) != (why != "") {
				t.Errorf("restoration: %s (%s), want %s", got, why, c.back)
			}
			if got, why := s.promotion(); got != c.forth || (got == moveStop || got == moveYield) != (why != "") {
				t.Errorf("promotion: %s (%s), want %s", got, why, c.forth)
			}
		})
	}
}

func TestParseStage(t *testing.T) {
	for in, want := range map[string]string{"production": StageProduction, "STAGING": StageStaging, " none ": StageNone, "Archived": StageArchived} {
		if got, err := ParseStage(in); err != nil || got != want {
			t.Errorf("ParseStage(%q) = %q, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "prod", "Production2"} {
		if _, err := ParseStage(in); kindOf(err) != UnknownStage {
			t.Errorf("ParseStage(%q): %v", in, err)
		}
	}
}

func TestConfigValidate(t *testing.T) {
	cases := []struct {
		name string
		c    Config
		want string
	}{
		{"good", Config{MLflow: &MLflowConfig{TrackingURI: "https://dagshub.com/a/b.mlflow", Mode: ModeAliases}}, ""},
		{"local", Config{Local: &LocalConfig{}}, ""},
		{"neither", Config{}, "|<nil>|mlflow or local"},
		{"both", Config{MLflow: &MLflowConfig{}, Local: &LocalConfig{}}, "local|<nil>|only one"},
		{"mode", Config{MLflow: &MLflowConfig{Mode: "labels"}}, "mlflow.mode|labels|stages or aliases"},
		{"address", Config{MLflow: &MLflowConfig{TrackingURI: "sqlite:///x"}}, "mlflow.tracking_uri|sqlite:///x|an http:// or https:// address"},
		{"address with a secret", Config{MLflow: &MLflowConfig{TrackingURI: "ftp://a:geheim@h/x"}}, "mlflow.tracking_uri|ftp://h/x|an http"},
		{"reserved alias", Config{MLflow: &MLflowConfig{Aliases: Aliases{Baseline: "v3"}}}, "mlflow.aliases.baseline|v3|letters"},
		{"same aliases", Config{MLflow: &MLflowConfig{Aliases: Aliases{Baseline: "a", Candidate: "a"}}}, "mlflow.aliases.candidate|a|another"},
		{"auth", Config{MLflow: &MLflowConfig{Auth: "digest"}}, "mlflow.auth|digest|none, basic"},
		{"half a sign-in", Config{MLflow: &MLflowConfig{Username: "ann"}}, "mlflow.username|ann|username and password"},
		{"pace", Config{MLflow: &MLflowConfig{CallsPerSecond: -1}}, "mlflow.calls_per_second|-1|1 or more"},
		{"tls", Config{MLflow: &MLflowConfig{InsecureTLS: true, CACert: "x"}}, "mlflow.insecure_tls|true|not together"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.c.SetDefaults()
			var got []string
			c.c.Validate(func(path string, value any, wanted string) { got = append(got, path+"|"+sprint(value)+"|"+wanted) })
			if c.want == "" && len(got) > 0 || c.want != "" && (len(got) != 1 || !strings.HasPrefix(got[0], c.want)) {
				t.Errorf("reported %q, want %q", got, c.want)
			}
		})
	}
}
