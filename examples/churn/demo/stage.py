"""What a demonstration plays on, and what every chapter of one does with it: deploy, start, look at the end."""

import json
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import incidents
from cli import REFUSED, CommandFailed
from follow import Follower, StoryFailed, Watched
from servers import get_json
from traffic import LOST


@dataclass
class Stage:
    """Everything started and everything that can be asked."""

    production: str  # the backends' addresses
    staging: str
    incident_files: Path
    children: object
    server: object  # the process of Headgate
    headgate: object  # its command line
    registry: object
    traffic: object
    report: object

    def follower(self) -> Follower:
        return Follower(self.headgate, self.report, self.children, self.registry, self.traffic)


def chapter(stage: Stage, name: str, title: str, content) -> None:
    stage.report.title(title)
    stage.traffic.counts.enter(name)
    began = stage.report.now()
    try:
        content()
    finally:
        stage.report.chapter(name, began)


def roll(stage: Stage, version: str, want: str) -> Watched:
    """Puts a version on the staging backend, starts its rollout and watches it to its end."""
    stage.traffic.counts.enter("between")
    deploy(stage, version)
    stage.traffic.counts.enter(f"version {version}")
    began = time.monotonic()
    start(stage, version)
    follower = stage.follower()
    watched = follower.follow(version, want)
    watched.phases["started"] = began
    watched.status = follower.settled()
    return watched


def deploy(stage: Stage, version: str) -> None:
    """Puts a version on the staging backend, as the registry sees it and as it is served."""
    if stage.registry.mode == "stages":
        stage.headgate.transition(version, "Staging")
    else:
        stage.registry.make_challenger(version)
    code, answer = get_json(f"{stage.staging}/reload", timeout=60, method="POST")
    if code != 200 or answer.get("version") != version:
        raise StoryFailed(f"the staging backend did not load version {version}: {code} {answer}")
    stage.report.say(f"version {version}  is on the staging backend")


def start(stage: Stage, version: str, patience_s: float = 10) -> None:
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


def taken_back(stage: Stage, version: str, gate: str, production: str = "1", arms: tuple = incidents.BOTH) -> None:
    """What has to be so after a rollback by a gate: traffic, registry, incident."""
    status = stage.headgate.status()
    stage.report.check(status.get("cause") == "gate", f"version {version} was taken back by a {status.get('cause')}")
    out_of_use(stage, status, version, production)
    path = incident(stage, version)
    if path is None:
        stage.report.check(False, f"an incident file for version {version}")
        return
    lacks = incidents.missing(path, gate, version, arms)
    said = f"lacks {'; '.join(lacks)}" if lacks else f"says {incidents.summary(path)}"
    stage.report.check(not lacks, f"the incident {said}")


def out_of_use(stage: Stage, status: dict, version: str, production: str) -> None:
    """Nobody is on the version, and MLflow names the one from before."""
    stage.report.check(status["weight"] == 0, f"the candidate's weight is {status['weight']}")
    stage.report.check(stage.registry.archived(version), f"MLflow: version {version} is archived")
    named = stage.registry.production()
    stage.report.check(named == [production], f"MLflow: Production is version {', '.join(named) or 'none'}")


def incident(stage: Stage, version: str, timeout_s: float = 10) -> Path | None:
    """The incident of this version; it is written last, so it may take a moment."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        for path in incidents.files(stage.incident_files):
            if str(json.loads(path.read_text()).get("candidate")) == version:
                return path
        time.sleep(0.2)
    return None


def promoted(stage: Stage, version: str, before: str) -> None:
    """What has to be so after a promotion: the registry, and what the production backend serves."""
    named = stage.registry.production()
    stage.report.check(named == [version], f"MLflow: Production is version {', '.join(named) or 'none'}")
    stage.report.check(stage.registry.archived(before), f"MLflow: version {before} is archived")
    _, health = get_json(f"{stage.production}/health")
    stage.report.check(health.get("version") == version, f"the production backend serves version {health.get('version')}")


def after(stage: Stage) -> None:
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


def conclude(stage: Stage, outages: tuple = ()) -> None:
    """What has to be so over the whole run, and the table. Call it when the traffic has stopped.

    `outages` names the chapters in which Headgate was killed on purpose: that nobody answered is counted apart there.
    """
    counts, report = stage.traffic.counts, stage.report
    for arm, words, apart in (("baseline", "on the baseline arm", ()), (LOST, "without an answer", outages)):
        failures = counts.failures(arm, without=apart)
        report.check(not failures, f"no user request failed {words}" + (f": {failures}" if failures else ""))
    try:
        said = stage.headgate.verify_record().splitlines()
        report.check(True, f"the record is whole: {said[-1] if said else 'verified'}")
    except (CommandFailed, subprocess.TimeoutExpired) as problem:
        report.check(False, f"the record is whole: {problem}")
    report.table(counts)
    report.section("MLflow says", stage.registry.lines())
