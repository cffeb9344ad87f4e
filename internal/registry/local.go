package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"
)

// localKey is where the local registry is kept in the store.
const localKey = "registry/local"

// localFormat is the number of the document's format; an older binary refuses a
// newer one.
const localFormat = 1

// localTries bounds how often a change is made anew after another process was
// faster; of two such at least one comes through each time.
const localTries = 64

// Local is a registry with the behaviour of MLflow's stages, kept as one
// document in a Store. Every change is one compare-and-set, so there is nothing
// in between that a crash could leave.
type Local struct {
	store Store
	now   func() time.Time
	// mu keeps the writers of this process from failing each other's
	// compare-and-set; across processes that decides.
	mu sync.Mutex
}

// NewLocal makes the registry; it reads nothing yet.
func NewLocal(store Store, o Options) *Local {
	return &Local{store: store, now: o.withDefaults().Now}
}

// Mode is local.
func (l *Local) Mode() string { return ModeLocal }

type (
	localState struct {
		Format int                    `json:"format"`
		Models map[string]*localModel `json:"models"`
	}
	localModel struct {
		Versions []Version               `json:"versions"`
		Rollouts map[string]localRollout `json:"rollouts,omitempty"`
	}
	// localRollout stands for MLflow's run of a rollout.
	localRollout struct {
		Binding  Binding           `json:"binding"`
		AtStart  []string          `json:"production_at_start"`
		Promote  bool              `json:"promote,omitempty"`  // attempted
		Rollback string            `json:"rollback,omitempty"` // by whom
		Status   string            `json:"status,omitempty"`
		Tags     map[string]string `json:"tags,omitempty"`
		Report   string            `json:"report,omitempty"`
	}
	// localRecord goes into the journal with every change of a stage.
	localRecord struct {
		Kind    string    `json:"kind"` // always "registry"
		Model   string    `json:"model"`
		Version string    `json:"version"`
		From    string    `json:"from"`
		To      string    `json:"to"`
		Rollout string    `json:"rollout,omitempty"`
		At      time.Time `json:"at"`
	}
)

func (l *Local) load(ctx context.Context, op string) (localState, uint64, []byte, error) {
	raw, rev, err := l.store.Load(ctx, localKey)
	if err != nil {
		return localState{}, 0, nil, &Error{Kind: Unreachable, Op: op, Message: "the journal cannot be read: " + err.Error(), Err: err}
	}
	s := localState{Format: localFormat}
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &s); err != nil {
			return s, 0, nil, &Error{Kind: Invalid, Op: op, Message: "the local registry is damaged: " + err.Error(), Permanent: true, Err: err}
		}
		if s.Format > localFormat {
			return s, 0, nil, invalid(op, "run the newer headgate", "the local registry has format %d, this headgate knows %d", s.Format, localFormat)
		}
	}
	if s.Models == nil {
		s.Models = map[string]*localModel{}
	}
	return s, rev, raw, nil
}

// update changes the document; change is called again when somebody else was
// faster. A stage that changes is recorded.
func (l *Local) update(ctx context.Context, op, rollout string, change func(*localState) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for range localTries {
		s, rev, raw, err := l.load(ctx, op)
		if err != nil {
			return err
		}
		stages := s.stages()
		if err := change(&s); err != nil {
			return err
		}
		next, err := json.Marshal(s)
		if err != nil {
			panic("BUG: the local registry is not JSON: " + err.Error())
		}
		if bytes.Equal(next, raw) {
			return nil
		}
		_, err = l.store.Commit(ctx, localKey, rev, next, l.records(stages, s, rollout)...)
		if err == nil {
			return nil
		}
		if _, now, loadErr := l.store.Load(ctx, localKey); loadErr != nil || now == rev {
			return &Error{Kind: Unreachable, Op: op, Message: "the journal cannot be written: " + err.Error(), Err: err}
		}
	}
	return &Error{Kind: Conflict, Op: op, Message: "the local registry keeps changing", Err: errRestless}
}

type place struct{ model, version string }

func (s localState) stages() map[place]string {
	out := map[place]string{}
	for name, m := range s.Models {
		for _, v := range m.Versions {
			out[place{name, v.Version}] = v.Stage
		}
	}
	return out
}

func (l *Local) records(before map[place]string, s localState, rollout string) []json.RawMessage {
	var out []json.RawMessage
	for name, m := range s.Models {
		for _, v := range m.Versions {
			from, known := before[place{name, v.Version}]
			if known && from == v.Stage {
				continue
			}
			raw, err := json.Marshal(localRecord{Kind: "registry", Model: name, Version: v.Version, From: from, To: v.Stage, Rollout: rollout, At: l.now().UTC()})
			if err != nil {
				panic("BUG: a record is not JSON: " + err.Error())
			}
			out = append(out, raw)
		}
	}
	return out
}

func (s localState) model(op, name string) (*localModel, error) {
	if m, ok := s.Models[name]; ok {
		return m, nil
	}
	return nil, unknownModel(op, name)
}

// at is the version to change, nil when unknown.
func (m *localModel) at(version string) *Version {
	for i := range m.Versions {
		if m.Versions[i].Version == version {
			return &m.Versions[i]
		}
	}
	return nil
}

// raise makes a version the one in Production and archives the others there.
func (m *localModel) raise(version string) {
	for i, v := range m.Versions {
		switch {
		case v.Version == version:
			m.Versions[i].Stage = StageProduction
		case v.Stage == StageProduction:
			m.Versions[i].Stage = StageArchived
		}
	}
}

func (m *localModel) tag(version, key, value string) {
	v := m.at(version)
	if v == nil {
		return
	}
	if value == "" {
		delete(v.Tags, key)
		return
	}
	if v.Tags == nil {
		v.Tags = map[string]string{}
	}
	v.Tags[key] = value
}

// Versions reads all versions of a model, oldest first.
func (l *Local) Versions(ctx context.Context, model string) ([]Version, error) {
	const op = "read the versions"
	s, _, _, err := l.load(ctx, op)
	if err != nil {
		return nil, err
	}
	m, err := s.model(op, model)
	if err != nil {
		return nil, err
	}
	sortVersions(m.Versions)
	return m.Versions, nil
}

// Version reads one version.
func (l *Local) Version(ctx context.Context, model, version string) (Version, error) {
	vs, err := l.Versions(ctx, model)
	if err != nil {
		return Version{}, err
	}
	if v, ok := find(vs, version); ok {
		return v, nil
	}
	return Version{}, unknownVersion("read the version", model, version, vs)
}

// Production is the one version that users are on.
func (l *Local) Production(ctx context.Context, model string) (Version, error) {
	vs, err := l.Versions(ctx, model)
	if err != nil {
		return Version{}, err
	}
	return single(model, vs)
}

// Unfinished is the id of a rollout that the versions say is running.
func (l *Local) Unfinished(ctx context.Context, model string) (string, error) {
	vs, err := l.Versions(ctx, model)
	return unfinished(vs), err
}

// Recover is the binding of an unfinished rollout whose state was lost.
func (l *Local) Recover(ctx context.Context, model string) (Binding, bool, error) {
	vs, err := l.Versions(ctx, model)
	if err != nil {
		return Binding{}, false, err
	}
	b, ok := recovered(ModeLocal, model, vs)
	return b, ok, nil
}

// Register makes a new version of a model, and the model when it is the first.
func (l *Local) Register(ctx context.Context, name, source, runID string) (Version, error) {
	if err := checkRegister(name, source); err != nil {
		return Version{}, err
	}
	var made Version
	err := l.update(ctx, opRegister, "", func(s *localState) error {
		made = s.add(name, "", l.now())
		m := s.Models[name]
		v := m.at(made.Version)
		v.Source, v.RunID = source, runID
		made = *v
		return nil
	})
	return made, err
}

// Observe makes a version known that a backend says it serves.
func (l *Local) Observe(ctx context.Context, model, version string) error {
	if model == "" || version == "" {
		return nil
	}
	return l.update(ctx, "observe a version", "", func(s *localState) error {
		if m, ok := s.Models[model]; !ok || m.at(version) == nil {
			s.add(model, version, l.now())
		}
		return nil
	})
}

// add makes a version; its number follows the highest when it has no name.
func (s *localState) add(model, version string, now time.Time) Version {
	m := s.Models[model]
	if m == nil {
		m = &localModel{}
		s.Models[model] = m
	}
	if version == "" {
		highest := int64(0)
		for _, v := range m.Versions {
			if n, err := strconv.ParseInt(v.Version, 10, 64); err == nil {
				highest = max(highest, n)
			}
		}
		version = strconv.FormatInt(highest+1, 10)
	}
	v := Version{Model: model, Version: version, Stage: StageNone, Status: "READY", Created: now.UTC()}
	m.Versions = append(m.Versions, v)
	sortVersions(m.Versions)
	return v
}

// TransitionStage moves exactly this version, as MLflow's does.
func (l *Local) TransitionStage(ctx context.Context, model, version, stage string) (Transition, error) {
	to, err := ParseStage(stage)
	if err != nil {
		return Transition{}, err
	}
	t := Transition{To: to}
	err = l.update(ctx, opTransition, "", func(s *localState) error {
		m, err := s.model(opTransition, model)
		if err != nil {
			return err
		}
		v, err := movable(m.Versions, model, version, to)
		if err != nil {
			return err
		}
		t.From = v.Stage
		m.at(version).Stage = to
		return nil
	})
	return t, err
}

// Diagnose says what is wrong with each model.
func (l *Local) Diagnose(ctx context.Context, models []string) []Finding {
	s, _, _, err := l.load(ctx, "ask the local registry")
	if err != nil {
		return []Finding{finding(err)}
	}
	out := []Finding{{Level: LevelOK, What: fmt.Sprintf("the local registry knows %d models", len(s.Models))}}
	for _, name := range models {
		m, ok := s.Models[name]
		if !ok {
			out = append(out, Finding{
				Level: LevelWarn, What: fmt.Sprintf("model %s has no version yet", quote(name)),
				Hint: "a version becomes known when a backend reports it in its health answer, or by headgate register",
			})
			continue
		}
		out = append(out, diagnoseVersions(name, slices.Clone(m.Versions))...)
	}
	return out
}
