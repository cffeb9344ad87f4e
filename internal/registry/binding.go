package registry

import (
	"fmt"
	"time"
)

// BeginRequest makes a rollout known to the registry.
type BeginRequest struct {
	Model     string
	RolloutID string
	// Baseline is the version users are on; empty means the one in Production.
	Baseline   string
	Candidate  string
	PolicyHash string
	// Again takes a version on trial that is archived or was rolled back before.
	Again bool
}

func (r BeginRequest) validate() error {
	for _, f := range []struct{ name, value string }{{"model", r.Model}, {"rollout id", r.RolloutID}, {"candidate", r.Candidate}} {
		if f.value == "" {
			return invalid(opBegin, "", "the %s is empty", f.name)
		}
	}
	return nil
}

// Binding is what a rollout and the registry know of each other: which run
// holds the fences and where both versions stood before anything was changed.
// It is kept in the rollout's state, and as a tag on both versions.
type Binding struct {
	Mode           string `json:"mode"`
	Model          string `json:"model"`
	RolloutID      string `json:"rollout_id"`
	RunID          string `json:"run_id"`
	ExperimentID   string `json:"experiment_id"`
	Baseline       string `json:"baseline"`
	Candidate      string `json:"candidate"`
	BaselineStage  string `json:"baseline_stage"`
	CandidateStage string `json:"candidate_stage"`
}

// Result says how a change of the registry ended.
type Result string

// The results.
const (
	// Done: the registry was read back and says what was wanted.
	Done Result = "done"
	// Conflicted: somebody else's change stands; nothing of theirs was touched.
	Conflicted Result = "conflict"
	// Superseded: the rollout was rolled back first, which always wins.
	Superseded Result = "superseded"
)

// Action is one thing that was done, for the record.
type Action struct {
	What string    `json:"what"`
	At   time.Time `json:"at"`
}

// Outcome is how a promotion or a restoration ended.
type Outcome struct {
	Result  Result
	Found   string // in words, what stands in the registry now
	Actions []Action
}

// Transition is a stage change that was made.
type Transition struct{ From, To string }

// Level sorts findings.
type Level string

// The levels.
const (
	LevelOK    Level = "ok"
	LevelWarn  Level = "warn"
	LevelError Level = "error"
)

// Finding is one thing that doctor says about the registry.
type Finding struct {
	Level Level
	What  string
	Hint  string
}

// Finish's statuses.
const (
	StatusPromoted   = "promoted"
	StatusRolledBack = "rolled_back"
)

func checkStatus(status string) error {
	if status != StatusPromoted && status != StatusRolledBack {
		return invalid("finish the rollout", "", "unknown status %s: wanted %s or %s", quote(status), StatusPromoted, StatusRolledBack)
	}
	return nil
}

// check refuses a candidate that a rollout cannot take on trial. versions is
// everything the registry knows of the model.
func (r BeginRequest) check(versions []Version) (baseline, candidate Version, err error) {
	if r.Baseline == "" {
		baseline, err = single(r.Model, versions)
		if err != nil {
			return baseline, candidate, err
		}
	} else if baseline, err = r.named(versions); err != nil {
		return baseline, candidate, err
	}
	candidate, ok := find(versions, r.Candidate)
	switch {
	case !ok:
		return baseline, candidate, unknownVersion(opBegin, r.Model, r.Candidate, versions)
	case candidate.Version == baseline.Version:
		return baseline, candidate, refused(opBegin, "", "version %s is the baseline itself", r.Candidate)
	case candidate.Status != "" && candidate.Status != "READY":
		return baseline, candidate, refused(opBegin, "", "version %s is not ready: its status is %s", r.Candidate, candidate.Status)
	case candidate.Stage == StageArchived && !r.Again:
		return baseline, candidate, refused(opBegin, hintAgain, "version %s is archived", r.Candidate)
	case marks(candidate.Tags[tagRolledBack]) && !r.Again:
		return baseline, candidate, refused(opBegin, hintAgain, "version %s was rolled back before, by rollout %s", r.Candidate, candidate.Tags[tagRolledBack])
	}
	return baseline, candidate, nil
}

const hintAgain = "--again takes it on trial once more"

// named is the baseline the operator named: it must not contradict Production.
func (r BeginRequest) named(versions []Version) (Version, error) {
	v, ok := find(versions, r.Baseline)
	if !ok {
		return v, unknownVersion(opBegin, r.Model, r.Baseline, versions)
	}
	in := inProduction(versions)
	if len(in) > 0 && v.Stage != StageProduction {
		return v, &Error{
			Kind: Conflict, Op: opBegin, Permanent: true,
			Message: fmt.Sprintf("the baseline is said to be version %s, but the registry has %s in Production", r.Baseline, and(in)),
			Hint:    "start with the version that is in Production, or change the registry first",
		}
	}
	return v, nil
}
