"""The backend's answers, with a registry and models that do as the test says."""

import dataclasses
import json
import threading
import time

import pytest
from app import create_app
from model import Loaded, NoModel, Settings

ROW = [0.5] * 10
SETTINGS = Settings("churn-model", "Staging", None)


class FakeModel:
    def __init__(self, predictions=(1,), raises=None):
        self.predictions, self.raises = list(predictions), raises

    def predict(self, rows):
        if self.raises:
            raise self.raises
        return self.predictions


class FakeRegistry:
    """resolve and load as configured; both can be changed while the app runs."""

    def __init__(self, version=None, model=None):
        self.version, self.model, self.gate = version, model or FakeModel(), None

    def resolve(self):
        if self.version is None:
            raise NoModel("stage Staging of churn-model is empty")
        return self.version

    def load(self, version):
        if self.gate:
            self.gate.wait(10)
        if isinstance(self.model, Exception):
            raise self.model
        return Loaded(version, self.model, 10)


def client_of(registry):
    app = create_app(SETTINGS, registry)
    client, holder = app.test_client(), app.extensions["holder"]
    deadline = time.monotonic() + 5
    while holder.problem == "not loaded yet" and time.monotonic() < deadline:
        time.sleep(0.01)
    return client


def strict(answer) -> dict:
    """The body as a strict reader sees it: NaN and Infinity are no JSON."""
    return json.loads(answer.data, parse_constant=lambda word: pytest.fail(f"a bare {word}"))


def test_health_names_what_is_served():
    answer = client_of(FakeRegistry("3")).get("/health")
    assert answer.status_code == 200
    assert strict(answer) == {"status": "ok", "model": "churn-model", "stage": "Staging", "version": "3"}


def test_empty_stage_is_503_until_reload():
    registry = FakeRegistry()
    client = client_of(registry)
    assert (client.get("/health").status_code, strict(client.get("/health"))["status"]) == (503, "no_model")
    assert client.post("/predict", json={"features": [ROW]}).status_code == 503
    assert client.post("/reload").status_code == 503
    registry.version = "1"
    assert client.get("/health").status_code == 503, "only a reload asks the registry again"
    assert strict(client.post("/reload"))["version"] == "1"
    assert client.get("/health").status_code == 200


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/x-www-form-urlencoded", None])
def test_predict_whatever_the_content_type(content_type):
    raw = json.dumps({"features": [ROW], "group": ["a"]})
    answer = client_of(FakeRegistry("3")).post("/predict", data=raw, content_type=content_type)
    assert (answer.status_code, strict(answer)) == (200, {"predictions": [1]})


def test_wrong_body_is_400_in_words():
    answer = client_of(FakeRegistry("3")).post("/predict", json={"features": [ROW, ROW[:3]]})
    assert (answer.status_code, strict(answer)) == (400, {"error": "features[1] has 3 features, wanted 10"})


def test_model_that_raises_is_500_and_short():
    registry = FakeRegistry("3", FakeModel(raises=ValueError("math domain error " + "x" * 5000)))
    answer = client_of(registry).post("/predict", json={"features": [ROW]})
    assert answer.status_code == 500 and len(answer.data) < 400
    assert strict(answer)["error"].startswith("version 3 raised ValueError: math domain error")


def test_model_with_a_record_of_its_own_is_told_of_users_and_not_of_copies():
    class Recording(FakeModel):
        kept: list = []

        def answering(self, rows, predictions):
            if rows[0][0] < 0:
                raise ValueError("no value below 0")
            self.kept.append((rows, predictions))

    client = client_of(FakeRegistry("3", Recording([1])))
    mirrored = {"X-Headgate-Shadow": "1"}
    assert client.post("/predict", json={"features": [ROW]}, headers=mirrored).status_code == 200 and not Recording.kept
    assert client.post("/predict", json={"features": [ROW]}).status_code == 200 and Recording.kept == [([ROW], [1])]
    below = {"features": [[-1.0, *ROW[1:]]]}
    assert client.post("/predict", json=below, headers=mirrored).status_code == 200
    refused = client.post("/predict", json=below)
    assert refused.status_code == 500 and "no value below 0" in strict(refused)["error"]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_prediction_that_is_no_number_is_500(value):
    answer = client_of(FakeRegistry("3", FakeModel([value]))).post("/predict", json={"features": [ROW]})
    assert answer.status_code == 500
    assert "features[0]" in strict(answer)["error"]


@pytest.mark.parametrize(("change", "code"), [
    pytest.param({"version": None}, 503, id="the stage is empty now"),
    pytest.param({"version": "4", "model": OSError("artifact store away")}, 502, id="the new version cannot be loaded"),
])
def test_failed_reload_keeps_the_old_version(change, code):
    registry = FakeRegistry("3")
    client = client_of(registry)
    for name, value in change.items():
        setattr(registry, name, value)
    answer = client.post("/reload")
    assert answer.status_code == code and strict(answer)["version"] == "3" and strict(answer)["error"]
    assert strict(client.get("/health"))["version"] == "3"
    assert client.post("/predict", json={"features": [ROW]}).status_code == 200


def test_a_deploy_step_names_the_version():
    client = client_of(FakeRegistry("3"))
    assert strict(client.post("/reload?version=7"))["version"] == "7"
    assert strict(client.get("/health"))["version"] == "7"
    for wrong in ("", "latest", "7/../8"):
        answer = client.post("/reload", query_string={"version": wrong})
        assert answer.status_code == 400 and strict(answer)["version"] == "7"
    assert strict(client.post("/reload"))["version"] == "3", "without a name the registry is asked"


def test_a_named_version_is_loaded_at_the_start():
    app = create_app(dataclasses.replace(SETTINGS, version="5"), FakeRegistry("3"))
    client, deadline = app.test_client(), time.monotonic() + 30
    while client.get("/health").status_code != 200 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert strict(client.get("/health"))["version"] == "5"


def test_reload_does_not_hold_up_predictions():
    registry = FakeRegistry("3")
    client = client_of(registry)
    registry.version, registry.gate = "4", threading.Event()
    reload = threading.Thread(target=lambda: client.application.test_client().post("/reload"))
    reload.start()
    try:
        assert client.post("/predict", json={"features": [ROW]}).status_code == 200
        assert strict(client.get("/health"))["version"] == "3"
    finally:
        registry.gate.set()
        reload.join(10)
    assert strict(client.get("/health"))["version"] == "4"


@pytest.mark.parametrize(("method", "path", "code"), [("GET", "/predict", 405), ("GET", "/nowhere", 404), ("GET", "/reload", 405)])
def test_refusals_are_json(method, path, code):
    answer = client_of(FakeRegistry("3")).open(path, method=method)
    assert answer.status_code == code and strict(answer)["error"]
