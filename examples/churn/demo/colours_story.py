"""Blue-green: production loads the new version; the colours swap their roles; they swap back. Then one command."""

import time
from dataclasses import dataclass
from pathlib import Path

import stage as common
from colours_visits import Visit, Visits, moved
from follow import StoryFailed, Watched
from servers import get_json
from stage import Stage, chapter
from trainer import Trainer

RELOAD, SWAP = "{reload: POST /reload, timeout: 60s}", "{swap: true}"
AFTER_S = 3  # users are watched for so long when a rollout is over
RECIPES = {"1": ["boosting"], "2": ["shallow-boosting"], "3": ["boosting"], "4": ["shallow-boosting"]}


@dataclass(frozen=True)
class Swap:
    """A rollout that ends with a swap: the version before it, and which address has which role then."""

    version: str
    before: str
    serving: str
    idle: str


class Story:
    def __init__(self, policy: Path):
        self._policy = policy
        self._visits: Visits | None = None

    def play(self, stage: Stage, trainer: Trainer) -> None:
        stage.report.say(f"blue is {stage.production}, green is {stage.staging}")
        self._visits = Visits(stage.server.traffic)
        self._visits.start()
        trainer.train_rest()
        trainer.wait("4")  # training is no part of what is measured
        chapter(stage, "version 2", "version 2 is tried on green, then blue loads it and users return",
                lambda: self._reloaded(stage))
        self._choose_swap(stage)
        chapter(stage, "version 3", "version 3 is tried on green, then the colours swap their roles",
                lambda: self._swapped(stage, Swap("3", before="2", serving=stage.staging, idle=stage.production)))
        chapter(stage, "version 4", "version 4 is tried on blue, which is idle now, and they swap back",
                lambda: self._swapped(stage, Swap("4", before="3", serving=stage.production, idle=stage.staging)))
        chapter(stage, "taken back", "version 4 is taken back by hand: one swap", lambda: self._taken_back(stage))

    def conclude(self, stage: Stage) -> None:
        self._visits.stop()
        failed = self._visits.failed()
        every = self._visits.count() + len(failed)
        stage.report.check(not failed, f"{len(failed)} of {every} visitors were without an answer"
                           + (f": {failed[:3]}" if failed else ""))
        failures = stage.traffic.counts.failures("candidate")
        stage.report.check(not failures, "no user request failed on the candidate arm"
                           + (f": {failures}" if failures else ""))
        common.conclude(stage)

    def _reloaded(self, stage: Stage) -> None:
        began = time.monotonic()
        common.deploy(stage, "2")
        self._roll(stage, "2")
        time.sleep(AFTER_S)
        common.promoted(stage, "2", before="1")
        seen = self._visits.since(began)
        back = next((i for i, visit in enumerate(seen) if visit.arm == "candidate"), 0)
        there = next((i for i in range(back, len(seen)) if seen[i].arm == "baseline"), len(seen))
        self._timed(stage, "users moved from blue (version 1) to green (version 2)",
                    seen[:there], ("1", "baseline"), ("2", "candidate"))
        self._timed(stage, "users returned to blue (version 2)", seen[back:], ("2", "candidate"), ("2", "baseline"))
        stage.report.check(stage.headgate.status().get("colours") is None, "the arms are as the policy names them")

    def _swapped(self, stage: Stage, swap: Swap) -> None:
        began = time.monotonic()
        self._deploy(stage, swap.version, swap.serving)
        watched = self._roll(stage, swap.version)
        time.sleep(AFTER_S)
        self._seen_by_visitors(stage, swap, self._visits.since(began))
        colours = stage.headgate.status().get("colours") or {}
        stage.report.check(colours.get("serving") == [swap.serving] and colours.get("idle") == [swap.idle],
                           f"users are on {colours.get('serving')}, idle is {colours.get('idle')}")
        for url, want in ((swap.serving, swap.version), (swap.idle, swap.before)):
            _, health = get_json(f"{url}/health")
            stage.report.check(health.get("version") == want,
                               f"{url} serves version {health.get('version')}: nothing was loaded at the swap")
        named = stage.registry.production()
        stage.report.check(named == [swap.version] and watched.production_in_bake == [swap.version],
                           f"MLflow: Production is version {', '.join(named) or 'none'}")

    def _seen_by_visitors(self, stage: Stage, swap: Swap, seen: list[Visit]) -> None:
        switched = next((i for i, visit in enumerate(seen) if visit.version == swap.version), 0)
        there = next((i for i in range(switched, len(seen)) if seen[i].arm == "baseline"), len(seen))
        tried, serves = (swap.version, "candidate"), (swap.version, "baseline")
        self._timed(stage, f"users moved from version {swap.before} to version {swap.version}",
                    seen[:there], (swap.before, "baseline"), tried)
        self._timed(stage, "the colours swapped their roles", seen[switched:], tried, serves)
        old = sum(visit.version != swap.version for visit in seen[switched:])
        stage.report.check(old == 0 and len(seen) > there > switched > 0,
                           f"{old} of {len(seen) - switched} visitors met version {swap.before} after the switch; "
                           f"{len(seen) - there} came after the swap of the roles")

    def _taken_back(self, stage: Stage) -> None:
        began = time.monotonic()
        time.sleep(1)  # some visitors before it
        stage.headgate.run("rollback", stage.headgate.model, "--reason", "complaints from support")
        stage.follower().follow("4", "rolled_back")
        time.sleep(AFTER_S)
        self._timed(stage, "users returned from version 4 to version 3",
                    self._visits.since(began), ("4", "baseline"), ("3", "baseline"))
        status = stage.follower().settled()
        colours = status.get("colours") or {}
        stage.report.check(colours.get("serving") == [stage.staging], f"users are on {colours.get('serving')}")
        common.out_of_use(stage, status, "4", production="3")

    def _timed(self, stage: Stage, what: str, seen: list[Visit], old: tuple[str, str], new: tuple[str, str]) -> None:
        took = moved(seen, old, new)
        said = "not in one move" if took is None else f"within {took * 1000:.0f} ms, between two visitors"
        stage.report.check(took is not None, f"{what}: {said}")

    def _roll(self, stage: Stage, version: str) -> Watched:
        common.start(stage, version, patience_s=30)
        follower = stage.follower()
        watched = follower.follow(version, "promoted")
        watched.status = follower.settled()
        return watched

    def _deploy(self, stage: Stage, version: str, idle: str) -> None:
        """What a deploy step does with two colours: it names the version to the backend that Headgate says is idle."""
        serving = {one["url"]: one["arm"] for one in stage.headgate.status()["serving"]}
        if serving.get(idle) != "candidate":
            raise StoryFailed(f"{idle} is not the idle colour: {serving}")
        code, answer = get_json(f"{idle}/reload?version={version}", timeout=60, method="POST")
        if code != 200 or answer.get("version") != version:
            raise StoryFailed(f"the idle colour did not load version {version}: {code} {answer}")
        if stage.registry.mode == "stages":
            stage.headgate.transition(version, "Staging")
        else:
            stage.registry.make_challenger(version)
        stage.report.say(f"version {version}  is on the idle colour, {idle}")

    def _choose_swap(self, stage: Stage) -> None:
        """Changes the policy file; Headgate looks at it every second."""
        log = stage.children.named("headgate").log
        taken = log.read_text().count("policy reloaded")
        self._policy.write_text(self._policy.read_text().replace(RELOAD, SWAP))
        deadline = time.monotonic() + 30
        while log.read_text().count("policy reloaded") == taken:
            if time.monotonic() > deadline:
                raise StoryFailed("Headgate has not taken the policy with swap: true in 30 s")
            time.sleep(0.2)
        stage.report.say("the policy says after_promote: {swap: true} now")
