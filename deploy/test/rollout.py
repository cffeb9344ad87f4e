"""Watches one rollout to a phase, and says what changes on the way."""

import time

from report import rollout_line
from stack import StackFailed

POLL_S = 0.3
QUIET_S = 6


class Follower:
    def __init__(self, stack, report):
        self._stack, self._report = stack, report

    def until(self, version: str, done, timeout_s: float, end: str = "") -> dict:
        """Polls until done(status); {} (Headgate is away) is looked over. `end` is the only end to be waited in."""
        deadline, shown, shown_at = time.monotonic() + timeout_s, None, 0.0
        while True:
            status = self._stack.status()
            now = time.monotonic()
            if status:
                if status["candidate"].get("version") != version:
                    raise StackFailed(f"the rollout is of version {status['candidate'].get('version')}, not {version}")
                where = (status["phase"], status.get("reason"), (status.get("step") or {}).get("index"))
                if where != shown or now - shown_at > QUIET_S:
                    self._report.say(f"version {version}  {rollout_line(status)}")
                    shown, shown_at = where, now
                if done(status):
                    return status
                if status["phase"] in ("promoted", "rolled_back") and status["phase"] != end:
                    raise StackFailed(f"version {version} ended {status['phase']}, cause {status.get('cause') or 'none'}")
            if now > deadline:
                raise StackFailed(f"version {version}: not there after {timeout_s:.0f} s: "
                                  f"{rollout_line(status) if status else 'Headgate is away'}")
            time.sleep(POLL_S)

    def ended(self, version: str, phase: str, timeout_s: float = 240) -> dict:
        """Follows to the end; the registry has been told everything by then."""
        return self.until(version, lambda s: s["phase"] == phase and not s["registry"]["pending"], timeout_s, phase)
