"""Checks that an incident file says what a person needs: gate, values, counts, evidence, times."""

import json
from pathlib import Path


BOTH = ("baseline", "candidate")
CANDIDATE = ("candidate",)  # of a gate that holds the candidate against a number


def files(folder: Path) -> set[Path]:
    return set(folder.glob("*.json")) if folder.is_dir() else set()


def missing(path: Path, gate: str, version: str, arms: tuple = BOTH) -> list[str]:
    """Returns what the incident lacks; an empty list is a good incident. `arms` are those the gate measures."""
    try:
        incident = json.loads(path.read_text())
    except (OSError, ValueError) as problem:
        return [f"readable JSON ({problem})"]
    lacks = []
    if incident.get("cause") != "gate":
        lacks.append(f"cause gate (it says {incident.get('cause')})")
    if str(incident.get("candidate")) != version:
        lacks.append(f"candidate {version} (it says {incident.get('candidate')})")
    failed = incident.get("gate") or {}
    if failed.get("name") != gate:
        lacks.append(f"gate {gate} (it says {failed.get('name')})")
    lacks += [f"the {arm}'s value" for arm in arms if not is_number(failed.get(arm))]
    counts = failed.get("n") or {}
    lacks += [f"the {arm}'s count" for arm in arms if not (counts.get(arm) or 0) > 0]
    evidence = failed.get("fail") or {}
    if not (is_number(evidence.get("e")) and is_number(evidence.get("limit")) and evidence["e"] >= evidence["limit"]):
        lacks.append(f"evidence over its limit (it says {evidence})")
    times = incident.get("times") or {}
    lacks += [name for name in ("decided_at", "traffic_off_at") if not times.get(name)]
    return lacks


def summary(path: Path) -> str:
    """The gate with what was measured in the stretch that convicted, and the evidence."""
    gate = json.loads(path.read_text())["gate"]
    seen = gate.get("recent") or gate
    return (f"{gate['name']}: candidate {_value(seen['candidate'])} of {seen['n']['candidate']}, "
            f"baseline {_value(seen['baseline'])} of {seen['n']['baseline']}, "
            f"evidence {gate['fail']['e']:.3g} against {gate['fail']['limit']:.3g}")


def _value(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def is_number(value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
