package registry

import (
	"fmt"
	"slices"
	"strings"
)

// scene is what stands in the registry, read afresh, and what is known of how
// it came about. Its two questions, what a restoration and what a promotion has
// to do next, are pure: the same scene always gets the same answer, which makes
// every step repeatable after a crash.
type scene struct {
	b        Binding
	versions []Version
	// atStart was in Production when the rollout began; the baseline among it,
	// unless the operator named one.
	atStart []string
	// attempted: a promotion of this rollout has been, or is being, written.
	attempted bool
	// aliases: aliases and a tag stand for stages.
	aliases bool
	// candidateAlias, with aliases, must be gone from a candidate that is decided
	// on. "" for a user who may not delete aliases.
	candidateAlias string
}

// move is the next thing to do.
type move uint8

const (
	moveNone    move = iota // the registry says what is wanted
	moveRaise               // make the wanted version the one in production
	moveArchive             // archive the other one
	moveYield               // take the candidate out again: a person was there too
	moveStop                // a person's change stands in the way
)

func (m move) String() string {
	switch m {
	case moveNone:
		return "none"
	case moveRaise:
		return "raise"
	case moveArchive:
		return "archive"
	case moveYield:
		return "yield"
	case moveStop:
		return "stop"
	}
	panic(fmt.Sprintf("BUG: unknown move %d", uint8(m)))
}

// strangers are in production and were put there by somebody else, since.
func (s scene) strangers(in []string) []string {
	var out []string
	for _, v := range in {
		if v != s.b.Baseline && v != s.b.Candidate && !slices.Contains(s.atStart, v) {
			out = append(out, v)
		}
	}
	return out
}

// restoration: the baseline in production alone, the candidate archived.
// Never archives first, as a crash would then leave nothing in production.
func (s scene) restoration() (move, string) {
	in := inProduction(s.versions)
	if others := s.strangers(in); len(others) > 0 {
		return moveStop, fmt.Sprintf("%s in Production, which is neither the baseline %s nor the candidate %s: somebody put it there", is(others), s.b.Baseline, s.b.Candidate)
	}
	if _, ok := find(s.versions, s.b.Baseline); !ok {
		return moveStop, fmt.Sprintf("the baseline %s was deleted; %s", s.b.Baseline, s.describe())
	}
	baselineIn, candidateIn := slices.Contains(in, s.b.Baseline), slices.Contains(in, s.b.Candidate)
	switch {
	case candidateIn:
		return moveRaise, ""
	case !baselineIn && s.attempted:
		return moveRaise, "" // our own promotion took it out
	case !baselineIn && s.b.BaselineStage == StageProduction:
		return moveStop, fmt.Sprintf("the baseline %s was taken out of Production by somebody; %s", s.b.Baseline, s.describe())
	}
	if !s.isArchived(s.b.Candidate) || s.holdsAlias(s.b.Candidate) || baselineIn && s.isTaggedArchived(s.b.Baseline) {
		return moveArchive, ""
	}
	return moveNone, ""
}

// promotion: the candidate in production alone, the baseline archived by the
// same call.
func (s scene) promotion() (move, string) {
	in := inProduction(s.versions)
	candidate, ok := find(s.versions, s.b.Candidate)
	if !ok {
		return moveStop, fmt.Sprintf("the candidate %s was deleted; %s", s.b.Candidate, s.describe())
	}
	baselineIn, candidateIn := slices.Contains(in, s.b.Baseline), slices.Contains(in, s.b.Candidate)
	if others := s.strangers(in); len(others) > 0 {
		why := fmt.Sprintf("%s in Production, put there by somebody meanwhile", is(others))
		if candidateIn && s.attempted {
			return moveYield, why
		}
		return moveStop, why
	}
	switch {
	case candidate.Stage == StageArchived && s.b.CandidateStage != StageArchived:
		return moveStop, fmt.Sprintf("the candidate %s was archived by somebody", s.b.Candidate)
	case !candidateIn && !baselineIn && s.b.BaselineStage == StageProduction:
		return moveStop, fmt.Sprintf("the baseline %s was taken out of Production by somebody; %s", s.b.Baseline, s.describe())
	case !candidateIn || len(in) > 1:
		return moveRaise, ""
	case s.isTaggedArchived(s.b.Candidate), s.holdsAlias(s.b.Candidate), s.aliases && !s.isArchived(s.b.Baseline):
		return moveArchive, ""
	}
	return moveNone, ""
}

// isArchived holds for a version that is gone, too.
func (s scene) isArchived(version string) bool {
	v, ok := find(s.versions, version)
	return !ok || v.Stage == StageArchived
}

// holdsAlias: with aliases, the version still carries the candidate's.
func (s scene) holdsAlias(version string) bool {
	v, _ := find(s.versions, version)
	return s.candidateAlias != "" && slices.Contains(v.Aliases, s.candidateAlias)
}

// isTaggedArchived: with aliases, a version in production that still carries
// the mark of its time out of use.
func (s scene) isTaggedArchived(version string) bool {
	v, _ := find(s.versions, version)
	return s.aliases && v.Tags[tagStatus] == statusArchived
}

// describe says what stands there.
func (s scene) describe() string {
	parts := []string{"nothing is in Production"}
	in := inProduction(s.versions)
	if len(in) > 0 {
		parts[0] = is(in) + " in Production"
	}
	for _, name := range []string{s.b.Baseline, s.b.Candidate} {
		if v, ok := find(s.versions, name); !ok {
			parts = append(parts, "version "+name+" is deleted")
		} else if v.Stage != StageProduction {
			parts = append(parts, "version "+name+" is "+stageWord(v.Stage))
		}
	}
	return strings.Join(parts, ", ")
}

func stageWord(stage string) string {
	switch stage {
	case StageArchived:
		return "Archived"
	case StageNone:
		return "in no stage"
	}
	return "in " + stage
}

// is makes "version 3 is" and "versions 3 and 4 are".
func is(versions []string) string {
	if len(versions) == 1 {
		return "version " + versions[0] + " is"
	}
	return "versions " + and(versions) + " are"
}

func and(versions []string) string {
	if n := len(versions); n > 1 {
		return strings.Join(versions[:n-1], ", ") + " and " + versions[n-1]
	}
	return strings.Join(versions, "")
}
