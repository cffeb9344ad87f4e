"""Rows B3 and B9: gunicorn serving what a real registry says, and the two versions with a fault."""

import json
import time
import urllib.error
import urllib.request

import data
import pytest
from conftest import CHURN, PYTHON
from servers import get_json, start_backend

ROW = [[0.1, 0.2, 0.0, 0.4, 0.5, 0.0, 0.2, 0.1, 0.3, 0.9]]


def predict(url: str, rows) -> tuple[int, dict]:
    request = urllib.request.Request(f"{url}/predict", data=json.dumps({"features": rows}).encode())
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as refused:
        return refused.code, json.loads(refused.read())


@pytest.fixture
def backend(registry, children, mlflow_uri, mode):
    """A production backend of the test's own model, first with nothing to serve."""
    alias = "champion" if mode == "aliases" else None
    url = start_backend(children, PYTHON, CHURN / "backend", f"backend-{registry.model}", mlflow_uri, "Production", alias,
                        model=registry.model)
    deadline = time.monotonic() + 30
    while get_json(f"{url}/health")[1].get("error") == "not loaded yet" and time.monotonic() < deadline:
        time.sleep(0.1)
    return url


def reload(url: str) -> tuple[int, dict]:
    return get_json(f"{url}/reload", timeout=30, method="POST")


def test_serves_what_the_registry_says_and_pins_it(backend, registry, train):
    code, health = get_json(f"{backend}/health")
    assert (code, health["status"]) == (503, "no_model")
    train("logreg")
    assert reload(backend)[0] == 503, "registered is not in production"

    registry.make_production("1")
    assert reload(backend)[0] == 200
    named = {"status": "ok", "model": registry.model, "stage": "Production", "version": "1"}
    assert get_json(f"{backend}/health") == (200, named)
    code, scored = predict(backend, ROW * 3)
    assert code == 200 and len(scored["predictions"]) == len(scored["probabilities"]) == 3
    assert all(value in (0, 1) for value in scored["predictions"])

    # B9: newer versions, even promoted ones, are not served before a reload.
    train("logreg")
    registry.make_production("2")
    assert get_json(f"{backend}/health")[1]["version"] == "1"
    assert reload(backend)[1]["version"] == "2"


def test_version_good_on_paper_fails_about_half_of_live_rows(backend, registry, train):
    assert train("log-boosting")["accuracy"] >= 0.90
    registry.make_production("1")
    assert reload(backend)[0] == 200
    rows = data.held_out_rows()
    codes = [predict(backend, [row])[0] for row in rows]
    assert set(codes) == {200, 500}
    assert 0.4 <= codes.count(500) / len(codes) <= 0.6
    longest = max(len(run) for run in "".join("x" if code == 500 else " " for code in codes).split())
    assert longest < 20, "twenty in a row would be the breaker's business"
    assert "math domain error" in predict(backend, [row for row in rows if row[2] < 0][:1])[1]["error"]


def test_version_that_leaks_is_fast_and_then_slow(backend, registry, train):
    assert train("pooled-boosting", "--connections", "30")["accuracy"] >= 0.90
    registry.make_production("1")
    assert reload(backend)[0] == 200

    def seconds() -> float:
        began = time.monotonic()
        assert predict(backend, ROW)[0] == 200
        return time.monotonic() - began

    assert sorted(seconds() for _ in range(30))[28] < 0.2
    assert all(seconds() > 0.2 for _ in range(5))
    assert reload(backend)[0] == 200
    assert seconds() < 0.2, "loading again starts with a full pool"
