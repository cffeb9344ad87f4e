"""The demonstration itself: four versions, three rollouts, and after each of them MLflow is asked."""

import time

import incidents
from stage import Stage, after, chapter, promoted, roll, taken_back
from trainer import Trainer

VERSION_1_S = 20
OFF_WITHIN_S = 15
# Predictions until version 3 is slow. Its canary takes 10 % · 25 s + 50 % · 15 s + 100 % · 10 s of 50
# requests a second = 1,000, its bake brings 750 more: 1,400 lies between, also when the first step has
# to be held for a minute longer.
SLOW_AFTER = 1400
RECIPES = {
    "1": ["boosting"],
    "2": ["log-boosting"],
    "3": ["pooled-boosting", "--connections", str(SLOW_AFTER)],
    "4": ["shallow-boosting"],
}


def play(stage: Stage, trainer: Trainer) -> None:
    """Runs the chapters; a StoryFailed or a WRONG check makes the run fail."""
    chapter(stage, "version 1", "version 1 is in Production", lambda: _version_1(stage, trainer))
    for version, title, content in (
        ("2", "version 2 is good on paper and fails about half of the real inputs", _version_2),
        ("3", "version 3 is good in the canary and breaks in its bake", _version_3),
        ("4", "version 4 goes all the way", _version_4),
    ):
        trainer.wait(version)
        chapter(stage, f"version {version}", title, lambda: content(stage))
    after(stage)


def _version_1(stage: Stage, trainer: Trainer) -> None:
    trainer.train_rest()
    until = time.monotonic() + VERSION_1_S
    while time.monotonic() < until:
        stage.children.check()
        time.sleep(0.5)
    trainer.wait("4")
    seen = stage.traffic.counts.tally("version 1", "baseline").requests
    stage.report.check(seen >= VERSION_1_S * 25, f"version 1 answered {seen} requests")
    stage.report.check(stage.registry.production() == ["1"], "MLflow: Production is version 1")


def _version_2(stage: Stage) -> None:
    watched = roll(stage, "2", "rolled_back")
    first, last = stage.traffic.counts.span("version 2", "candidate") or (0.0, 0.0)
    since = watched.phases["started"]
    stage.report.check(0 < last - since <= OFF_WITHIN_S,
                       f"version 2 was off traffic {last - since:.1f} s after its first step began (limit {OFF_WITHIN_S} s)")
    taken_back(stage, "2", "errors")


def _version_3(stage: Stage) -> None:
    watched = roll(stage, "3", "rolled_back")
    stage.report.check("baking" in watched.phases, "version 3 was taken back in its bake")
    stage.report.check(watched.production_in_bake == ["3"],
                       f"MLflow had named version 3 before (Production in the bake: {watched.production_in_bake})")
    taken_back(stage, "3", "latency")


def _version_4(stage: Stage) -> None:
    known = incidents.files(stage.incident_files)
    roll(stage, "4", "promoted")
    promoted(stage, "4", before="1")
    stage.report.check(incidents.files(stage.incident_files) == known, "no incident for version 4")
