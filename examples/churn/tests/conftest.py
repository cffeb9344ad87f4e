"""A real MLflow of the line this Python has, and the programs of the example in the module path."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CHURN = Path(__file__).resolve().parents[1]
for folder in ("ml", "backend", "demo"):
    sys.path.insert(0, str(CHURN / folder))

from registry import Registry  # noqa: E402
from servers import Children, environment, start_mlflow  # noqa: E402

PYTHON = Path(sys.executable)


@pytest.fixture(scope="session")
def line() -> str:
    from importlib.metadata import version

    return version("mlflow").split(".")[0]


@pytest.fixture(scope="session")
def mode(line) -> str:
    return "stages" if line == "2" else "aliases"


@pytest.fixture(scope="session")
def children(tmp_path_factory):
    running = Children(tmp_path_factory.mktemp("logs"))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def mlflow_uri(children, line, tmp_path_factory):
    """A server for the whole session; each test takes a model name of its own."""
    os.environ.update(environment(PYTHON))
    for name in ("MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_EXPERIMENT_NAME"):
        os.environ.pop(name, None)
    return start_mlflow(children, PYTHON, tmp_path_factory.mktemp("work"), line)


@pytest.fixture
def registry(mlflow_uri, mode, monkeypatch, request):
    """The registry of a fresh model, which every program started by the test also uses."""
    model = request.node.name.replace("[", "-").replace("]", "")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_uri)
    monkeypatch.setenv("MODEL_NAME", model)
    return Registry(mlflow_uri, mode, model)


@pytest.fixture
def train(registry, capfd):
    """Trains in this process, which saves importing MLflow each time; returns the printed result."""
    import train_and_register

    def run(recipe: str, *options: str) -> dict:
        parsed = train_and_register.parse(["--model", recipe, *options])
        model, accuracy, seen = train_and_register.fit(parsed)
        run_id, version = train_and_register.log_and_register(model, accuracy, seen, parsed)
        return {"run_id": run_id, "accuracy": accuracy, "model_version": str(version)}

    return run


def program(name: str, *words: str, stdin: str | None = "", env: dict | None = None) -> subprocess.CompletedProcess:
    """Runs one of the programs in ml/ as CI does. stdin None closes it."""
    return subprocess.run(
        [sys.executable, str(CHURN / "ml" / name), *words], capture_output=True, text=True, timeout=80,
        input=stdin, env={**os.environ, **(env or {})},
    )


def only_line(text: str) -> dict:
    """The JSON object of an output that must be exactly one line."""
    assert text.count("\n") == 1 and text.endswith("\n"), f"not one line: {text!r}"
    return json.loads(text)
