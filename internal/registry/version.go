package registry

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Version is one version of a model as the registry shows it.
type Version struct {
	Model   string
	Version string
	// Stage is canonical: None, Staging, Production or Archived. Where aliases
	// are used it is what they amount to: the baseline's alias is Production, the
	// candidate's Staging, the tag headgate.status=archived Archived.
	Stage   string
	Aliases []string
	Source  string
	RunID   string
	Status  string // READY when it can be used
	Tags    map[string]string
	Created time.Time
}

// compareVersions orders "9" before "10"; names that are no numbers come last.
func compareVersions(a, b string) int {
	x, errX := strconv.ParseInt(a, 10, 64)
	y, errY := strconv.ParseInt(b, 10, 64)
	switch {
	case errX == nil && errY == nil:
		return cmp.Compare(x, y)
	case errX == nil:
		return -1
	case errY == nil:
		return 1
	}
	return strings.Compare(a, b)
}

func sortVersions(vs []Version) {
	slices.SortFunc(vs, func(a, b Version) int { return compareVersions(a.Version, b.Version) })
}

func find(vs []Version, version string) (Version, bool) {
	for _, v := range vs {
		if v.Version == version {
			return v, true
		}
	}
	return Version{}, false
}

// inProduction lists the versions in Production, in order.
func inProduction(vs []Version) []string {
	var out []string
	for _, v := range vs {
		if v.Stage == StageProduction {
			out = append(out, v.Version)
		}
	}
	slices.SortFunc(out, compareVersions)
	return out
}

// single is the one version in Production.
func single(model string, vs []Version) (Version, error) {
	switch in := inProduction(vs); len(in) {
	case 0:
		return Version{}, noBaseline(model)
	case 1:
		v, _ := find(vs, in[0])
		return v, nil
	default:
		return Version{}, manyBaselines(model, in)
	}
}
