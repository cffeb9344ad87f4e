package configs

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden texts anew")

// testEnvironment is what the broken files may refer to.
func testEnvironment(name string) (string, bool) {
	if name == "HEADGATE_TEST_SECRET" {
		return "hunter2hunter2", true
	}
	return "", false
}

// Every broken file has its exact text beside it: it is what a person reads.
func TestBrokenPolicies(t *testing.T) {
	files, err := filepath.Glob("testdata/broken/*.yaml")
	if err != nil || len(files) < 12 {
		t.Fatalf("%d broken files, %v; want at least 12", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, err = parse(filepath.Base(file), data, testEnvironment)
			var problems *Errors
			if !errors.As(err, &problems) {
				t.Fatalf("got %v, want problems", err)
			}
			got := problems.Error() + "\n"
			golden := strings.TrimSuffix(file, ".yaml") + ".txt"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%swant\n%s", got, want)
			}
			if strings.Contains(got, "hunter2") || strings.Contains(got, "me:secret") || strings.Contains(got, "key=secret") {
				t.Errorf("a secret is shown:\n%s", got)
			}
		})
	}
}
