package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/headgate/headgate/configs"
	"github.com/headgate/headgate/internal/admin"
	"github.com/headgate/headgate/internal/journal"
	"github.com/headgate/headgate/internal/rollout"
	"github.com/headgate/headgate/proxy"
	"github.com/headgate/headgate/rollback"
)

// drainLimit bounds the graceful end of the data plane.
const drainLimit = 30 * time.Second

// Options is what the process brings beside the policy.
type Options struct {
	Log hclog.Logger
	// ConfigPath is watched for changes; "" = the embedded default, never reloaded.
	ConfigPath string
	Version    string
}

// App is a running headgate: every part, connected.
type App struct {
	log        hclog.Logger
	options    Options
	journal    *journal.Journal
	proxy      *proxy.Proxy
	admin      *admin.Server
	book       book
	desk       *desk
	recordings *recordings
	metrics    *metrics
	outcomes   *outcomes
	drills     drills
	queries    *prometheus.CounterVec // of policies to a Prometheus
	deps       rollout.Deps

	watch     *configs.Watch // nil: the embedded policy
	reloading sync.Mutex     // one reload at a time

	mu     sync.Mutex // guards what a reload changes
	policy *configs.Policy
	models map[string]*model

	running  context.Context
	stopping atomic.Bool
	teardown []func()
}

// New builds everything and binds both listeners; nothing is accepted before
// the journal has been replayed. On an error nothing stays open.
func New(p *configs.Policy, o Options) (*App, error) {
	a := &App{log: o.Log, options: o, policy: p, models: map[string]*model{}}
	if o.ConfigPath != "" {
		a.watch = configs.NewWatch(o.ConfigPath) // a change while the journal is replayed is one too
	}
	if err := a.build(); err != nil {
		a.close()
		return nil, err
	}
	return a, nil
}

func (a *App) build() error {
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	var err error
	if a.journal, err = journal.Open(a.policy.State, a.log.Named("journal")); err != nil {
		return err
	}
	a.onClose(func() { a.warn("close the journal", a.journal.Close()) })
	a.onClose(a.drills.wait.Wait) // before the journal closes
	a.recordings = newRecordings(a.policy.State, a.journal, a.log.Named("recordings"))
	if a.book, err = openBook(a.policy.Registry, a.journal, a.log.Named("registry")); err != nil {
		return err
	}
	if a.proxy, err = proxy.New(a.policy.Proxy(), proxy.Options{Log: a.log.Named("proxy"), Metrics: reg}); err != nil {
		return err
	}
	a.onClose(a.stopProxy)
	a.desk = newDesk(a.policy, a.log.Named("incidents"))
	a.onClose(a.desk.raised.Wait)
	if a.metrics, err = newMetrics(reg, a.Views); err != nil {
		return err
	}
	if a.queries, err = newQueries(reg); err != nil {
		return err
	}
	if a.outcomes, err = newOutcomes(reg, a.names, a.live); err != nil {
		return err
	}
	reload := newHook(a.proxy)
	a.deps = rollout.Deps{
		Log: a.log.Named("rollout"), Clock: time.Now, Random: rand.Reader, Journal: a.journal,
		Traffic: traffic{a.proxy}, Registry: a.book, Reloader: reload, Warmer: newWarmer(a.proxy), Incidents: a.desk, OnChange: a.changed,
		Executor: &rollback.Executor{
			Log: a.log.Named("rollback"), Clock: time.Now, Registry: a.book, Reloader: reload, Desk: a.desk, Serves: a.baselineServes,
		},
	}
	for name := range a.policy.Models {
		m := a.newModel(name, a.policy)
		if err := m.restore(); err != nil {
			return err
		}
		a.begin(m)
	}
	a.admin, err = admin.New(a.policy.Admin, a, admin.Options{Log: a.log.Named("admin"), Metrics: reg})
	return err
}

// Run serves until ctx ends, then drains.
func (a *App) Run(ctx context.Context) error {
	defer a.close()
	// Decisions go on while traffic drains: a candidate may fail until the end.
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	a.mu.Lock()
	a.running = running
	for _, m := range a.models {
		m.run(running)
	}
	a.mu.Unlock()
	failed := make(chan error, 2)
	var wait sync.WaitGroup
	wait.Go(func() { failed <- served("traffic", a.proxy.Serve()) })
	wait.Go(func() { failed <- served("admin", a.admin.Serve()) })
	if a.watch != nil {
		wait.Go(func() { a.watchConfig(running) })
	}
	wait.Go(func() { a.recordings.run(running) })
	a.log.Info("serving", "traffic", a.proxy.Addr().String(), "admin", a.admin.Addr().String(), "version", a.options.Version)
	var err error
	select {
	case <-ctx.Done():
		a.stopping.Store(true)
		a.log.Info("stopping: draining traffic")
	case err = <-failed:
	}
	err = errors.Join(err, a.drain())
	stop()
	a.stopModels()
	wait.Wait()
	return err
}

// drain lets the requests under way end; the admin side answers until then, and
// says that it is not ready.
func (a *App) drain() error {
	ctx, cancel := context.WithTimeout(context.Background(), drainLimit)
	defer cancel()
	return errors.Join(a.proxy.Shutdown(ctx), a.admin.Shutdown(ctx))
}

func (a *App) stopModels() {
	a.mu.Lock()
	models := slices.Collect(maps.Values(a.models))
	a.mu.Unlock()
	for _, m := range models { // without the lock: they report to changed
		m.stop()
	}
}

// stopProxy ends a proxy that never served.
func (a *App) stopProxy() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	a.warn("stop the proxy", a.proxy.Shutdown(ctx))
}

func (a *App) onClose(f func()) { a.teardown = append(a.teardown, f) }

func (a *App) close() {
	for _, f := range slices.Backward(a.teardown) {
		f()
	}
	a.teardown = nil
}

func (a *App) warn(what string, err error) {
	if err != nil {
		a.log.Warn(what, "error", err)
	}
}

func served(what string, err error) error {
	if err != nil {
		return fmt.Errorf("%s listener: %w", what, err)
	}
	return nil
}

// changed is told of every new view.
func (a *App) changed(v rollout.View) {
	a.metrics.changed(v)
	a.recordings.changed(v)
	a.mu.Lock()
	m := a.models[v.Model]
	a.mu.Unlock()
	if m != nil {
		m.changed(v)
	}
}

func (a *App) baselineServes(model, version string) bool {
	b := a.proxy.Health(model).Baseline
	return b.Up > 0 && (!b.Verifiable || (b.Agree && b.Version == version))
}

func (a *App) names() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Sorted(maps.Keys(a.models))
}
