"""The first version in Production: trained once, and never a second time."""

import first_version
from conftest import program


def held(mode) -> str | None:
    from mlflow import MlflowClient

    return first_version.production(MlflowClient(), first_version.tracking.model_name(), mode)


def test_first_version_is_trained_once(registry, mode):
    for says in ("is the first in production", "nothing to do"):
        done = program("first_version.py", env={"REGISTRY_MODE": mode})
        assert done.returncode == 0, done.stderr
        assert says in done.stdout
    assert registry.production() == ["1"] and list(registry.versions()) == ["1"]
    assert held(mode) == "1"


def test_crash_before_the_promotion_is_continued(registry, mode, train):
    train("logreg")  # below the gate: it never gets there
    train("boosting")
    assert held(mode) is None
    assert "version 2 of" in first_version.see_to_it(mode)
    assert registry.production() == ["2"] and list(registry.versions()) == ["1", "2"]


def test_a_version_below_the_gate_is_refused_in_words(registry, mode):
    done = program("first_version.py", env={"REGISTRY_MODE": mode, "FIRST_MODEL": "logreg"})
    assert done.returncode == 1 and "version 1 of" in done.stderr and "does not pass the gate" in done.stderr
    assert registry.production() == []


def test_unknown_mode_is_refused(registry):
    done = program("first_version.py", env={"REGISTRY_MODE": "tags"})
    assert done.returncode == 1 and 'REGISTRY_MODE is "tags"' in done.stderr
