package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/headgate/headgate/internal/admin/client"
	"github.com/headgate/headgate/internal/freeport"
)

// Patience is how long a headgate may take to be ready or to end.
const Patience = 30 * time.Second

// Headgate is the binary with a directory and ports of its own, which it keeps
// when it is killed and started again.
type Headgate struct {
	Binary, Dir, Model string
	Traffic, Admin     string // host:port
	API                *client.Client
	*Process           // nil before the first start
}

// New takes the ports; nothing is started. The caller writes Policy.
func New(binary, dir, model string) (*Headgate, error) {
	h := &Headgate{Binary: binary, Dir: dir, Model: model}
	var errs [3]error
	h.Traffic, errs[0] = freeport.TakeAddress()
	h.Admin, errs[1] = freeport.TakeAddress()
	h.API, errs[2] = client.New("http://"+h.Admin, "")
	return h, errors.Join(errs[:]...)
}

// Policy, State and Incidents are where the policy file, the journal and the
// incident files belong.
func (h *Headgate) Policy() string    { return filepath.Join(h.Dir, "policy.yaml") }
func (h *Headgate) State() string     { return filepath.Join(h.Dir, "state") }
func (h *Headgate) Incidents() string { return filepath.Join(h.Dir, "incidents") }

// Serve starts the binary and waits until it is ready.
func (h *Headgate) Serve(ctx context.Context) error {
	if err := h.Launch(); err != nil {
		return err
	}
	return h.Ready(ctx)
}

// Launch starts the binary.
func (h *Headgate) Launch() (err error) {
	h.Process, err = Start(filepath.Join(h.Dir, "headgate.log"), h.Binary, "serve", "--config", h.Policy())
	return err
}

// Ready waits until both arms were seen to be up.
func (h *Headgate) Ready(ctx context.Context) error {
	_, err := h.Await(ctx, "both arms up", Patience, func(v client.View) bool {
		up := 0
		for _, s := range v.Serving {
			if s.Up {
				up++
			}
		}
		return up == 2
	})
	return err
}

// End stops it as an operator would.
func (h *Headgate) End() error {
	if h.Process != nil && !h.Stop(Patience) {
		return fmt.Errorf("headgate did not end within %s of SIGTERM\n%s", Patience, h.Tail())
	}
	return nil
}

// WritePolicy puts the policy where Serve looks for it.
func (h *Headgate) WritePolicy(text string) error {
	return os.WriteFile(h.Policy(), []byte(text), 0o600)
}

// Await polls the status until ok. That it does not answer is an error only
// when the process has ended.
func (h *Headgate) Await(ctx context.Context, what string, limit time.Duration, ok func(client.View) bool) (v client.View, err error) {
	err = Poll(ctx, what, limit, 10*time.Millisecond, func() (bool, error) {
		var err error
		if v, err = h.API.Rollout(ctx, h.Model); err == nil {
			return ok(v), nil
		}
		select {
		case <-h.Dead:
			return false, errors.New("headgate ended by itself")
		default:
			return false, nil
		}
	})
	if err != nil {
		return v, fmt.Errorf("%w; %s is %s (%s) at %s: %s, registry %+v\n%s", err, h.Model, v.Phase, v.Reason, v.Weight, v.Message, v.Registry, h.Tail())
	}
	return v, nil
}

// Intact asks the binary whether the record is whole.
func (h *Headgate) Intact(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, h.Binary, "audit", "verify", "--dir", h.State(), "--json").Output()
	var v client.Verification
	if jsonErr := json.Unmarshal(out, &v); jsonErr != nil {
		return fmt.Errorf("audit verify: %w: %s", errors.Join(err, jsonErr), out)
	}
	if err != nil || !v.Intact {
		return fmt.Errorf("audit verify: not intact: %v (%w)", v.Problems, err)
	}
	return nil
}
