package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/headgate/headgate/bench/internal/daemon"
	"github.com/headgate/headgate/internal/admin/client"
	"github.com/headgate/headgate/internal/freeport"
)

// latency of every prediction, its median; the sample backends wait that long.
const latency = 20 * time.Millisecond

// rig is headgate with both backends, as processes of their own.
type rig struct {
	*daemon.Headgate
	candidate int // port
	samples   []*daemon.Process
}

func newRig(ctx context.Context, headgate, sample string) (*rig, error) {
	dir, err := os.MkdirTemp("", "headgate-live-")
	if err != nil {
		return nil, err
	}
	h, err := daemon.New(headgate, dir, "live")
	if err != nil {
		return nil, err
	}
	r := &rig{Headgate: h}
	if err := r.begin(ctx, sample); err != nil {
		r.stop(true)
		return nil, err
	}
	return r, nil
}

// begin starts the backends and headgate.
func (r *rig) begin(ctx context.Context, sample string) error {
	ports := map[string]int{}
	for _, stage := range []string{"Production", "Staging"} {
		port, err := freeport.Take()
		if err != nil {
			return err
		}
		p, err := daemon.Start(filepath.Join(r.Dir, stage+".log"), sample, "--listen", freeport.Address(port), "--stage", stage, "--latency", latency.String(), "--jitter", "0.3")
		if err != nil {
			return err
		}
		ports[stage], r.samples = port, append(r.samples, p)
	}
	r.candidate = ports["Staging"]
	if err := r.WritePolicy(fmt.Sprintf(policy, r.Traffic, r.Admin, r.State(), ports["Production"], r.candidate, r.Incidents())); err != nil {
		return err
	}
	return r.Serve(ctx)
}

// stop ends everything; the directory stays when something went wrong.
func (r *rig) stop(keep bool) {
	if r.Process != nil {
		r.Stop(daemon.Patience)
	}
	for _, p := range r.samples {
		p.Stop(daemon.Patience)
	}
	if !keep {
		_ = os.RemoveAll(r.Dir)
	}
}

// become makes the candidate's backend serve a version with a fault.
func (r *rig) become(ctx context.Context, version string, knobs url.Values) error {
	q := url.Values{"version": {version}, "latency": {latency.String()}, "jitter": {"0.3"}}
	for name, v := range knobs {
		q[name] = v
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, fmt.Sprintf("http://127.0.0.1:%d/become?%s", r.candidate, q.Encode()), http.NoBody)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(res.Body, 1000))
		return fmt.Errorf("become %s: %s %s", version, res.Status, text)
	}
	_, err = r.Await(ctx, "headgate sees version "+version, 15*time.Second, func(v client.View) bool { return len(v.Serving) == 2 && v.Serving[1].Version == version })
	return err
}

// incident is the file of a rollback.
func (r *rig) incident(rolloutID string) (map[string]any, error) {
	data, err := os.ReadFile(filepath.Join(r.Incidents(), rolloutID+".json"))
	if err != nil {
		return nil, err
	}
	var in map[string]any
	if err := json.Unmarshal(data, &in); err != nil {
		return nil, err
	}
	return in, nil
}
