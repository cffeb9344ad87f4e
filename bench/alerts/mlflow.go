package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// mlflow is MLflow's own REST API: what is prepared and checked here does not go
// through Headgate's client.
type mlflow struct{ url string }

// prepare makes a model with version 1 in Production and 2 in Staging.
func (m mlflow) prepare(ctx context.Context, model string) error {
	if err := m.call(ctx, http.MethodPost, "registered-models/create", map[string]any{"name": model}, nil); err != nil {
		return err
	}
	for i, stage := range []string{"Production", "Staging"} {
		if err := m.call(ctx, http.MethodPost, "model-versions/create", map[string]any{"name": model, "source": "mlflow-artifacts:/model"}, nil); err != nil {
			return err
		}
		if err := m.call(ctx, http.MethodPost, "model-versions/transition-stage", map[string]any{"name": model, "version": fmt.Sprint(i + 1), "stage": stage, "archive_existing_versions": false}, nil); err != nil {
			return err
		}
	}
	return nil
}

// stages is "1:Production 2:Archived".
func (m mlflow) stages(ctx context.Context, model string) (string, error) {
	var parts []string
	for _, version := range []string{"1", "2"} {
		var out struct {
			Version struct {
				Stage string `json:"current_stage"`
			} `json:"model_version"`
		}
		if err := m.call(ctx, http.MethodGet, "model-versions/get?name="+model+"&version="+version, nil, &out); err != nil {
			return "", err
		}
		parts = append(parts, version+":"+out.Version.Stage)
	}
	return strings.Join(parts, " "), nil
}

func (m mlflow) call(ctx context.Context, method, path string, body map[string]any, into any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, m.url+"/api/2.0/mlflow/"+path, bytes.NewReader(data))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := plain.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		return fmt.Errorf("MLflow, %s: %s %s (%w)", path, res.Status, answer, err)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer, into)
}

// plain keeps no connection that a test would have to close.
var plain = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// answers says whether a page is there.
func answers(ctx context.Context, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return false
	}
	res, err := plain.Do(req)
	if err != nil {
		return false
	}
	_ = res.Body.Close()
	return res.StatusCode == http.StatusOK
}
