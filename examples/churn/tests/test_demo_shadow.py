"""The parts of the shadow demonstration that need no Headgate: its policy, late labels, the models it breaks."""

import http.server
import json
import threading
from pathlib import Path

import data
import numpy as np
import pytest
import shadow_story
import train_and_register
import yaml
from labels import Labels
from report import rollout_line

DEMO = Path(shadow_story.__file__).resolve().parent
CONFIG = DEMO.parents[2] / "configs" / "shadow-approve-canary.yaml"


def policy(path: Path) -> dict:
    return yaml.safe_load(path.read_text())["models"]["churn-model"]


def kpi(gate: dict) -> tuple:
    """What a gate is about: its name, its KPI without the quantile, its comparison, and whether it holds anything up."""
    condition = (gate.get("require") or gate["rollback_when"]).split()
    return gate["name"], condition[0].split("_p")[0], condition[1], "require" in gate


def test_policy_has_the_steps_and_gates_of_the_one_it_scales():
    scaled, written = policy(DEMO / "shadow_policy.yaml"), policy(CONFIG)
    assert [list(step)[0] for step in scaled["plan"]] == [list(step)[0] for step in written["plan"]]
    assert [step["canary"]["weight"] for step in scaled["plan"] if "canary" in step] == ["5%", "50%", "100%"]
    assert [kpi(gate) for gate in scaled["gates"]] == [kpi(gate) for gate in written["gates"]]
    for one, other in zip(scaled["plan"], written["plan"], strict=True):
        kind = list(one)[0]
        timeless = [{key: value for key, value in step[kind].items() if key not in ("hold", "every", "expires")}
                    for step in (one, other)]
        assert timeless[0] == timeless[1] and one.get("on_deadline") == other.get("on_deadline")


def test_policy_is_what_the_story_tells():
    shadow, approve = (policy(DEMO / "shadow_policy.yaml")["plan"][i] for i in (0, shadow_story.APPROVAL_STEP))
    assert shadow["shadow"]["every"] == f"{shadow_story.DAY_S}s"
    assert shadow["shadow"]["hold"] == f"{shadow_story.DAY_S * shadow_story.WINDOWS}s"
    assert approve["approve"]["expires"] == approve["deadline"] == f"{shadow_story.APPROVAL_S}s"
    assert shadow_story.APPROVAL_S < shadow_story.DAY_S * shadow_story.WINDOWS, "an approval in advance has to expire"
    gates = [gate["name"] for gate in policy(DEMO / "shadow_policy.yaml")["gates"]]
    assert [broken.gate for broken in (*shadow_story.IN_SHADOW, *shadow_story.IN_CANARY)] == gates, "each gate is broken once"


class Outcomes(http.server.BaseHTTPRequestHandler):
    """Takes all but the labels of requests it does not know."""

    seen: list[dict] = []
    status = 200

    def do_POST(self):
        outcomes = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["outcomes"]
        assert self.headers["Authorization"] == "Bearer secret"
        self.seen.extend(outcomes)
        raw = json.dumps({"accepted": len(outcomes)} if self.status == 200 else {"detail": "no"}).encode()
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *words):
        pass


@pytest.fixture
def admin():
    Outcomes.seen, Outcomes.status = [], 200
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Outcomes)
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()
    thread.join()
    running.server_close()


def reported(labels: Labels, admin: str, until) -> None:
    labels.start(admin, "secret")
    for _ in range(300):
        if until():
            break
        threading.Event().wait(0.1)
    labels.stop()
    assert until()


def test_labels_are_told_late_and_in_order(admin):
    labels = Labels([0, 1], late_s=0)
    for number, row in enumerate((1, 0, 1)):
        labels.answered(f"r{number}", row)
    reported(labels, admin, lambda: labels.results["accepted"] == 3)
    assert Outcomes.seen == [{"request_id": f"r{n}", "kind": "label", "value": v} for n, v in enumerate((1, 0, 1))]
    patient = Labels([0], late_s=1000)
    patient.answered("r", 0)
    assert patient.due(0) == [], "not known yet"


def test_labels_wait_while_nobody_answers_and_say_what_is_refused(admin):
    labels = Labels([0], late_s=0)
    labels.answered("r", 0)
    batch = labels.due(float("inf"))
    labels._url, labels._token = "http://127.0.0.1:9/api/v1/outcomes", "secret"
    assert not labels._send(batch) and not labels.results, "kept for later"
    Outcomes.status = 422
    labels.answered("r", 0)
    reported(labels, admin, lambda: labels.results["refused"] == 1)
    assert labels.problem.startswith("422")


@pytest.fixture(scope="module")
def shallow():
    return fitted("shallow-boosting")


def fitted(recipe: str):
    """The model and its accuracy as CI sees it."""
    model, accuracy, _ = train_and_register.fit(train_and_register.parse(["--model", recipe]))
    assert accuracy >= 0.9, "good on paper"
    return model


def test_version_that_decides_otherwise_passes_offline_and_disagrees_live(shallow):
    model, rows = fitted("missing-means-no"), np.asarray(data.held_out_rows())
    assert np.mean(model.predict(rows) == shallow.predict(rows)) < 0.85
    assert np.array_equal(model.predict(rows), np.where(rows[:, 2] > 0, model.inner.predict(rows), 0))


def test_version_with_swapped_scores_decides_alike(shallow):
    model, rows = fitted("swapped-columns"), np.asarray(data.held_out_rows())
    assert np.array_equal(model.predict(rows), shallow.predict(rows))
    assert np.allclose(model.predict_proba(rows)[:, 1], shallow.predict_proba(rows)[:, 0])


def test_audited_version_fails_for_users_alone(shallow):
    model, rows = fitted("audit-failing"), data.held_out_rows()
    assert np.array_equal(model.predict(rows), shallow.predict(rows))
    fails = 0
    for row in rows:
        try:
            model.answering([row], [0])
        except ValueError as refused:
            fails += 1
            assert "audit table" in str(refused)
    assert 0.3 < fails / len(rows) < 0.7


def test_held_out_labels_belong_to_the_rows(shallow):
    rows, labels = data.held_out_rows(), data.held_out_labels()
    assert len(rows) == len(labels) and shallow.score(rows, labels) >= 0.9


def test_line_of_many_gates_says_what_is_waited_for():
    def gate(name, verdict="inconclusive", **more):
        return {"name": name, "verdict": verdict, "fail": {"e": 1, "limit": 600}, **more}

    gates = [gate("agreement", **{"pass": {"e": 8.09, "limit": 20}}), gate("quality"), gate("latency", "pass"),
             gate("errors", reason="not measured in a shadow step: the candidate gets copies and no users")]
    step = {"index": 0, "of": 7, "hold_s": 21, "held_s": 9.5, "windows": 3, "windows_shown": 1}
    assert rollout_line({"phase": "shadowing", "weight": 0, "step": step, "gates": gates}) == (
        "  0 %  shadowing, step 1 of 7, held 10 of 21 s, 1 of 3 windows shown  [agreement 8.09/20, quality 1/600, latency pass]")
