"""What the demonstration says: short lines while it runs, a table at the end."""

import sys
import time

from traffic import ARMS, LOST, Counts

GATES_IN_FULL = 3  # more of them do not fit into a line


class Report:
    """Prints lines with the time since the start, and remembers chapters and checks for the end."""

    def __init__(self, out=None):
        self._out, self._began = out or sys.stdout, time.monotonic()
        self.chapters: list[tuple[str, float, float]] = []
        self.checks: list[tuple[bool, str]] = []

    def now(self) -> float:
        return time.monotonic() - self._began

    def say(self, text: str) -> None:
        print(f"{self.now():6.1f}s  {text}", file=self._out, flush=True)

    def title(self, text: str) -> None:
        print(f"\n{self.now():6.1f}s  == {text}", file=self._out, flush=True)

    def chapter(self, name: str, began: float) -> None:
        self.chapters.append((name, began, self.now()))

    def check(self, good: bool, text: str) -> bool:
        """Notes one thing that had to be so; it is printed at once and again at the end."""
        self.checks.append((good, text))
        self.say(("ok      " if good else "WRONG   ") + text)
        return good

    def failed(self) -> list[str]:
        return [text for good, text in self.checks if not good]

    def table(self, counts: Counts) -> None:
        rows = [("chapter", "from", "to", "arm", "requests", "failed", "p95")]
        for name, began, ended in self.chapters:
            head = (name, f"{began:.0f}s", f"{ended:.0f}s")
            for arm in (*ARMS, LOST):
                tally = counts.tally(name, arm)
                if tally.requests == 0:
                    continue
                rows.append((*head, arm, str(tally.requests), str(tally.failures), f"{tally.p95_ms():.0f} ms"))
                head = ("", "", "")
        self._grid(rows)

    def section(self, heading: str, lines: list[str]) -> None:
        print(f"\n{heading}", file=self._out)
        for line in lines:
            print(f"  {line}", file=self._out, flush=True)

    def _grid(self, rows: list[tuple]) -> None:
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        print(file=self._out)
        for row in rows:
            cells = [cell.ljust(width) if column < 4 else cell.rjust(width)
                     for column, (cell, width) in enumerate(zip(row, widths, strict=True))]
            print("  " + "  ".join(cells).rstrip(), file=self._out, flush=True)


def rollout_line(status: dict) -> str:
    """One line of a rollout's status: where it stands and how far each gate is."""
    step = status.get("step") or {}
    where = status["phase"]
    if status.get("reason"):
        where += f" ({status['reason']})"
    if step and status["phase"] in ("shadowing", "progressing", "baking"):
        where += f", step {step['index'] + 1} of {step['of']}, held {step['held_s']:.0f} of {step['hold_s']:.0f} s"
    if step.get("windows"):
        where += f", {step.get('windows_shown', 0)} of {step['windows']} windows shown"
    gates = _gates(status.get("gates") or [])
    return f"{status['weight'] * 100:3.0f} %  {where}" + (f"  [{gates}]" if gates else "")


def _gates(gates: list[dict]) -> str:
    if len(gates) <= GATES_IN_FULL:
        return "; ".join(map(gate_text, gates))
    return ", ".join(filter(None, map(gate_brief, gates)))


def gate_brief(gate: dict) -> str:
    """What there is to wait for: the evidence of a gate that has no verdict yet, toward advancing where it can be; ""
    of one that nothing can show in this step."""
    if "not measured" in (gate.get("reason") or ""):
        return ""
    if gate["verdict"] != "inconclusive":
        return f"{gate['name']} {gate['verdict']}"
    evidence = gate.get("pass") or gate.get("fail") or {}
    return f"{gate['name']} {number(evidence.get('e', 0))}/{number(evidence.get('limit', 0))}"


def gate_text(gate: dict) -> str:
    """A gate with its evidence: E toward rolling back and toward advancing, each against its limit."""
    text = f"{gate['name']} {gate['verdict']}"
    if gate.get("carried"):
        text += " (carried)"
    for toward, word in (("fail", "rollback"), ("pass", "advance")):
        evidence = gate.get(toward)
        if evidence:
            text += f", {word} {number(evidence['e'])}/{number(evidence['limit'])}"
    return text


def number(value: float) -> str:
    return f"{value:.0e}" if value >= 1e5 else f"{value:.3g}"
