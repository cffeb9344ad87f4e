"""Edits of the one file a person edits: the ramp and what the gates watch, in configs/compose.yaml."""

import os
import re
from pathlib import Path

# The ramp of this test: what 50 requests a second can show, in seconds instead of hours.
QUICK = """      - canary: {weight: 30%, hold: 8s}
      - canary: {weight: 60%, hold: 6s}
      - canary: {weight: 100%, hold: 4s}
      - promote: {}
      - bake: {hold: 6s}
"""
# One step that lasts, so that nothing but an alert can end it in time.
LONG = """      - canary: {weight: 30%, hold: 15m}
      - promote: {}
"""


class Policy:
    def __init__(self, path: Path):
        self._path = path

    def ramp(self, plan: str) -> None:
        """Puts another plan into the file, and a warm-up that fits it."""
        self._edit(r"(?<=    plan:\n)(?:      .*\n)+?(?=    \w)", plan)
        self._edit(r"(?m)^    warm_up: .*$", "    warm_up: 2s")

    def watch(self, gate: str, mode: str) -> None:
        """Tells one gate to act (enforce) or only to look (observe)."""
        self._edit(rf"(?m)^(      - name: {gate}\n)(?:        mode: .*\n)?", rf"\1        mode: {mode}\n")

    def _edit(self, pattern: str, by: str) -> None:
        text, found = re.subn(pattern, by, self._path.read_text(), count=1)
        if found != 1:
            raise ValueError(f"{self._path}: nothing there fits {pattern}")
        # As editors do it: a new file under the old name. A mount of the file itself would stay the old one.
        new = self._path.with_suffix(".new")
        new.write_text(text)
        os.replace(new, self._path)
