package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/headgate/headgate/internal/registry/mlflowtest"
)

// The versions of every model that is rolled out here.
const (
	baselineVersion  = "1"
	candidateVersion = "2"
)

// book speaks to MLflow itself, never through the relay.
type book struct {
	url  string
	line mlflowtest.Line
	http *http.Client
}

func newBook(address string, line mlflowtest.Line) *book {
	return &book{url: address, line: line, http: &http.Client{Timeout: 60 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 4}}}
}

func (b *book) close() { b.http.CloseIdleConnections() }

// create makes a model with a version in Production and one on trial.
func (b *book) create(ctx context.Context, model string) error {
	var experiment struct {
		ID string `json:"experiment_id"`
	}
	if err := b.post(ctx, "experiments/create", map[string]any{"name": "training of " + model}, &experiment); err != nil {
		return err
	}
	if err := b.post(ctx, "registered-models/create", map[string]any{"name": model}, nil); err != nil {
		return err
	}
	for range 2 {
		if err := b.version(ctx, model, experiment.ID); err != nil {
			return err
		}
	}
	if b.line == mlflowtest.Line3 {
		for alias, version := range map[string]string{"champion": baselineVersion, "challenger": candidateVersion} {
			if err := b.post(ctx, "registered-models/alias", map[string]any{"name": model, "alias": alias, "version": version}, nil); err != nil {
				return err
			}
		}
		return nil
	}
	for stage, version := range map[string]string{"Production": baselineVersion, "Staging": candidateVersion} {
		move := map[string]any{"name": model, "version": version, "stage": stage, "archive_existing_versions": false}
		if err := b.post(ctx, "model-versions/transition-stage", move, nil); err != nil {
			return err
		}
	}
	return nil
}

// version registers what a training run would have left.
func (b *book) version(ctx context.Context, model, experiment string) error {
	var made struct {
		Run struct {
			Info struct {
				ID        string `json:"run_id"`
				Artifacts string `json:"artifact_uri"`
			} `json:"info"`
		} `json:"run"`
	}
	if err := b.post(ctx, "runs/create", map[string]any{"experiment_id": experiment, "start_time": time.Now().UnixMilli()}, &made); err != nil {
		return err
	}
	run := made.Run.Info
	return b.post(ctx, "model-versions/create", map[string]any{"name": model, "source": run.Artifacts + "/model", "run_id": run.ID}, nil)
}

// standing is what MLflow says of a model.
type standing struct {
	Production []string
	Archived   []string
	Marks      []string // versions that carry the mark of an unfinished rollout
	Challenger string   // with aliases
}

// right: the baseline alone in Production, the candidate archived.
func (s standing) right() bool {
	return len(s.Production) == 1 && s.Production[0] == baselineVersion &&
		len(s.Archived) == 1 && s.Archived[0] == candidateVersion && s.Challenger == ""
}

func (s standing) String() string {
	return fmt.Sprintf("Production %v, archived %v, challenger %q, marks of a rollout on %v", s.Production, s.Archived, s.Challenger, s.Marks)
}

func (b *book) standing(ctx context.Context, model string) (s standing, err error) {
	var found struct {
		Versions []struct {
			Version string `json:"version"`
			Stage   string `json:"current_stage"`
			Tags    []struct {
				Key   string `json:"key"`
				Value string `json:"value"`
			} `json:"tags"`
		} `json:"model_versions"`
	}
	if err := b.get(ctx, "model-versions/search?max_results=100&filter="+url.QueryEscape("name='"+model+"'"), &found); err != nil {
		return s, err
	}
	for _, v := range found.Versions {
		stage := v.Stage
		for _, t := range v.Tags {
			switch {
			case t.Key == "headgate.rollout":
				s.Marks = append(s.Marks, v.Version)
			case t.Key == "headgate.status" && b.line == mlflowtest.Line3:
				stage = map[string]string{"archived": "Archived"}[t.Value]
			}
		}
		switch {
		case stage == "Archived":
			s.Archived = append(s.Archived, v.Version)
		case stage == "Production" && b.line != mlflowtest.Line3:
			s.Production = append(s.Production, v.Version)
		}
	}
	if b.line == mlflowtest.Line3 {
		err = b.aliases(ctx, model, &s)
	}
	return s, err
}

func (b *book) aliases(ctx context.Context, model string, s *standing) error {
	var found struct {
		Model struct {
			Aliases []struct {
				Alias   string `json:"alias"`
				Version string `json:"version"`
			} `json:"aliases"`
		} `json:"registered_model"`
	}
	if err := b.get(ctx, "registered-models/get?name="+url.QueryEscape(model), &found); err != nil {
		return err
	}
	for _, a := range found.Model.Aliases {
		switch a.Alias {
		case "champion":
			s.Production = append(s.Production, a.Version)
		case "challenger":
			s.Challenger = a.Version
		}
	}
	return nil
}

func (b *book) post(ctx context.Context, path string, body, into any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return b.do(ctx, http.MethodPost, path, data, into)
}

func (b *book) get(ctx context.Context, path string, into any) error {
	return b.do(ctx, http.MethodGet, path, nil, into)
}

func (b *book) do(ctx context.Context, method, path string, body []byte, into any) error {
	req, err := http.NewRequestWithContext(ctx, method, b.url+"/api/2.0/mlflow/"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := b.http.Do(req)
	if err != nil {
		return fmt.Errorf("ask MLflow: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return fmt.Errorf("ask MLflow: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("MLflow answered %s %s with %d: %.300s", method, path, res.StatusCode, answer)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer, into)
}
