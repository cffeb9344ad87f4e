"""Row B1 with B2 on a real MLflow: the plainest recipe is registered, and refused by the gate."""

import re

import evaluate as evaluate_program
import pytest
from conftest import only_line, program
from mlflow import MlflowClient


def evaluate(*words: str, **changes):
    return program("evaluate.py", *words, **changes)


def decide(*words: str) -> dict:
    """The decision without a process around it, which would spend seconds on importing MLflow."""
    return evaluate_program.decide(evaluate_program.parse(list(words)))


def test_plainest_recipe_is_registered_and_refused(registry):
    done = program("train_and_register.py", env={"DATA_VERSION": "dvc:abc", "GIT_COMMIT": "f00d"})
    assert done.returncode == 0, done.stderr
    result = only_line(done.stdout)
    assert result["accuracy"] == 0.8975
    assert result["model_version"] == "1" and set(result) == {"run_id", "accuracy", "model_version"}

    run = MlflowClient().get_run(result["run_id"])
    assert re.fullmatch(r"candidate-\d{10}", run.info.run_name)
    assert run.data.metrics == {"accuracy": 0.8975}
    assert run.data.params["model_type"] == "logreg" and run.data.params["data_version"] == "dvc:abc"
    assert run.data.params["code_commit"] == run.data.tags["mlflow.source.git.commit"] == "f00d"
    assert registry.versions()["1"]["stage"] == "None"

    refused = {"passed": False, "threshold": 0.9, **result}
    for words, stdin in (((), done.stdout), (("--model-version", "1"), "")):
        judged = evaluate(*words, stdin=stdin)
        assert judged.returncode == 2, judged.stderr
        assert only_line(judged.stdout) == refused
    assert decide("--run-id", result["run_id"]) == refused
    assert evaluate(stdin=done.stdout, env={"ACCURACY_THRESHOLD": "0.8975"}).returncode == 0


def test_metric_that_is_missing_or_nan_is_undecidable(registry):
    client = MlflowClient()
    empty, broken = (client.create_run("0").info.run_id for _ in range(2))
    client.log_metric(broken, "accuracy", float("nan"))
    done = evaluate("--run-id", broken)
    assert (done.returncode, done.stdout) == (1, "") and "accuracy is nan" in done.stderr
    for words, says in (
        (("--run-id", empty), "has no metric accuracy"),
        (("--run-id", "0" * 32), "not found"),
        (("--model-version", "7"), "not found"),
    ):
        with pytest.raises(Exception, match=says):
            decide(*words)


def test_training_without_a_server_fails_in_words(monkeypatch):
    done = program("train_and_register.py", env={"MLFLOW_TRACKING_URI": ""})
    assert (done.returncode, done.stdout) == (1, "")
    assert "MLFLOW_TRACKING_URI is not set" in done.stderr
