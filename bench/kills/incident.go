package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"time"
)

// incident is the ticket as it lies on the disk.
type incident struct {
	ID       string     `json:"id"`
	Rollout  string     `json:"rollout"`
	Cause    string     `json:"cause"`
	Gate     *verdict   `json:"gate"`
	Gates    []*verdict `json:"gates"`
	Registry struct {
		Result string `json:"result"`
	} `json:"registry"`
	Times struct {
		TrafficOff *time.Time `json:"traffic_off_at"`
		Recorded   *time.Time `json:"recorded_at"`
		Registry   *time.Time `json:"registry_at"`
	} `json:"times"`
}

// verdict of a gate in an incident.
type verdict struct {
	Name      string   `json:"name"`
	Baseline  *float64 `json:"baseline"`
	Candidate *float64 `json:"candidate"`
	N         struct {
		Baseline  uint64 `json:"baseline"`
		Candidate uint64 `json:"candidate"`
	} `json:"n"`
	Fail *struct {
		E     float64 `json:"e"`
		Limit float64 `json:"limit"`
	} `json:"fail"`
}

func (c *cycle) checkIncidents(r *result) {
	all := names(c.h.Incidents(), "")
	files := names(c.h.Incidents(), ".json")
	r.incidents = len(files)
	if len(files) != 1 || len(all) > 2 {
		r.violate("wanted one incident, found %v", all)
		return
	}
	data, err := os.ReadFile(filepath.Join(c.h.Incidents(), files[0]))
	var in incident
	if err == nil {
		err = json.Unmarshal(data, &in)
	}
	if err != nil {
		r.violate("the incident: %v", err)
		return
	}
	if in.ID != in.Rollout || files[0] != in.Rollout+".json" || in.Registry.Result != "done" {
		r.violate("the incident %s is of %s, about rollout %s, and its registry is %q", files[0], in.ID, in.Rollout, in.Registry.Result)
	}
	if in.Times.TrafficOff == nil || in.Times.Recorded == nil || in.Times.Registry == nil {
		r.violate("the incident lacks times: %+v", in.Times)
	}
	gates := in.Gates
	if in.Cause != "operator" {
		gates = []*verdict{in.Gate}
	}
	if len(gates) == 0 {
		r.violate("the incident names no gate")
	}
	for _, g := range gates {
		c.checkGate(g, in.Cause, r)
	}
}

// checkGate: gate, values, counts and evidence are there; a gate that decided
// is over its limit.
func (c *cycle) checkGate(g *verdict, cause string, r *result) {
	switch {
	case g == nil || g.Name == "" || g.Fail == nil:
		r.violate("the incident lacks its gate or the evidence: %+v", g)
	case cause == "operator": // nothing need have been measured yet
	case g.Baseline == nil || g.Candidate == nil || g.N.Baseline == 0 || g.N.Candidate == 0:
		r.violate("the incident lacks values or counts of gate %s: %+v", g.Name, *g)
	case g.Fail.E < g.Fail.Limit:
		r.violate("gate %s decided with evidence %g below its limit %g", g.Name, g.Fail.E, g.Fail.Limit)
	}
}
