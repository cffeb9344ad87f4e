package app

import (
	"context"
	"errors"
	"time"

	"github.com/headgate/headgate/configs"
	"github.com/headgate/headgate/internal/rollout"
	"github.com/headgate/headgate/proxy"
)

// watchEvery is how often the policy file and the contracts that it names are
// looked at; their content decides, so that a mounted file that is swapped as a
// whole is seen too.
const watchEvery = time.Second

// Reload takes the policy file as it is now. What cannot be taken is refused
// as a whole with its reasons, and the old policy stays.
func (a *App) Reload() error {
	if a.options.ConfigPath == "" {
		return &rollout.Refusal{Code: rollout.Refused, Message: "the embedded policy cannot be reloaded", Hint: "headgate serve --config FILE"}
	}
	a.reloading.Lock()
	defer a.reloading.Unlock()
	next, err := configs.Load(a.options.ConfigPath)
	if err == nil {
		err = a.take(next)
	}
	if err != nil {
		a.metrics.reloadOK.Set(0)
		a.log.Error("policy refused, the old one stays", "file", a.options.ConfigPath, "error", err)
		return err
	}
	a.metrics.reloadOK.Set(1)
	a.log.Info("policy reloaded", "file", a.options.ConfigPath)
	return nil
}

// take does all that can fail first; when it fails, everything is as it was.
func (a *App) take(next *configs.Policy) error {
	a.mu.Lock()
	current := a.policy
	a.mu.Unlock()
	if err := allowed(current, next, a.Views()); err != nil {
		return err
	}
	a.desk.policy.Store(next)
	added, err := a.install(current, next)
	if err != nil {
		a.desk.policy.Store(current)
		for _, m := range added {
			a.proxy.Assign(m.name, proxy.Assignment{})
		}
		return err
	}
	a.mu.Lock()
	a.policy = next
	a.mu.Unlock()
	for name, p := range next.Models {
		if m, err := a.model(name); err == nil {
			m.ctl.SetPolicy(p.Config, next.Hash(name))
		}
	}
	for _, m := range added {
		a.begin(m)
	}
	a.dropModels(next)
	return nil
}

// install brings the models that are new in the policy to what their journal says,
// and then their routes into the traffic: a model that comes back after its arms
// have swapped has its roles before the first request. It returns the new models,
// on an error too.
func (a *App) install(current, next *configs.Policy) (added []*model, err error) {
	for name := range next.Models {
		if _, err := a.model(name); err == nil {
			continue
		}
		m := a.newModel(name, next)
		added = append(added, m)
		if err := m.restore(); err != nil {
			return added, err
		}
		if err := allowedFor(current, next, m.ctl.View()); err != nil {
			return added, err
		}
	}
	if err := a.admin.SetTokens(next.Admin.Tokens); err != nil {
		return added, err
	}
	if err := a.proxy.Reload(next.Proxy()); err != nil {
		return added, errors.Join(err, a.admin.SetTokens(current.Admin.Tokens))
	}
	return added, nil
}

func (a *App) dropModels(next *configs.Policy) {
	for _, name := range a.names() {
		if _, ok := next.Models[name]; ok {
			continue
		}
		a.mu.Lock()
		m := a.models[name]
		delete(a.models, name)
		a.mu.Unlock()
		m.stop()
		a.proxy.Assign(name, proxy.Assignment{})
	}
}

// watchConfig reloads when the content of the policy file, or of a contract that
// it names, changes.
func (a *App) watchConfig(ctx context.Context) {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if !a.watch.Changed() {
			continue
		}
		if err := a.Reload(); err != nil {
			continue // said in the log; the next change is another try
		}
	}
}
