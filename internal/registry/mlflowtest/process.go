package mlflowtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/headgate/headgate/internal/freeport"
)

// Line is a line of MLflow releases.
type Line int

// The lines: 2.14.3 with stages, 3.17.2 with both.
const (
	Line2 Line = 2
	Line3 Line = 3
)

func (l Line) String() string { return "mlflow" + strconv.Itoa(int(l)) }

// ready is how long a server may take to answer, on a busy machine.
const ready = 120 * time.Second

// Process is one MLflow server: SQLite and proxied artifacts in a directory.
type Process struct {
	URL  string
	dir  string
	line Line
	port int

	cmd  *exec.Cmd
	life io.Closer // the pipe whose end tells the watchdog that we are gone
}

// Launch starts a server on a free port with everything in dir and waits until
// it answers. It can be used outside tests; the caller has to Kill it.
func Launch(line Line, dir string) (*Process, error) {
	port, err := freeport.Take()
	if err != nil {
		return nil, err
	}
	p := &Process{URL: "http://" + freeport.Address(port), dir: dir, line: line, port: port}
	return p, p.Start()
}

// watchdog runs the server beside a reader of standard input: when that ends,
// because the test killed it or died itself, the whole process group is killed.
const watchdog = `"$@" & cat >/dev/null; kill -9 0`

// Start starts the server again, on the same port and database.
func (p *Process) Start() error {
	venv, err := venv(p.line)
	if err != nil {
		return err
	}
	args := []string{
		"-c", watchdog, "mlflow", filepath.Join(venv, "bin", "python"), "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", strconv.Itoa(p.port),
		"--backend-store-uri", "sqlite:///" + filepath.Join(p.dir, "mlflow.db"), "--serve-artifacts",
		"--artifacts-destination", filepath.Join(p.dir, "artifacts"), "--workers", "1",
	}
	out, err := os.OpenFile(filepath.Join(p.dir, "mlflow.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = out.Close() }() // the process has its own
	p.cmd = exec.Command("/bin/sh", args...)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = p.dir, out, out
	p.cmd.Env = append(environment(), "PATH="+filepath.Join(venv, "bin")+":"+os.Getenv("PATH"))
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if p.life, err = p.cmd.StdinPipe(); err != nil {
		return err
	}
	if err := p.cmd.Start(); err != nil {
		return err
	}
	if err := p.wait(); err != nil {
		p.Kill()
		return err
	}
	return nil
}

// environment is the test's own without what would turn MLflow elsewhere.
func environment() []string {
	var out []string
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "MLFLOW_") && !strings.HasPrefix(kv, "PATH=") && !strings.HasPrefix(kv, "PYTHON") {
			out = append(out, kv)
		}
	}
	return append(out, "GIT_PYTHON_REFRESH=quiet", "MLFLOW_DISABLE_TELEMETRY=true", "DO_NOT_TRACK=true", "PYTHONDONTWRITEBYTECODE=")
}

// Kill ends the server and everything it started, at once and without asking.
func (p *Process) Kill() {
	if p.cmd == nil || p.cmd.Process == nil {
		return
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // gone already is as good
	_ = p.cmd.Wait()                                      // killed, as it says
	_ = p.life.Close()
	p.cmd = nil
}

// wait returns when the registry answers; /health would answer too early.
func (p *Process) wait() error {
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	ctx, cancel := context.WithTimeout(context.Background(), ready)
	defer cancel()
	for {
		resp, err := client.Get(p.URL + "/api/2.0/mlflow/registered-models/search?max_results=1")
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			log, _ := os.ReadFile(filepath.Join(p.dir, "mlflow.log"))
			return fmt.Errorf("%s did not answer within %s; its log ends in:\n%s", p.line, ready, log[max(0, len(log)-3000):])
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// venv is the environment that examples/churn/setup.sh makes, below the
// repository's root.
func venv(line Line) (string, error) {
	_, file, _, ok := runtime.Caller(0)
	root, err := repository(filepath.Dir(file))
	if !ok || err != nil {
		if root, err = repository("."); err != nil {
			return "", err
		}
	}
	dir := filepath.Join(root, ".venv", line.String())
	if _, err := os.Stat(filepath.Join(dir, "bin", "python")); err != nil {
		return "", fmt.Errorf("there is no MLflow in %s: run examples/churn/setup.sh %d", dir, int(line))
	}
	return dir, nil
}

func repository(from string) (string, error) {
	dir, err := filepath.Abs(from)
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("not inside the repository")
		}
		dir = parent
	}
}
