package app

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headgate/headgate/internal/admin"
	"github.com/headgate/headgate/internal/rollout"
)

// visitors are users that say which upstream answered them.
type visitors struct {
	stop   func()
	failed atomic.Int64
	mu     sync.Mutex
	since  int            // how often all was forgotten
	seen   map[string]int // by answer, to requests that have begun since then
}

// visit sends requests until the test ends; the server names its version.
func (r *rig) visit() *visitors {
	v := &visitors{seen: map[string]int{}}
	ctx, cancel := context.WithCancel(context.Background())
	client := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 8}}
	var wait sync.WaitGroup
	var user atomic.Int64
	url := "http://" + r.app.proxy.Addr().String() + "/health"
	for range 4 {
		wait.Go(func() {
			for ctx.Err() == nil {
				req, err := http.NewRequest(http.MethodGet, url, http.NoBody) //nolint:noctx // ends with its answer
				if err != nil {
					panic("BUG: " + err.Error())
				}
				req.Header.Set("X-User-Id", fmt.Sprint("v", user.Add(1)))
				v.one(client, req)
				time.Sleep(10 * time.Millisecond)
			}
		})
	}
	v.stop = sync.OnceFunc(func() { cancel(); wait.Wait(); client.CloseIdleConnections() })
	r.t.Cleanup(v.stop)
	return v
}

func (v *visitors) one(client *http.Client, req *http.Request) {
	v.mu.Lock()
	since := v.since
	v.mu.Unlock()
	res, err := client.Do(req)
	if err != nil {
		v.failed.Add(1)
		return
	}
	body, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if err != nil || res.StatusCode != http.StatusOK {
		v.failed.Add(1)
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if since == v.since {
		v.seen[string(body)]++
	}
}

// forget begins anew, with requests that begin from now on.
func (v *visitors) forget() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.since++
	v.seen = map[string]int{}
}

func (v *visitors) saw(version string) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	n := 0
	for body, times := range v.seen {
		if strings.Contains(body, fmt.Sprintf(`"version":%q`, version)) {
			n += times
		}
	}
	return n
}

// onlyFrom waits for more answers of one version, with none of another.
func (v *visitors) onlyFrom(t *testing.T, when, version string) {
	t.Helper()
	enough := v.saw(version) + 40
	for end := time.Now().Add(time.Minute); v.saw(version) < enough; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: no answers of version %s", when, version)
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for body := range v.seen {
		if !strings.Contains(body, fmt.Sprintf(`"version":%q`, version)) {
			t.Errorf("%s: %d answers %s, want version %s alone", when, v.seen[body], body, version)
		}
	}
}

func serving(v rollout.View) (out []string) {
	for _, s := range v.Serving {
		out = append(out, s.Arm.String()+" "+s.URL)
	}
	return out
}

// swapRig swaps its arms after a promotion.
func swapRig(t *testing.T) *rig {
	r := newRig(t, "1s", "1s")
	r.after = "{swap: true}"
	r.write("1s", "1s")
	return r
}

// promoteTo takes a version from its start to everyone, and holds the visitors of
// the bake and of the swap against it.
func (r *rig) promoteTo(v *visitors, version, baseline string) {
	r.t.Helper()
	r.do(rollout.Command{Kind: rollout.Start, Version: version, Baseline: baseline, By: "ann"})
	r.await("everyone on "+version, func(w rollout.View) bool { return w.Phase == rollout.Baking || w.Phase == rollout.Promoted })
	v.forget()
	r.await("promoted", phase(rollout.Promoted))
	v.onlyFrom(r.t, "from the bake to behind the swap", version)
}

func TestColoursSwapRolesAndBack(t *testing.T) {
	r := swapRig(t)
	r.boot()
	r.ready()
	stop, v := r.traffic(), r.visit()
	blue, green := r.baseline, r.candidate
	r.promoteTo(v, "2", "1")
	view := r.await("the roles in the view", func(v rollout.View) bool { return v.Colours != nil && v.Colours.Exchanged })
	if got, want := serving(view), []string{"baseline " + green.URL, "candidate " + blue.URL}; !slices.Equal(got, want) {
		t.Errorf("serving %v, want %v", got, want)
	}
	if blue.version.Load() != "1" {
		t.Error("the idle colour was told to load")
	}
	if !slices.ContainsFunc(r.app.Doctor(t.Context()), func(f admin.Finding) bool {
		return strings.Contains(f.What, "the arms have swapped") && strings.Contains(f.What, green.URL)
	}) {
		t.Error("doctor does not know of the swap")
	}
	// The next version goes to the idle colour, and the roles come back.
	blue.version.Store("3")
	r.await("version 3 seen on the idle colour", func(v rollout.View) bool { return v.Serving[1].Version == "3" && !v.Registry.Pending })
	r.promoteTo(v, "3", "")
	view = r.await("the roles in the view", func(v rollout.View) bool { return v.Colours != nil && !v.Colours.Exchanged })
	if got, want := serving(view), []string{"baseline " + blue.URL, "candidate " + green.URL}; !slices.Equal(got, want) {
		t.Errorf("serving %v, want %v", got, want)
	}
	// One command takes it back, in one swap: green still serves version 2.
	r.await("the registry's word", func(v rollout.View) bool { return !v.Registry.Pending })
	r.do(rollout.Command{Kind: rollout.Rollback, Reason: "people complain", By: "ann"})
	r.await("rolled back", phase(rollout.RolledBack))
	v.forget()
	v.onlyFrom(t, "taken back", "2")
	if b, err := r.app.book.Baseline(t.Context(), "m"); err != nil || b != "2" {
		t.Errorf("the registry's Production version is %q, %v", b, err)
	}
	v.stop()
	if failed := stop(); failed > 0 || v.failed.Load() > 0 {
		t.Errorf("%d and %d requests failed", failed, v.failed.Load())
	}
	kinds := r.kinds()
	if n := strings.Count(kinds, " swapped "); n != 3 {
		t.Errorf("%d swaps in the journal, want 3: %s", n, kinds)
	}
}

// kinds are the kinds of all records, in order.
func (r *rig) kinds() string {
	r.t.Helper()
	entries, err := r.app.JournalEntries(r.t.Context(), 1, 1000)
	if err != nil {
		r.t.Fatal(err)
	}
	out := " "
	for _, e := range entries {
		line, err := rollout.ReadLine(e.Body)
		if err != nil {
			r.t.Fatal(err)
		}
		out += line.Kind + " "
	}
	return out
}

// TestRestartsAndReloadsKeepTheRoles: neither a restart nor the policy file undoes a swap.
func TestRestartsAndReloadsKeepTheRoles(t *testing.T) {
	r := swapRig(t)
	r.boot()
	r.ready()
	stop, v := r.traffic(), r.visit()
	r.promoteTo(v, "2", "1")
	v.stop()
	stop()
	r.stopped()
	r.boot()
	r.ready()
	v = r.visit()
	v.onlyFrom(t, "after a restart", "2")

	whole, err := os.ReadFile(r.file)
	if err != nil {
		t.Fatal(err)
	}
	reload := func(edit func(string) string) error {
		if err := os.WriteFile(r.file, []byte(edit(string(whole))), 0o600); err != nil {
			t.Fatal(err)
		}
		return r.app.Reload()
	}
	if err := reload(func(s string) string { return strings.Replace(s, "timeout: 2s", "timeout: 3s", 1) }); err != nil {
		t.Fatal(err)
	}
	v.onlyFrom(t, "after a reload", "2")
	exchanged := func(s string) string {
		return strings.NewReplacer(r.baseline.URL, r.candidate.URL, r.candidate.URL, r.baseline.URL).Replace(s)
	}
	if err := reload(exchanged); err != nil { // the file says it as it is
		t.Fatal(err)
	}
	v.onlyFrom(t, "with the file as it is now", "2")
	if err := reload(func(s string) string { return s }); err != nil {
		t.Fatal(err)
	}
	other := newModelServer(t, "2") // the colour that serves moves to another address
	err = reload(func(s string) string { return strings.ReplaceAll(s, r.candidate.URL, other.URL) })
	if err != nil {
		t.Fatal(err)
	}
	v.onlyFrom(t, "with another address", "2")
	r.await("the address written down", func(v rollout.View) bool { return v.Colours.Serving[0] == other.URL })
	plain := func(s string) string { // the route without a candidate
		s = strings.ReplaceAll(s, "    candidate: {upstreams", "    #")
		return s[:strings.Index(s, "models:")]
	}
	for name, c := range map[string]struct {
		edit func(string) string
		want string
	}{
		"no candidate":               {plain, "would send the users of m to the idle colour"},
		"no candidate, another name": {func(s string) string { return strings.Replace(plain(s), "name: all", "name: every", 1) }, "would send the users of m to the idle colour"},
		"other addresses for both": {func(s string) string {
			return strings.NewReplacer(r.candidate.URL, "http://127.0.0.1:1", r.baseline.URL, "http://127.0.0.1:2").Replace(s)
		}, "keeps too few upstreams of m"},
		"copies to an arm, and no swap": {func(s string) string {
			s = strings.Replace(s, "{swap: true}", "{reload: POST /reload, timeout: 5s}", 1)
			return strings.Replace(s, "    expose_arm: true\n", fmt.Sprintf("    expose_arm: true\n    shadow: {upstreams: [%q]}\n", r.candidate.URL), 1)
		}, "shadow.upstreams names " + r.candidate.URL},
	} {
		if err := reload(c.edit); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	v.onlyFrom(t, "after refused reloads", "2")
	v.stop()
	if v.failed.Load() > 0 {
		t.Errorf("%d requests failed", v.failed.Load())
	}
}

// asks is the code that the admin side answers somebody without a token.
func (r *rig) asks(path string) int {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, "http://"+r.app.admin.Addr().String()+path, http.NoBody)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	_ = res.Body.Close()
	return res.StatusCode
}

// TestASwappedModelThatComesBackHasItsRoles: it was taken out of the file, and its
// route comes into the traffic with the roles that the journal holds.
func TestASwappedModelThatComesBackHasItsRoles(t *testing.T) {
	r := swapRig(t)
	r.boot()
	r.ready()
	stop, v := r.traffic(), r.visit()
	r.promoteTo(v, "2", "1")
	stop()
	whole, err := os.ReadFile(r.file)
	if err != nil {
		t.Fatal(err)
	}
	reload := func(text string) error {
		if err := os.WriteFile(r.file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return r.app.Reload()
	}
	out := strings.NewReplacer("    candidate: {upstreams", "    #", "    model: m\n", "", r.baseline.URL, r.candidate.URL).Replace(string(whole))
	if err := reload(out[:strings.Index(out, "models:")]); err != nil {
		t.Fatal(err)
	}
	if _, err := r.app.View("m"); err == nil {
		t.Fatal("the model is still there")
	}

	var views, wrong atomic.Int64 // from the first view of the model that comes back
	r.app.reloading.Lock()
	tell := r.app.deps.OnChange
	r.app.deps.OnChange = func(w rollout.View) {
		views.Add(1)
		if up := r.app.proxy.Health("m").Baseline.Upstreams; len(up) > 0 && up[0].URL == r.baseline.URL {
			wrong.Add(1)
		}
		tell(w)
	}
	r.app.reloading.Unlock()

	busy, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // at once
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = busy.Close() }()
	err = reload(strings.NewReplacer(
		`traffic: {listen: "127.0.0.1:0"}`, fmt.Sprintf("traffic: {listen: %q}", busy.Addr()),
		`admin: {listen: "127.0.0.1:0"}`, fmt.Sprintf(`admin: {listen: "127.0.0.1:0", tokens: [{name: ann, roles: [viewer], sha256: %q}]}`, strings.Repeat("0f", 32)),
	).Replace(string(whole)))
	if err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Fatalf("a reload onto an address in use: %v", err)
	}
	if code := r.asks("/api/v1/rollouts"); code != http.StatusOK {
		t.Errorf("the tokens of a policy that was refused are asked for: %d", code)
	}
	if _, err := r.app.View("m"); err == nil {
		t.Error("a model of a policy that was refused is there")
	}
	v.onlyFrom(t, "after a reload that failed", "2")
	if err := reload(string(whole)); err != nil {
		t.Fatal(err)
	}
	v.onlyFrom(t, "when the model is back", "2")
	if views.Load() == 0 || wrong.Load() > 0 {
		t.Errorf("the idle colour was the baseline in %d of %d views", wrong.Load(), views.Load())
	}
	w := r.await("the roles", func(v rollout.View) bool { return v.Colours != nil && v.Colours.Exchanged })
	if got, want := serving(w), []string{"baseline " + r.candidate.URL, "candidate " + r.baseline.URL}; !slices.Equal(got, want) {
		t.Errorf("serving %v, want %v", got, want)
	}
	v.stop()
	if v.failed.Load() > 0 {
		t.Errorf("%d requests failed", v.failed.Load())
	}
}
