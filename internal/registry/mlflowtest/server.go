package mlflowtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Server is a running MLflow with the calls that tests prepare and check with,
// none of which go through Headgate's client.
type Server struct {
	*Process
	client *http.Client
}

// Start runs a server for one test.
func Start(t testing.TB, line Line) *Server {
	t.Helper()
	p, err := Launch(line, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return newServer(p)
}

func newServer(p *Process) *Server {
	return &Server{Process: p, client: &http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}}
}

// shared servers, one per line and test binary: starting one takes 10 to 15 s.
var shared struct {
	sync.Mutex
	booting map[Line]*booting
}

type booting struct {
	dir    string
	done   chan struct{}
	server *Server
	err    error
}

// Warm starts the shared servers of some lines without waiting for them.
func Warm(lines ...Line) {
	shared.Lock()
	defer shared.Unlock()
	if shared.booting == nil {
		shared.booting = map[Line]*booting{}
	}
	for _, line := range lines {
		if shared.booting[line] != nil {
			continue
		}
		b := &booting{done: make(chan struct{})}
		shared.booting[line] = b
		go b.boot(line)
	}
}

func (b *booting) boot(line Line) {
	defer close(b.done)
	if b.dir, b.err = os.MkdirTemp("", "headgate-"+line.String()+"-"); b.err != nil {
		return
	}
	p, err := Launch(line, b.dir)
	if b.err = err; err == nil {
		b.server = newServer(p)
	}
}

// Shared is the test binary's own server of a line, started when first asked
// for. TestMain has to end in StopShared.
func Shared(t testing.TB, line Line) *Server {
	t.Helper()
	Warm(line)
	shared.Lock()
	b := shared.booting[line]
	shared.Unlock()
	<-b.done
	if b.err != nil {
		t.Fatal(b.err)
	}
	return b.server
}

// StopShared ends the shared servers and removes what they wrote.
func StopShared() {
	shared.Lock()
	defer shared.Unlock()
	for _, b := range shared.booting {
		<-b.done
		if b.server != nil {
			b.server.Kill()
		}
		_ = os.RemoveAll(b.dir) // a temporary folder that stays does no harm
	}
	shared.booting = nil
}

// Call sends one REST call, below /api/2.0/mlflow/, and fills out from the
// answer. GET takes its body as the query.
func (s *Server) Call(method, path string, body map[string]any, out any) error {
	address := s.URL + "/api/2.0/mlflow/" + path
	var payload []byte
	if method == http.MethodGet {
		q := url.Values{}
		for k, v := range body {
			q.Set(k, fmt.Sprint(v))
		}
		address += "?" + q.Encode()
	} else {
		var err error
		if payload, err = json.Marshal(body); err != nil {
			return err
		}
	}
	req, err := http.NewRequest(method, address, bytes.NewReader(payload))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := s.client.Do(req)
	if err != nil {
		return err
	}
	answer, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %d %s", method, path, resp.StatusCode, answer)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer, out)
}

func (s *Server) must(t testing.TB, method, path string, body map[string]any, out any) {
	t.Helper()
	if err := s.Call(method, path, body, out); err != nil {
		t.Fatal(err)
	}
}

var models atomic.Uint64

// Model makes a registered model of a new name.
func (s *Server) Model(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("churn-%d", models.Add(1))
	s.must(t, http.MethodPost, "registered-models/create", map[string]any{"name": name}, nil)
	return name
}

// Version makes the next version of a model with a training run of its own, as
// a training script would, and returns its number.
func (s *Server) Version(t testing.TB, model string) string {
	t.Helper()
	id, artifacts := s.Run(t)
	var out struct {
		Version struct {
			Version string `json:"version"`
		} `json:"model_version"`
	}
	s.must(t, http.MethodPost, "model-versions/create", map[string]any{"name": model, "source": artifacts + "/model", "run_id": id}, &out)
	return out.Version.Version
}

// Run makes a training run and returns its id and where its artifacts lie.
func (s *Server) Run(t testing.TB) (id, artifacts string) {
	t.Helper()
	var out struct {
		Run struct {
			Info struct {
				RunID       string `json:"run_id"`
				ArtifactURI string `json:"artifact_uri"`
			} `json:"info"`
		} `json:"run"`
	}
	s.must(t, http.MethodPost, "runs/create", map[string]any{
		"experiment_id": "0", "start_time": time.Now().UnixMilli(),
		"tags": []map[string]string{{"key": "mlflow.source.git.commit", "value": "0123abc"}},
	}, &out)
	return out.Run.Info.RunID, out.Run.Info.ArtifactURI
}

// Stage moves a version as a person would, archiving nothing beside it.
func (s *Server) Stage(t testing.TB, model, version, stage string) {
	t.Helper()
	s.must(t, http.MethodPost, "model-versions/transition-stage", map[string]any{"name": model, "version": version, "stage": stage, "archive_existing_versions": false}, nil)
}

// Alias points an alias at a version, as a person would.
func (s *Server) Alias(t testing.TB, model, alias, version string) {
	t.Helper()
	s.must(t, http.MethodPost, "registered-models/alias", map[string]any{"name": model, "alias": alias, "version": version}, nil)
}

// Stages is what MLflow says: "1:Archived 2:Production".
func (s *Server) Stages(t testing.TB, model string) string {
	t.Helper()
	var out struct {
		Versions []struct {
			Version string `json:"version"`
			Stage   string `json:"current_stage"`
		} `json:"model_versions"`
	}
	s.must(t, http.MethodGet, "model-versions/search", map[string]any{"filter": "name='" + model + "'", "max_results": 1000, "order_by": "version_number ASC"}, &out)
	var parts []string
	for _, v := range out.Versions {
		parts = append(parts, v.Version+":"+v.Stage)
	}
	return strings.Join(parts, " ")
}

// Aliases is which version each alias of a model names.
func (s *Server) Aliases(t testing.TB, model string) map[string]string {
	t.Helper()
	var out struct {
		Model struct {
			Aliases []struct{ Alias, Version string } `json:"aliases"`
		} `json:"registered_model"`
	}
	s.must(t, http.MethodGet, "registered-models/get", map[string]any{"name": model}, &out)
	names := map[string]string{}
	for _, a := range out.Model.Aliases {
		names[a.Alias] = a.Version
	}
	return names
}

type pair struct{ Key, Value string }

func asMap(pairs []pair) map[string]string {
	out := map[string]string{}
	for _, p := range pairs {
		out[p.Key] = p.Value
	}
	return out
}

// Tags are the tags of a version.
func (s *Server) Tags(t testing.TB, model, version string) map[string]string {
	t.Helper()
	var out struct {
		Version struct {
			Tags []pair `json:"tags"`
		} `json:"model_version"`
	}
	s.must(t, http.MethodGet, "model-versions/get", map[string]any{"name": model, "version": version}, &out)
	return asMap(out.Version.Tags)
}

// RunState is what MLflow keeps of a run.
type RunState struct {
	Status       string
	Params, Tags map[string]string
}

// RunState reads a run.
func (s *Server) RunState(t testing.TB, id string) RunState {
	t.Helper()
	var out struct {
		Run struct {
			Info struct {
				Status string `json:"status"`
			} `json:"info"`
			Data struct {
				Params []pair `json:"params"`
				Tags   []pair `json:"tags"`
			} `json:"data"`
		} `json:"run"`
	}
	s.must(t, http.MethodGet, "runs/get", map[string]any{"run_id": id}, &out)
	return RunState{Status: out.Run.Info.Status, Params: asMap(out.Run.Data.Params), Tags: asMap(out.Run.Data.Tags)}
}

// RolloutRuns counts the runs that carry a rollout's id.
func (s *Server) RolloutRuns(t testing.TB, rollout string) int {
	t.Helper()
	var out struct {
		Runs []struct{} `json:"runs"`
	}
	s.must(t, http.MethodPost, "runs/search", map[string]any{"experiment_ids": []string{"0"}, "filter": "tags.`headgate.rollout_id` = '" + rollout + "'"}, &out)
	return len(out.Runs)
}
