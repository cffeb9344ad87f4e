package configs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// Every policy in this folder is one that a person may start from.
func TestExamplesLoad(t *testing.T) {
	files, err := filepath.Glob("*.yaml")
	if err != nil || len(files) < 4 {
		t.Fatalf("%d examples, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(file, func(t *testing.T) {
			p, err := Load(file)
			if err != nil {
				t.Fatal(err)
			}
			if len(p.Models) == 0 || len(p.Routes) == 0 {
				t.Errorf("%d models, %d routes", len(p.Models), len(p.Routes))
			}
			for name := range p.Models {
				if p.Hash(name) == "" {
					t.Errorf("no hash for %s", name)
				}
			}
		})
	}
}

func TestDefaultIsTheEmbeddedFile(t *testing.T) {
	want, err := os.ReadFile("default.yaml")
	if err != nil || string(Embedded()) != string(want) {
		t.Errorf("embedded text differs from default.yaml (%v)", err)
	}
	p, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	if p.Registry.Local == nil || p.Admin.Listen != "127.0.0.1:8090" || p.Models["sample-model"].Incidents[0].File != "data/incidents" {
		t.Errorf("got %+v", p)
	}
}

func TestLoadOfAMissingFile(t *testing.T) {
	if _, err := Load(filepath.Join(t.TempDir(), "none.yaml")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want it to say that the file is missing", err)
	}
}
