"""Row B2: what the gate decides, on which input, with which exit code."""

import json

import pytest
from conftest import only_line, program

GOOD = {"run_id": "r", "accuracy": 0.93, "model_version": "3"}


def line(**changes) -> str:
    return json.dumps({**GOOD, **changes})


@pytest.mark.parametrize(("text", "env", "code"), [
    pytest.param(line(), {}, 0, id="above"),
    pytest.param(line(accuracy=0.90), {}, 0, id="exactly 0.90 passes"),
    pytest.param(line(accuracy=1), {}, 0, id="one, an integer"),
    pytest.param(line(accuracy=0.8975), {}, 2, id="the plainest recipe"),
    pytest.param(line(accuracy=0), {}, 2, id="nothing right"),
    pytest.param(line(accuracy=0.93), {"ACCURACY_THRESHOLD": "0.95"}, 2, id="threshold from the environment"),
    pytest.param(line(accuracy=0.5), {"ACCURACY_THRESHOLD": "0.5"}, 0, id="exactly the threshold"),
    pytest.param(line(accuracy=0.93), {"ACCURACY_THRESHOLD": ""}, 0, id="an empty threshold is unset"),
])
def test_decides(text, env, code):
    for words, stdin in (((text,), ""), ((), text + "\n")):
        done = program("evaluate.py", *words, stdin=stdin, env=env)
        assert done.returncode == code, done.stderr
        result = only_line(done.stdout)
        assert set(result) == {"passed", "accuracy", "threshold", "model_version", "run_id"}
        assert result["passed"] is (code == 0)
        assert (result["model_version"], result["run_id"]) == ("3", "r")


@pytest.mark.parametrize("version", ["3", 3, "003", None], ids=["string", "number", "zeros", "none"])
def test_passes_the_version_on_unchanged(version):
    result = only_line(program("evaluate.py", line(model_version=version)).stdout)
    assert result["model_version"] == version and type(result["model_version"]) is type(version)


@pytest.mark.parametrize(("words", "stdin", "env"), [
    pytest.param((), "", {}, id="nothing"),
    pytest.param(("",), "", {}, id="an empty argument"),
    pytest.param((), "Traceback (most recent call last):", {}, id="not JSON"),
    pytest.param((), line() + "\n" + line(), {}, id="two lines"),
    pytest.param(("[0.95]",), "", {}, id="a list"),
    pytest.param(("0.95",), "", {}, id="a bare number"),
    pytest.param(('{"run_id": "r", "model_version": "3"}',), "", {}, id="no accuracy"),
    pytest.param((line(accuracy=None),), "", {}, id="null"),
    pytest.param((line(accuracy="0.95"),), "", {}, id="text"),
    pytest.param((line(accuracy=True),), "", {}, id="a boolean"),
    pytest.param((line(accuracy=float("nan")),), "", {}, id="NaN"),
    pytest.param((line(accuracy="NaN"),), "", {}, id="NaN as MLflow writes it"),
    pytest.param((line(accuracy=float("inf")),), "", {}, id="Infinity"),
    pytest.param(('{"accuracy": 1e999}',), "", {}, id="a number that overflows"),
    pytest.param((line(accuracy=10**400),), "", {}, id="an integer that overflows"),
    pytest.param((line(accuracy=95),), "", {}, id="a percentage"),
    pytest.param((line(accuracy=-0.1),), "", {}, id="negative"),
    pytest.param((line(model_version=float("nan")),), "", {}, id="a version that is NaN"),
    pytest.param((line(),), "", {"ACCURACY_THRESHOLD": "high"}, id="a threshold in words"),
    pytest.param((line(),), "", {"ACCURACY_THRESHOLD": "nan"}, id="a threshold that is NaN"),
    pytest.param((line(),), "", {"ACCURACY_THRESHOLD": "90"}, id="a threshold in per cent"),
    pytest.param(("--run-id", ""), line(), {}, id="an empty run id"),
    pytest.param(("--nonsense",), line(), {}, id="an unknown flag"),
    pytest.param((line(), "--run-id", "r"), "", {}, id="both ways at once"),
    pytest.param(("--run-id", "r"), "", {"MLFLOW_TRACKING_URI": ""}, id="no tracking server"),
])
def test_undecidable_is_neither_pass_nor_fail(words, stdin, env):
    done = program("evaluate.py", *words, stdin=stdin, env=env)
    assert done.returncode == 1, done.stdout
    assert done.stdout == ""
    assert "error:" in done.stderr
