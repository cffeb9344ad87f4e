"""From copies of requests over a person's word and a canary to everyone; then the same plan, stopped at each gate."""

import time
from dataclasses import dataclass

import incidents
import stage as common
from cli import NOT_PERMITTED, REFUSED, CommandFailed, Headgate
from follow import StoryFailed
from labels import Labels
from people import Person
from stage import Stage, chapter
from traffic import ARMS, IDLE_S, LOST
from trainer import Trainer

DAY_S = 7  # `every` in shadow_policy.yaml
WINDOWS = 3
APPROVAL_S = 20  # `expires` and `deadline` there
APPROVAL_STEP, CANARY_STEP = 1, 2
OUTAGE = "killed"  # the chapter in which nobody is there to answer
RECIPES = {
    "1": ["boosting"],
    "2": ["shallow-boosting"],
    "3": ["log-boosting"],
    "4": ["pooled-boosting", "--connections", "1"],
    "5": ["missing-means-no"],
    "6": ["swapped-columns"],
    "7": ["boosting"],
    "8": ["audit-failing"],
    "9": ["audit-slow"],
}


@dataclass(frozen=True)
class Broken:
    """A version that breaks one gate's condition, and where it has to be stopped."""

    version: str
    what: str
    gate: str
    step: int
    arms: tuple = incidents.CANDIDATE


IN_SHADOW = (
    Broken("3", "version 3 fails on about half of the copies", "copies", 0),
    Broken("4", "version 4 answers copies after 300 ms", "copies-latency", 0),
    Broken("5", "version 5 decides otherwise than production on a quarter of the live rows", "agreement", 0),
    Broken("6", "version 6 decides as production does and reports the other class's score", "quality", 0),
)
IN_CANARY = (
    Broken("8", "version 8 fails for about half of the users, and on no copy", "errors", CANARY_STEP, incidents.BOTH),
    Broken("9", "version 9 lets users wait for half a second, and no copy", "latency", CANARY_STEP),
)


@dataclass
class People:
    """Who does what: `headgate` of the stage is the author's."""

    colleague: Person  # an operator
    lead: Person  # an ml-lead
    reporter: Person


class Story:
    def __init__(self, people: People, labels: Labels):
        self._people, self._labels = people, labels

    def play(self, stage: Stage, trainer: Trainer) -> None:
        stage.report.say(f"time is scaled: a day of the shadow is {DAY_S} s, the 72 h of an approval are {APPROVAL_S} s")
        self._labels.start(stage.server.admin, self._people.reporter.token)
        trainer.train_rest()
        trainer.wait("2")
        title = "version 2 is good: shadow, kill -9, approval, canary, production"
        chapter(stage, "version 2", title, lambda: self._good(stage))
        for broken in IN_SHADOW:
            trainer.wait(broken.version)
            chapter(stage, f"version {broken.version}", broken.what, lambda: self._stopped(stage, broken))
        trainer.wait("7")
        chapter(stage, "version 7", "version 7 is good and nobody approves it in time", lambda: self._unapproved(stage))
        for broken in IN_CANARY:
            trainer.wait(broken.version)
            chapter(stage, f"version {broken.version}", broken.what, lambda: self._stopped(stage, broken))
        common.after(stage)

    def conclude(self, stage: Stage) -> None:
        self._labels.stop()
        told, problem = self._labels.results, self._labels.problem
        stage.report.check(told["accepted"] > 0 and not told["refused"],
                           f"labels: {told['accepted']} counted, {told['refused']} refused {problem}".rstrip())
        common.conclude(stage, outages=(OUTAGE,))

    # The good version.

    def _good(self, stage: Stage) -> None:
        known = incidents.files(stage.incident_files)
        rollout = _begin(stage, "2")
        follower = stage.follower()
        seen = follower.watch("2", lambda status: _shown(status) == 1 and status["step"]["held_s"] > 1.5 * DAY_S)
        self._killed(stage, "2", seen.status)
        _to_approval(stage, "2", pauses=("restarted",))
        record = stage.headgate.record(rollout)
        shown = [entry["data"]["window"] for entry in record if entry["kind"] == "window_shown"]
        missed = [entry for entry in record if entry["kind"] == "window_missed"]
        stage.report.check(shown == [1, 2] and not missed,
                           f"each day was shown once, with the kill between: {shown} of {WINDOWS} (the last ended the step), "
                           f"{len(missed)} missed")
        self._approved_by_the_right_one(stage, "2")
        follower.follow("2", "promoted", pauses=("approval",))
        follower.settled()
        weights = [entry["weight"] for entry in stage.headgate.record(rollout) if entry["kind"] == "advanced"]
        stage.report.check(weights == [0, 0.05, 0.5, 1, 1], f"the candidate's share, step by step: {weights}")
        common.promoted(stage, "2", before="1")
        stage.report.check(incidents.files(stage.incident_files) == known, "no incident for version 2")

    def _killed(self, stage: Stage, version: str, before: dict) -> None:
        counts = stage.traffic.counts
        name = counts.phase()
        stage.report.say(f"kill -9 in the middle of day {_shown(before) + 1}")
        counts.enter(OUTAGE)
        time.sleep(0.3)  # what was under way belongs to the chapter before
        began, at = time.monotonic(), stage.report.now()
        stage.server.kill()
        stage.server.start()
        down = time.monotonic() - began
        status = stage.headgate.status()
        stage.report.say(f"down for {down:.1f} s")
        back = status["candidate"]["version"] == version and status["phase"] in ("shadowing", "paused")
        stage.report.check(back and status["weight"] == 0,
                           f"the rollout is back: {status['phase']} ({status.get('reason') or 'running'})")
        stage.report.check(_shown(status) == _shown(before) == 1,
                           f"the day that was shown still counts: {_shown(status)} of {WINDOWS}")
        pairs, now = _counted(before), _counted(status)
        stage.report.check(now >= pairs > 0, f"its evidence is kept: {pairs} pairs seen before, {now} after")
        time.sleep(IDLE_S)  # until no user holds a connection to the process that is gone
        stage.report.chapter(OUTAGE, at)
        counts.enter(name)
        lost = counts.tally(OUTAGE, LOST).failures
        stage.report.say(f"{lost} requests got no answer, in the time down and on old connections: there was no second replica")

    def _approved_by_the_right_one(self, stage: Stage, version: str) -> None:
        counts, name = stage.traffic.counts, stage.traffic.counts.phase()
        counts.enter("waiting")
        began = stage.report.now()
        status = stage.headgate.status()
        stage.report.check(status["weight"] == 0 and status["shadow"] == 1 and status["step"].get("role") == "ml-lead",
                           "users stay on production and copies go on while an ml-lead is waited for")
        as_colleague, as_lead = self._as(stage, self._people.colleague), self._as(stage, self._people.lead)
        _refused(stage, lambda: as_colleague.approve(version, "ml-lead", "looks fine"), NOT_PERMITTED,
                 "a colleague without the role cannot approve")
        _refused(stage, lambda: stage.headgate.approve(version, "ml-lead", "I made it"), REFUSED,
                 "the author has the role, and cannot approve")
        _refused(stage, lambda: stage.headgate.advance(), REFUSED, "nobody advances past it")
        time.sleep(2)
        stage.report.chapter("waiting", began)
        counts.enter(name)
        on = {arm: counts.tally("waiting", arm).requests for arm in ARMS}
        stage.report.check(on["baseline"] > 0 and on["candidate"] == 0, "every user was on the baseline meanwhile")
        as_lead.approve(version, "ml-lead", "looked at the differing pairs")
        stage.report.say("the lead approves: looked at the differing pairs")

    @staticmethod
    def _as(stage: Stage, person: Person) -> Headgate:
        return Headgate(stage.headgate.binary, stage.headgate.admin, stage.headgate.model, person.token)

    # The broken ones.

    def _stopped(self, stage: Stage, broken: Broken) -> None:
        """One gate's condition is broken: that gate ends the rollout in its step, and production is what it was."""
        rollout = _begin(stage, broken.version)
        if broken.step > APPROVAL_STEP:
            _to_approval(stage, broken.version)
            self._as(stage, self._people.lead).approve(broken.version, "ml-lead", "its shadow was fine")
            stage.report.say("the lead approves: its shadow was fine")
        follower = stage.follower()
        follower.follow(broken.version, "rolled_back", pauses=("approval",))
        follower.settled()
        end = next(entry for entry in stage.headgate.record(rollout) if entry["kind"] == "rolling_back")
        by = (end["data"].get("gate") or {}).get("name")
        stage.report.check(by == broken.gate and end["step"] == broken.step,
                           f"stopped at gate {by} in step {end['step'] + 1} of the plan")
        common.taken_back(stage, broken.version, broken.gate, production="2", arms=broken.arms)
        if broken.step < CANARY_STEP:
            _nobody_on(stage, broken.version)

    def _unapproved(self, stage: Stage) -> None:
        """An approval from before that has expired, then none: the deadline's rule takes the version back."""
        self._as(stage, self._people.lead).approve("7", "ml-lead", "in advance, from the offline report")
        stage.report.say(f"the lead approves in advance; that counts for {APPROVAL_S} s")
        rollout = _begin(stage, "7")
        status = _to_approval(stage, "7")
        message = status.get("message", "")
        stage.report.check("expired" in message, f"the approval in advance has expired: {message}")
        follower = stage.follower()
        follower.follow("7", "rolled_back", pauses=("approval",))
        status = follower.settled()
        stage.report.check(status.get("cause") == "deadline",
                           f"not approved within {APPROVAL_S} s: taken back by the {status.get('cause')}")
        steps = {entry["step"] for entry in stage.headgate.record(rollout)}
        stage.report.check(max(steps) == APPROVAL_STEP, f"it never came further than step {max(steps) + 1}, the approval")
        common.out_of_use(stage, status, "7", production="2")
        stage.report.check(common.incident(stage, "7") is not None, "an incident says so")
        _nobody_on(stage, "7")


def _begin(stage: Stage, version: str) -> str:
    """Deploys a version to the staging backend and starts its rollout; returns the rollout's id."""
    common.deploy(stage, version)
    common.start(stage, version)
    return stage.headgate.status()["id"]


def _to_approval(stage: Stage, version: str, pauses: tuple = ()) -> dict:
    """Watches the shadow until a person is waited for."""
    waiting = lambda status: (status["phase"], status.get("reason")) == ("paused", "approval")  # noqa: E731
    status = stage.follower().watch(version, waiting, pauses).status
    _nobody_on(stage, version)
    return status


def _nobody_on(stage: Stage, version: str) -> None:
    """No user got an answer of the candidate in this chapter."""
    requests = stage.traffic.counts.tally(stage.traffic.counts.phase(), "candidate").requests
    stage.report.check(requests == 0, f"no user was on version {version}")


def _refused(stage: Stage, act, code: int, words: str) -> None:
    try:
        act()
    except CommandFailed as refused:
        said = str(refused).splitlines()[0].partition(f"exit code {refused.code}: ")[2].removeprefix("error: ")
        stage.report.check(refused.code == code, f"{words} (exit {refused.code}): {said}")
        return
    raise StoryFailed(f"not refused: {words}")


def _shown(status: dict) -> int:
    """Days of the shadow that were shown so far."""
    return (status.get("step") or {}).get("windows_shown", 0)


def _counted(status: dict) -> int:
    """Pairs of answers that gate agreement has counted."""
    return next(gate["n"]["candidate"] for gate in status["gates"] if gate["name"] == "agreement")
