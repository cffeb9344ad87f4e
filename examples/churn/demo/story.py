"""The demonstration itself: four versions, three rollouts, and after each of them MLflow is asked."""

import json
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import incidents
from cli import REFUSED, CommandFailed
from follow import Follower, StoryFailed, Watched
from servers import environment, get_json
from traffic import LOST

VERSION_1_S = 20
OFF_WITHIN_S = 15
# Predictions until version 3 is slow. Its canary takes 10 % · 25 s + 50 % · 15 s + 100 % · 10 s of 50
# requests a second = 1,000, its bake brings 750 more: 1,400 lies between, also when the first step has
# to be held for a minute longer.
SLOW_AFTER = 1400
RECIPES = {"1": "boosting", "2": "log-boosting", "3": "pooled-boosting", "4": "shallow-boosting"}


@dataclass
class Stage:
    """What the story plays on: everything started and everything that can be asked."""

    python: Path
    churn: Path
    mlflow: str
    production: str  # the backends' addresses
    staging: str
    incident_files: Path
    children: object
    headgate: object
    registry: object
    traffic: object
    report: object


class Trainer:
    """Trains and evaluates versions one after the other, as CI would: by the programs in ml/."""

    def __init__(self, python: Path, ml: Path, mlflow: str, children, report):
        self._python, self._ml, self._children, self._report = python, ml, children, report
        self._env = {**environment(python), "MLFLOW_TRACKING_URI": mlflow, "DATA_VERSION": "dvc:demo"}
        self._done: dict[str, threading.Event] = {version: threading.Event() for version in RECIPES}
        self._problem: Exception | None = None

    def train(self, version: str) -> None:
        command = ["train_and_register.py", "--model", RECIPES[version]]
        if RECIPES[version] == "pooled-boosting":
            command += ["--connections", str(SLOW_AFTER)]
        trained = json.loads(self._program(f"train-{version}", command))
        if trained["model_version"] != version:
            raise StoryFailed(f"MLflow registered version {trained['model_version']}, wanted {version}")
        evaluated = json.loads(self._program(f"evaluate-{version}", ["evaluate.py", json.dumps(trained)]))
        self._report.say(f"version {version}  {RECIPES[version]}: accuracy {evaluated['accuracy']:.4f}, "
                         f"passes {evaluated['threshold']:.2f}")
        self._done[version].set()

    def train_rest(self) -> threading.Thread:
        """Trains versions 2 to 4 in the background."""

        def work():
            try:
                for version in ("2", "3", "4"):
                    self.train(version)
            except Exception as problem:
                self._problem = problem
            finally:
                for done in self._done.values():
                    done.set()

        thread = threading.Thread(target=work, name="train", daemon=True)
        thread.start()
        return thread

    def wait(self, version: str) -> None:
        if not self._done[version].wait(180):
            raise StoryFailed(f"version {version} was not trained in 180 s")
        if self._problem:
            raise self._problem

    def _program(self, name: str, words: list[str]) -> str:
        command = [str(self._python), str(self._ml / words[0]), *words[1:]]
        # Training must not slow down what is being measured.
        child = self._children.start(name, command, env=self._env, stdout=subprocess.PIPE, nice=True)
        out, _ = child.process.communicate(timeout=170)
        if child.process.returncode != 0:
            raise StoryFailed(f"{name} ended with exit code {child.process.returncode}:\n{child.tail()}")
        self._children.forget(child)
        return out.decode()


def play(stage: Stage, trainer: Trainer) -> None:
    """Runs the chapters; a StoryFailed or a WRONG check makes the run fail."""
    _chapter(stage, "version 1", "version 1 is in Production", lambda: _version_1(stage, trainer))
    for version, title, chapter in (
        ("2", "version 2 is good on paper and fails about half of the real inputs", _version_2),
        ("3", "version 3 is good in the canary and breaks in its bake", _version_3),
        ("4", "version 4 goes all the way", _version_4),
    ):
        trainer.wait(version)
        _chapter(stage, f"version {version}", title, lambda: chapter(stage))
    _after(stage)


def _chapter(stage: Stage, name: str, title: str, content) -> None:
    stage.report.title(title)
    stage.traffic.counts.enter(name)
    began = stage.report.now()
    try:
        content()
    finally:
        stage.report.chapter(name, began)


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
    watched = _roll(stage, "2", "rolled_back")
    first, last = stage.traffic.counts.span("version 2", "candidate") or (0.0, 0.0)
    since = watched.phases["started"]
    stage.report.check(0 < last - since <= OFF_WITHIN_S,
                       f"version 2 was off traffic {last - since:.1f} s after its first step began (limit {OFF_WITHIN_S} s)")
    _taken_back(stage, "2", "errors")


def _version_3(stage: Stage) -> None:
    watched = _roll(stage, "3", "rolled_back")
    stage.report.check("baking" in watched.phases, "version 3 was taken back in its bake")
    stage.report.check(watched.production_in_bake == ["3"],
                       f"MLflow had named version 3 before (Production in the bake: {watched.production_in_bake})")
    _taken_back(stage, "3", "latency")


def _version_4(stage: Stage) -> None:
    known = incidents.files(stage.incident_files)
    _roll(stage, "4", "promoted")
    stage.report.check(stage.registry.production() == ["4"], "MLflow: Production is version 4")
    stage.report.check(stage.registry.archived("1"), "MLflow: version 1 is archived")
    _, health = get_json(f"{stage.production}/health")
    stage.report.check(health.get("version") == "4", f"the production backend serves version {health.get('version')}")
    stage.report.check(incidents.files(stage.incident_files) == known, "no incident for version 4")


def _after(stage: Stage) -> None:
    """Users stay on the production backend: the last seconds go to nobody else."""
    stage.report.title("after the rollout")
    time.sleep(0.5)  # what was under way
    stage.traffic.counts.enter("after")
    began = stage.report.now()
    time.sleep(4)
    stage.report.chapter("after", began)
    counts = stage.traffic.counts
    stage.report.check(counts.tally("after", "baseline").requests > 0 and counts.tally("after", "candidate").requests == 0,
                       "all traffic is on the production backend")


def _roll(stage: Stage, version: str, want: str) -> Watched:
    """Puts a version on the staging backend, starts its rollout and watches it to its end."""
    stage.traffic.counts.enter("between")
    if stage.registry.mode == "stages":
        stage.headgate.transition(version, "Staging")
    else:
        stage.registry.make_challenger(version)
    code, answer = get_json(f"{stage.staging}/reload", timeout=60, method="POST")
    if code != 200 or answer.get("version") != version:
        raise StoryFailed(f"the staging backend did not load version {version}: {code} {answer}")
    stage.report.say(f"version {version}  is on the staging backend")
    stage.traffic.counts.enter(f"version {version}")
    began = time.monotonic()
    _start(stage, version)
    follower = Follower(stage.headgate, stage.report, stage.children, stage.registry, stage.traffic)
    watched = follower.follow(version, want)
    watched.phases["started"] = began
    watched.status = follower.settled()
    return watched


def _start(stage: Stage, version: str, patience_s: float = 10) -> None:
    """Headgate reads the backends' versions every 2 s: until it has seen the new one it refuses."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            stage.headgate.start(version)
            return
        except CommandFailed as refused:
            if refused.code != REFUSED or time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def _taken_back(stage: Stage, version: str, gate: str) -> None:
    """What has to be so after a rollback by a gate: traffic, registry, incident."""
    status = stage.headgate.status()
    stage.report.check(status.get("cause") == "gate", f"version {version} was taken back by a {status.get('cause')}")
    stage.report.check(status["weight"] == 0, f"the candidate's weight is {status['weight']}")
    stage.report.check(stage.registry.archived(version), f"MLflow: version {version} is archived")
    production = stage.registry.production()
    stage.report.check(production == ["1"], f"MLflow: Production is version {', '.join(production) or 'none'}")
    path = _incident(stage, version)
    if path is None:
        stage.report.check(False, f"an incident file for version {version}")
        return
    lacks = incidents.missing(path, gate, version)
    said = f"lacks {'; '.join(lacks)}" if lacks else f"says {incidents.summary(path)}"
    stage.report.check(not lacks, f"the incident {said}")


def _incident(stage: Stage, version: str, timeout_s: float = 10) -> Path | None:
    """The incident of this version; it is written last, so it may take a moment."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        for path in incidents.files(stage.incident_files):
            if str(json.loads(path.read_text()).get("candidate")) == version:
                return path
        time.sleep(0.2)
    return None


def conclude(stage: Stage) -> None:
    """What has to be so over the whole run, and the table. Call it when the traffic has stopped."""
    counts, report = stage.traffic.counts, stage.report
    for arm, words in (("baseline", "on the baseline arm"), (LOST, "without an answer")):
        failures = counts.failures(arm)
        report.check(not failures, f"no user request failed {words}" + (f": {failures}" if failures else ""))
    try:
        said = stage.headgate.verify_record().splitlines()
        report.check(True, f"the record is whole: {said[-1] if said else 'verified'}")
    except (CommandFailed, subprocess.TimeoutExpired) as problem:
        report.check(False, f"the record is whole: {problem}")
    report.table(counts)
    report.section("MLflow says", stage.registry.lines())
