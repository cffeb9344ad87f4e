"""Watches one rollout from its start to its end and notices when it goes another way than wanted."""

import time
from dataclasses import dataclass, field

from report import rollout_line

LONGEST_INCONCLUSIVE_S = 90  # beyond a step's hold
LONGEST_ROLLOUT_S = 240
POLL_S = 0.5
QUIET_S = 5  # a line at least this often
LIVE = ("pending", "shadowing", "progressing", "promoting", "baking", "rolling_back")
ENDED = ("promoted", "rolled_back")


class StoryFailed(Exception):
    """The demonstration did not go as it has to; the text is the reason."""


@dataclass
class Watched:
    """What was seen of a rollout: its last status and when each phase was first seen (monotonic)."""

    status: dict = field(default_factory=dict)
    phases: dict[str, float] = field(default_factory=dict)
    production_in_bake: list[str] | None = None  # what the registry named while the bake ran


class Follower:
    """Polls the status until the rollout of one version is over."""

    def __init__(self, headgate, report, children, registry, traffic):
        self._headgate, self._report, self._children = headgate, report, children
        self._registry, self._traffic = registry, traffic

    def follow(self, version: str, want: str, pauses: tuple = ()) -> Watched:
        """Watches until the rollout is over; StoryFailed unless it ends in the phase `want`."""
        watched = self.watch(version, lambda status: status["phase"] in ENDED, pauses)
        self._ended(watched.status, want)
        return watched

    def watch(self, version: str, there, pauses: tuple = ()) -> Watched:
        """Watches until there(status). An end, or a pause whose reason is none of `pauses`, before that is a failure."""
        watched, began = Watched(), time.monotonic()
        shown, shown_at, step, step_at = None, 0.0, None, began
        while True:
            self._children.check()
            status = watched.status = self._headgate.status()
            now = time.monotonic()
            if status["candidate"]["version"] != version:
                raise StoryFailed(f"the rollout is of version {status['candidate']['version']}, not {version}")
            watched.phases.setdefault(status["phase"], now)
            if status["phase"] == "baking" and watched.production_in_bake is None:
                watched.production_in_bake = self._registry.production()
            place = (status["phase"], status.get("reason"), (status.get("step") or {}).get("index"))
            if place != shown or now - shown_at >= QUIET_S:
                self._report.say(f"version {version}  {rollout_line(status)}")
                shown, shown_at = place, now
            if place[2] != step:
                step, step_at = place[2], now
            if there(status):
                return watched
            self._refuse(status, now - step_at, now - began, pauses)
            time.sleep(POLL_S)

    @staticmethod
    def _ended(status: dict, want: str) -> None:
        if status["phase"] != want:
            raise StoryFailed(f"ended {status['phase']} (cause {status.get('cause') or 'none'}), wanted {want}: "
                              f"{reasons(status)}")

    @staticmethod
    def _refuse(status: dict, in_step_s: float, in_rollout_s: float, pauses: tuple = ()) -> None:
        """Raises when waiting longer would show nothing."""
        phase, reason = status["phase"], status.get("reason")
        hold = (status.get("step") or {}).get("hold_s") or 0
        if phase in ("shadowing", "progressing") and in_step_s > hold + LONGEST_INCONCLUSIVE_S:
            raise StoryFailed(f"a step stayed inconclusive for {LONGEST_INCONCLUSIVE_S} s: {reasons(status)}")
        if in_rollout_s > LONGEST_ROLLOUT_S:
            raise StoryFailed(f"not over after {LONGEST_ROLLOUT_S} s, {phase}: {reasons(status)}")
        # After the bake the production backend is told to reload: that pause is part of the way.
        if phase not in LIVE and not (phase == "paused" and reason in ("reloading", *pauses)):
            raise StoryFailed(f"unexpectedly {phase} ({reason or status.get('cause')}): {reasons(status)}")

    def settled(self, timeout_s: float = 30) -> dict:
        """Waits until the registry has been told everything and returns the last status."""
        deadline = time.monotonic() + timeout_s
        while True:
            status = self._headgate.status()
            if not status["registry"]["pending"]:
                return status
            if time.monotonic() > deadline:
                raise StoryFailed(f"the registry was still pending after {timeout_s:.0f} s: "
                                  f"{status['registry'].get('last_error') or 'no error'}")
            time.sleep(POLL_S)


def reasons(status: dict) -> str:
    """Why a rollout stands where it stands, in the gates' own words."""
    said = [status["message"]] if status.get("message") else []
    said += [f"{gate['name']}: {gate['verdict']}, {gate.get('reason') or 'no reason'}" for gate in status.get("gates") or []]
    return "; ".join(said) or "no reason given"
