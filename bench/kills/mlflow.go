package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// mlflow is a real server of ours: SQLite, artifacts through the server.
type mlflow struct {
	line, python, home string
	port               int
	process            *process
}

// startMLflow starts a server of the line and waits for its first answer.
func startMLflow(ctx context.Context, root, line, home string) (*mlflow, error) {
	python := filepath.Join(root, ".venv", "mlflow"+line, "bin", "python")
	if _, err := os.Stat(python); err != nil {
		return nil, fmt.Errorf("MLflow of line %s is not installed: run examples/churn/setup.sh %s", line, line)
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(home, 0o750); err != nil {
		return nil, fmt.Errorf("make MLflow's directory: %w", err)
	}
	m := &mlflow{line: line, python: python, home: home, port: port}
	return m, m.start(ctx)
}

func (m *mlflow) url() string { return fmt.Sprintf("http://127.0.0.1:%d", m.port) }

// start may be called again after stop: same port, same database.
func (m *mlflow) start(ctx context.Context) error {
	workers := "2"
	if m.line == "3" {
		workers = "1"
	}
	cmd := exec.Command(m.python, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", fmt.Sprint(m.port), "--workers", workers,
		"--backend-store-uri", "sqlite:///"+filepath.Join(m.home, "mlflow.db"), "--artifacts-destination", filepath.Join(m.home, "artifacts"))
	cmd.Dir = m.home
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(m.python)+":"+os.Getenv("PATH"), "PYTHONUNBUFFERED=1", "MLFLOW_DISABLE_TELEMETRY=true",
		"DO_NOT_TRACK=true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false", "NO_PROXY=127.0.0.1,localhost", "no_proxy=127.0.0.1,localhost")
	p, err := startProcess(cmd, filepath.Join(m.home, "mlflow.log"))
	if err != nil {
		return err
	}
	m.process = p
	probe := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	err = poll(ctx, 120*time.Second, 200*time.Millisecond, func() (bool, error) {
		select {
		case <-p.dead:
			return false, errors.New("mlflow ended")
		default:
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.url()+"/api/2.0/mlflow/registered-models/search", nil)
		if err != nil {
			return false, err
		}
		res, err := probe.Do(req)
		if err != nil {
			return false, nil
		}
		defer func() { _ = res.Body.Close() }()
		return res.StatusCode == http.StatusOK, nil
	})
	if err != nil {
		m.stop()
		return fmt.Errorf("start MLflow: %w\n%s", err, p.tail())
	}
	return nil
}

// stop ends the server with all of its workers.
func (m *mlflow) stop() { m.process.stop(syscall.SIGTERM, 5*time.Second) }

// ports given away by this process.
var ports sync.Map

// freePort is below the ports that outgoing connections use, so that it stays
// free while nobody listens on it.
func freePort() (int, error) {
	var last error
	for range 100 {
		port := 20000 + rand.IntN(10000)
		if _, taken := ports.LoadOrStore(port, true); taken {
			continue
		}
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			return port, l.Close()
		}
		last = err
	}
	return 0, fmt.Errorf("find a free port: %w", last)
}

// poll asks every interval until ok, an error, or the limit.
func poll(ctx context.Context, limit, every time.Duration, ok func() (bool, error)) error {
	end := time.Now().Add(limit)
	for {
		done, err := ok()
		if done || err != nil {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("not within %s", limit)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(every):
		}
	}
}

// tail is the end of a log, for error messages.
func tailOf(file string) string {
	data, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	return strings.Join(lines[max(0, len(lines)-25):], "\n")
}
