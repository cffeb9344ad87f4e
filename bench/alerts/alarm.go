package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/headgate/headgate/bench/internal/daemon"
	"github.com/headgate/headgate/internal/admin/client"
	"github.com/headgate/headgate/internal/freeport"
	"github.com/headgate/headgate/internal/registry/mlflowtest"
	"github.com/headgate/headgate/rollback"
)

const alarmModel = "churn-model"

// alarmTimes are the moments of one alarm.
type alarmTimes struct {
	incident rollback.Incident
	bad      time.Time // when the candidate became slow
	last     time.Time // when it was last asked by a user
	stages   string    // what MLflow's own API says afterwards
	records  int       // lines about alerts in the journal
	taken    int       // alerts that Headgate was sent, repetitions included
}

// trafficOff is from the alert's arrival to the swap of the traffic.
func (a alarmTimes) trafficOff() time.Duration {
	return a.incident.Times.TrafficOffAt.Sub(a.incident.Alert.ReceivedAt)
}

// offWithin is the most that may pass from an alert's arrival to the traffic off,
// on a machine that does nothing else.
const offWithin = 100 * time.Millisecond

// check holds the bound.
func (a alarmTimes) check() error {
	if off := a.trafficOff(); off < 0 || off > offWithin {
		return fmt.Errorf("traffic off %s after the alert was received, wanted 0s to %s", off, offWithin)
	}
	return nil
}

func (a alarmTimes) String() string {
	t, al := a.incident.Times, a.incident.Alert
	since := func(at time.Time) string { return at.Sub(al.ReceivedAt).Round(10 * time.Microsecond).String() }
	return fmt.Sprintf(`alert %s (gate %s), sent by %s
candidate slow → rule fires        %s
rule fires → alert received        %s
alert received → decided           %s
alert received → traffic off       %s
alert received → last request      %s
alert received → in the journal    %s
alert received → registry right    %s
alert received → incident written  %s
MLflow says %s; %d alerts came, %d decision
`, al.Name(), al.Labels["gate"], al.ExternalURL, al.StartsAt.Sub(a.bad).Round(time.Millisecond), al.ReceivedAt.Sub(al.StartsAt).Round(time.Millisecond),
		since(t.DecidedAt), since(*t.TrafficOffAt), since(a.last), since(*t.RecordedAt), since(*t.RegistryAt), since(*t.IncidentAt), a.stages, a.taken, a.records)
}

// soundAlarm promotes a candidate, makes it slow in its bake, and waits for
// Prometheus, Alertmanager and Headgate to do the rest.
func soundAlarm(ctx context.Context, binary, dir string, line mlflowtest.Line) (out alarmTimes, err error) {
	if err := tools("prometheus", "promtool", "prometheus-alertmanager", "amtool"); err != nil {
		return out, err
	}
	mlflowDir := filepath.Join(dir, "mlflow")
	if err := os.MkdirAll(mlflowDir, 0o700); err != nil {
		return out, err
	}
	server, err := mlflowtest.Launch(line, mlflowDir)
	if err != nil {
		return out, err
	}
	defer server.Kill()
	reg := mlflow{server.URL}
	if err := reg.prepare(ctx, alarmModel); err != nil {
		return out, err
	}
	h, err := newHeadgate(ctx, binary, dir, alarmModel, fmt.Sprintf("{mlflow: {tracking_uri: %q, mode: stages, calls_per_second: 200}}", server.URL), "1", "2", 2*time.Second)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	watch, err := startWatch(ctx, h)
	if err != nil {
		return out, err
	}
	defer watch.close()
	u := startUsers(h.Traffic, 200)
	defer u.close()
	if _, err := h.API.Order(ctx, alarmModel, client.Command{Kind: client.Start, Version: "2", Reason: "the alarm"}); err != nil {
		return out, fmt.Errorf("start: %w", err)
	}
	if _, err := h.Await(ctx, "the bake", 60*time.Second, func(v client.View) bool { return v.Phase == "baking" }); err != nil {
		return out, err
	}
	time.Sleep(2 * time.Second) // users are served well for a while
	out.bad = time.Now()
	h.candidate.delay.Store(int64(700 * time.Millisecond))
	if _, err := h.Await(ctx, "taken back by an alert", 90*time.Second, func(v client.View) bool { return v.Phase == "rolled_back" }); err != nil {
		return out, errors.Join(err, errors.New(watch.tails()))
	}
	time.Sleep(2 * time.Second) // time for the other Alertmanager, and for requests that should not come
	if out.incident, err = h.incident(); err != nil {
		return out, err
	}
	out.last = time.Unix(0, h.candidate.last.Load())
	if out.records, err = h.records(ctx, "alert"); err != nil {
		return out, err
	}
	if out.taken, err = h.taken(ctx); err != nil {
		return out, err
	}
	out.stages, err = reg.stages(ctx, alarmModel)
	return out, err
}

// incident is the one that was written; there has to be one.
func (h *headgate) incident() (in rollback.Incident, err error) {
	files, err := filepath.Glob(filepath.Join(h.Incidents(), "*.json"))
	if err != nil || len(files) != 1 {
		return in, fmt.Errorf("%d incidents, want 1 (%w)", len(files), err)
	}
	data, err := os.ReadFile(files[0])
	if err != nil {
		return in, err
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return in, err
	}
	if in.Alert == nil || in.Times.TrafficOffAt == nil || in.Times.RecordedAt == nil || in.Times.RegistryAt == nil || in.Times.IncidentAt == nil {
		return in, fmt.Errorf("an incident without an alert or a time:\n%s", data)
	}
	return in, nil
}

// taken adds up headgate_alerts_total.
func (h *headgate) taken(ctx context.Context) (n int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+h.Admin+"/metrics", http.NoBody)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+h.token["prometheus"])
	res, err := plain.Do(req)
	if err != nil {
		return 0, err
	}
	defer func() { _ = res.Body.Close() }()
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		if series, value, ok := strings.Cut(lines.Text(), "} "); ok && strings.HasPrefix(series, "headgate_alerts_total{") {
			count, err := strconv.Atoi(value)
			if err != nil {
				return 0, err
			}
			n += count
		}
	}
	return n, nil
}

// watch is Prometheus with two Alertmanagers that know nothing of each other.
type watch struct {
	processes []*daemon.Process
	addresses []string
}

func (w *watch) close() {
	for _, p := range w.processes {
		p.Stop(daemon.Patience)
	}
}

func (w *watch) tails() string {
	var b strings.Builder
	for _, p := range w.processes {
		fmt.Fprintf(&b, "%s:\n%s\n", p.Log, p.Tail())
	}
	return b.String()
}

// startWatch lets headgate write the rules and the routes, has Prometheus's and
// Alertmanager's own tools check them, and starts all three.
func startWatch(ctx context.Context, h *headgate) (*watch, error) {
	rules, routes := filepath.Join(h.Dir, "rules.yml"), filepath.Join(h.Dir, "alertmanager.yml")
	for _, args := range [][]string{
		{h.Binary, "alerts", "generate", "--config", h.Policy(), "--prometheus-rules", rules, "--alertmanager", routes,
			"--url", "http://" + h.Admin, "--token-file", h.tokenFile("alertmanager"), "--window", "4s", "--for", "0s"},
		{"promtool", "check", "rules", rules},
		{"amtool", "check-config", routes},
	} {
		if out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, out)
		}
	}
	w := &watch{}
	for i := range 2 {
		if err := w.alertmanager(h.Dir, routes, i); err != nil {
			w.close()
			return nil, err
		}
	}
	if err := w.prometheus(ctx, h, rules); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func (w *watch) alertmanager(dir, routes string, i int) error {
	address, err := freeport.TakeAddress()
	if err != nil {
		return err
	}
	name := fmt.Sprintf("alertmanager-%d", i)
	p, err := daemon.Start(filepath.Join(dir, name+".log"), "prometheus-alertmanager", "--config.file="+routes, "--storage.path="+filepath.Join(dir, name),
		"--web.listen-address="+address, "--web.external-url=http://"+address, "--cluster.listen-address=")
	if err != nil {
		return err
	}
	w.processes, w.addresses = append(w.processes, p), append(w.addresses, address)
	return nil
}

const prometheusText = `global: {scrape_interval: 500ms, evaluation_interval: 500ms}
rule_files: [%[1]q]
alerting:
  alertmanagers:
    - static_configs: [{targets: [%[2]q, %[3]q]}]
scrape_configs:
  - job_name: headgate
    authorization: {credentials_file: %[4]q}
    static_configs: [{targets: [%[5]q]}]
`

func (w *watch) prometheus(ctx context.Context, h *headgate, rules string) error {
	address, err := freeport.TakeAddress()
	if err != nil {
		return err
	}
	file := filepath.Join(h.Dir, "prometheus.yml")
	if err := os.WriteFile(file, fmt.Appendf(nil, prometheusText, rules, w.addresses[0], w.addresses[1], h.tokenFile("prometheus"), h.Admin), 0o600); err != nil {
		return err
	}
	p, err := daemon.Start(filepath.Join(h.Dir, "prometheus.log"), "prometheus", "--config.file="+file, "--storage.tsdb.path="+filepath.Join(h.Dir, "tsdb"),
		"--web.listen-address="+address, "--log.level=warn")
	if err != nil {
		return err
	}
	w.processes = append(w.processes, p)
	for _, ready := range append(w.addresses, address) {
		if err := daemon.Poll(ctx, ready+" ready", 60*time.Second, 10*time.Millisecond, func() (bool, error) { return answers(ctx, "http://"+ready+"/-/ready"), nil }); err != nil {
			return fmt.Errorf("%w\n%s", err, w.tails())
		}
	}
	return nil
}
