package registry

import (
	"encoding/json"
	"strconv"
	"time"
)

// The parts of MLflow's JSON that matter; unknown fields are ignored, and empty
// lists are left out by the server.
type (
	wireTag struct {
		Key   string `json:"key"`
		Value string `json:"value"`
	}
	wireVersion struct {
		Name    string    `json:"name"`
		Version wireText  `json:"version"`
		Created wireText  `json:"creation_timestamp"` // milliseconds
		Stage   string    `json:"current_stage"`
		Source  string    `json:"source"`
		RunID   string    `json:"run_id"`
		Status  string    `json:"status"`
		Tags    []wireTag `json:"tags"`
	}
	wireAlias struct {
		Alias   string   `json:"alias"`
		Version wireText `json:"version"`
	}
	wireModel struct {
		Name    string      `json:"name"`
		Aliases []wireAlias `json:"aliases"`
	}
	wireRun struct {
		Info struct {
			RunID        string `json:"run_id"`
			ExperimentID string `json:"experiment_id"`
			Status       string `json:"status"`
			Lifecycle    string `json:"lifecycle_stage"`
			ArtifactURI  string `json:"artifact_uri"`
		} `json:"info"`
		Data struct {
			Params []wireTag `json:"params"`
			Tags   []wireTag `json:"tags"`
		} `json:"data"`
	}
)

// wireText takes a JSON string or number: versions are strings and times are
// numbers, which proxies and hosted registries do not always keep apart.
type wireText string

func (t *wireText) UnmarshalJSON(data []byte) error {
	var s string
	if json.Unmarshal(data, &s) == nil {
		*t = wireText(s)
		return nil
	}
	var n json.Number
	if err := json.Unmarshal(data, &n); err != nil {
		return err
	}
	*t = wireText(n)
	return nil
}

func asMap(tags []wireTag) map[string]string {
	out := make(map[string]string, len(tags))
	for _, t := range tags {
		out[t.Key] = t.Value
	}
	return out
}

func (w wireVersion) version() Version {
	ms, _ := strconv.ParseInt(string(w.Created), 10, 64) // absent: the zero of time
	stage := w.Stage
	if canonical, err := ParseStage(stage); err == nil {
		stage = canonical
	} else if stage == "" {
		stage = StageNone // a registry without stages leaves it out
	}
	return Version{
		Model: w.Name, Version: string(w.Version), Stage: stage, Source: w.Source, RunID: w.RunID,
		Status: w.Status, Tags: asMap(w.Tags), Created: time.UnixMilli(ms).UTC(),
	}
}

// run is a run as this package uses it.
type run struct {
	id, experiment, artifacts string
	params, tags              map[string]string
	active                    bool // false: deleted by a person
	finished                  bool
}

func (w wireRun) run() run {
	return run{
		id: w.Info.RunID, experiment: w.Info.ExperimentID, artifacts: w.Info.ArtifactURI,
		params: asMap(w.Data.Params), tags: asMap(w.Data.Tags),
		active: w.Info.Lifecycle != "deleted", finished: w.Info.Status != "RUNNING",
	}
}
