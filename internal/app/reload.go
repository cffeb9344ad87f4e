package app

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
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

// take does all that can fail first.
func (a *App) take(next *configs.Policy) error {
	a.mu.Lock()
	current := a.policy
	a.mu.Unlock()
	if err := a.allowed(current, next); err != nil {
		return err
	}
	if err := a.proxy.Reload(next.Proxy()); err != nil {
		return err
	}
	if err := a.admin.SetTokens(next.Admin.Tokens); err != nil {
		return err
	}
	a.desk.policy.Store(next)
	a.mu.Lock()
	a.policy = next
	a.mu.Unlock()
	for name, p := range next.Models {
		if m, err := a.model(name); err == nil {
			m.ctl.SetPolicy(p.Config, next.Hash(name))
		} else if err := a.addModel(name); err != nil {
			return err
		}
	}
	a.dropModels(next)
	return nil
}

// allowed refuses what a running process cannot take and what would take the
// ground from under a live rollout.
func (a *App) allowed(current, next *configs.Policy) error {
	for what, same := range map[string]bool{
		"state":        reflect.DeepEqual(current.State, next.State),
		"registry":     reflect.DeepEqual(current.Registry, next.Registry),
		"admin.listen": current.Admin.Listen == next.Admin.Listen,
	} {
		if !same {
			return &rollout.Refusal{Code: rollout.Refused, Message: what + " cannot change while headgate runs", Hint: "restart it with the new policy"}
		}
	}
	for _, v := range a.Views() {
		if name, moved := movesToIdle(current, next, v); moved {
			return &rollout.Refusal{Code: rollout.Refused, Message: fmt.Sprintf("route %s would send the users of %s to the idle colour (%s): its arms have swapped, and users are on %s", name, v.Model, strings.Join(v.Colours.Idle, " "), strings.Join(v.Colours.Serving, " ")), Hint: "name those that serve users baseline first"}
		}
		if !v.Phase.Live() {
			continue
		}
		if _, ok := next.Models[v.Model]; !ok {
			return &rollout.Refusal{Code: rollout.Refused, Message: fmt.Sprintf("model %s cannot be removed: its rollout is %s", v.Model, v.Phase), Hint: "headgate rollback or promote first"}
		}
		if !routesKept(current, next, v.Model) {
			return &rollout.Refusal{Code: rollout.Refused, Message: fmt.Sprintf("a route of %s cannot be removed or lose an arm: its rollout is %s", v.Model, v.Phase), Hint: "headgate rollback or promote first"}
		}
	}
	return nil
}

// movesToIdle finds a route whose users would be on the idle colour: a swapped one
// that loses the upstreams that serve.
func movesToIdle(current, next *configs.Policy, v rollout.View) (route string, moved bool) {
	if v.Colours == nil {
		return "", false
	}
	own := map[string]bool{}
	for _, r := range current.Routes {
		own[r.Name] = r.Model == v.Model
	}
	colours := &proxy.Colours{Serving: v.Colours.Serving, Idle: v.Colours.Idle}
	for _, r := range next.Routes {
		if r = colours.InRole(r); own[r.Name] && slices.ContainsFunc(r.Baseline.Upstreams, func(url string) bool {
			return slices.Contains(colours.Idle, url) && !slices.Contains(colours.Serving, url)
		}) {
			return r.Name, true
		}
	}
	return "", false
}

// routesKept: every route that serves a live model stays, with both arms.
func routesKept(current, next *configs.Policy, model string) bool {
	kept := map[string]bool{}
	for _, r := range next.Routes {
		kept[r.Name] = r.Model == model && r.Candidate != nil
	}
	for _, r := range current.Routes {
		if r.Model == model && r.Candidate != nil && !kept[r.Name] {
			return false
		}
	}
	return true
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
