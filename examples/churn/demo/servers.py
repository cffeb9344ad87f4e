"""Child processes of the demonstration: started in sessions of their own, always stopped as groups."""

import contextlib
import http.client
import json
import os
import random
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path


class ServerFailed(Exception):
    """A server did not come up or went away; the text holds the end of its log."""


# The UDP twin of every port that was given out: as long as this process holds it, no other demonstration or test
# is given the same port.
_held: list[socket.socket] = []


def free_port() -> int:
    """A port below those that the system gives to listeners and connections by itself, so that it stays free until a
    slow server has started."""
    for _ in range(200):
        address = ("127.0.0.1", random.randrange(20000, 30000))
        lock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            lock.bind(address)
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
        except OSError:
            lock.close()
            continue
        _held.append(lock)
        return address[1]
    raise ServerFailed("no free port found among 20000 to 29999 in 200 tries")


def get_json(url: str, timeout: float = 5, method: str = "GET") -> tuple[int, dict]:
    """Returns status and body; (0, {}) when there is no answer, or only a part of one."""
    request = urllib.request.Request(url, method=method, data=b"" if method == "POST" else None)
    try:
        with _answer(request, timeout) as answer:
            return answer.status, _object(answer.read())
    except (OSError, http.client.HTTPException, ValueError):
        return 0, {}


def _answer(request: urllib.request.Request, timeout: float):
    """The answer to read, whatever its status."""
    try:
        return urllib.request.urlopen(request, timeout=timeout)
    except urllib.error.HTTPError as refused:
        return refused


def _object(raw: bytes) -> dict:
    try:
        value = json.loads(raw)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


class Child:
    """One process with its group and its log file."""

    def __init__(self, name: str, command: list[str], log: Path, env: dict | None = None, cwd: Path | None = None,
                 stdout=None, nice: bool = False):
        self.name, self.log = name, log
        if nice:
            command = ["nice", "-n", "10", *command]
        with open(log, "ab") as out:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=stdout or out, stderr=out, cwd=cwd,
                env={**os.environ, **(env or {})}, start_new_session=True,
            )

    def alive(self) -> bool:
        return self.process.poll() is None

    def tail(self, lines: int = 15) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def signal_group(self, number: int) -> None:
        # The group outlives its leader: workers may still be there when the leader is gone.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)


class Children:
    """Everything that was started, stopped in the reverse order, exactly once."""

    def __init__(self, logs: Path):
        self.logs = logs
        self._lock = threading.Lock()
        self._children: list[Child] = []
        self._stopped = False

    def start(self, name: str, command: list[str], **options) -> Child:
        with self._lock:  # nothing may be started behind stop()'s back
            if self._stopped:
                raise ServerFailed(f"{name} is not started: everything is being stopped")
            child = Child(name, command, self.logs / f"{name}.log", **options)
            self._children.append(child)
        return child

    def named(self, name: str) -> Child:
        return next(child for child in list(self._children) if child.name == name)

    def check(self) -> None:
        """Raises when a server that should run is gone."""
        for child in list(self._children):
            code = child.process.poll()
            if code is not None and child.process.stdout is None:
                raise ServerFailed(f"{child.name} ended with exit code {code}:\n{child.tail()}")

    def forget(self, child: Child) -> None:
        with self._lock:
            if child in self._children:
                self._children.remove(child)

    def stop(self, patience_s: float = 6) -> None:
        with self._lock:
            self._stopped = True
            children, self._children = self._children[::-1], []
        for child in children:
            child.signal_group(signal.SIGTERM)
        deadline = time.monotonic() + patience_s
        for child in children:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.process.wait(max(0.1, deadline - time.monotonic()))
        for child in children:
            child.signal_group(signal.SIGKILL)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.process.wait(5)


def wait_for(child: Child, ready, timeout_s: float, what: str) -> None:
    """Polls ready() until it is true; a child that ends, or the time, is a failure with its log."""
    deadline = time.monotonic() + timeout_s
    while not ready():
        if not child.alive():
            raise ServerFailed(f"{child.name} ended before {what}:\n{child.tail()}")
        if time.monotonic() > deadline:
            raise ServerFailed(f"{child.name}: {what} not seen in {timeout_s:.0f} s:\n{child.tail()}")
        time.sleep(0.2)


def start_mlflow(children: Children, python: Path, work: Path, line: str, name: str = "mlflow") -> str:
    """Starts a real MLflow server (SQLite, artifacts proxied) and returns its address once it answers."""
    port = free_port()
    uri = f"http://127.0.0.1:{port}"
    home = work / name
    home.mkdir(parents=True, exist_ok=True)
    child = children.start(
        name,
        [str(python), "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers",
         "2" if line == "2" else "1", "--backend-store-uri", f"sqlite:///{home}/mlflow.db",
         "--artifacts-destination", str(home / "artifacts")],
        env=environment(python), cwd=home,
    )
    # The registry's own answer: /health comes up before the database does.
    search = f"{uri}/api/2.0/mlflow/registered-models/search"
    wait_for(child, lambda: get_json(search)[0] == 200, 120, "a first answer")
    return uri


def start_backend(children: Children, python: Path, code: Path, name: str, tracking_uri: str, stage: str,
                  alias: str | None, model: str = "churn-model") -> str:
    """Starts one backend and returns its address as soon as /health answers, model or not."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    env = {"MLFLOW_TRACKING_URI": tracking_uri, "MODEL_NAME": model, "MODEL_STAGE": stage, "PORT": str(port)}
    if alias:
        env["MODEL_ALIAS"] = alias
    child = children.start(
        name,
        [str(python), "-m", "gunicorn", "--config", str(code / "gunicorn.conf.py"), "app:create_app()"],
        env={**environment(python), **env},
    )
    wait_for(child, lambda: get_json(f"{url}/health")[0] in (200, 503), 30, "an answer of /health")
    return url


def environment(python: Path) -> dict:
    """What every Python child gets: its own scripts first in PATH, and no telemetry or proxy in between."""
    return {
        "PATH": f"{python.parent}:{os.environ.get('PATH', '')}",
        "PYTHONUNBUFFERED": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }
