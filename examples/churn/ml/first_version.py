"""Sees to it that somebody is in production: the very first version, before there is anything to roll out from.

Production names a version: nothing is done. Else the newest registered version that passes the gate becomes
Production, and only when there is none a version is trained. So a second run, and one after a crash, are safe.
Environment: as train_and_register.py; FIRST_MODEL, the recipe (boosting); REGISTRY_MODE, stages or aliases.
"""

import os
import subprocess
import sys
from pathlib import Path

import tracking

BASELINE_ALIAS = "champion"


def production(client, name: str, mode: str) -> str | None:
    """The version that users should be on, as the registry names it."""
    from mlflow.exceptions import MlflowException

    if mode == "aliases":
        try:
            return str(client.get_model_version_by_alias(name, BASELINE_ALIAS).version)
        except MlflowException as problem:
            if problem.error_code in ("INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST"):
                return None
            raise
    held = [int(v.version) for v in versions(client, name) if v.current_stage == "Production"]
    return str(max(held)) if held else None


def versions(client, name: str) -> list:
    return sorted(client.search_model_versions(f"name='{name}'", max_results=10_000), key=lambda v: -int(v.version))


def passes(version: str) -> bool:
    """Whether the gate lets this version through; what cannot be decided is not a pass."""
    return program("evaluate.py", "--model-version", version) == 0


def program(name: str, *words: str) -> int:
    here = Path(__file__).resolve().parent
    return subprocess.run([sys.executable, str(here / name), *words], stdout=sys.stderr, timeout=600).returncode


def promote(client, name: str, version: str, mode: str) -> None:
    if mode == "aliases":
        client.set_registered_model_alias(name, BASELINE_ALIAS, version)
    else:
        client.transition_model_version_stage(name, version, "Production", archive_existing_versions=False)


def see_to_it(mode: str) -> str:
    """Returns what was done, in words; raises when nobody could be put into production."""
    tracking.require_tracking_uri()
    from mlflow import MlflowClient

    client, name = MlflowClient(), tracking.model_name()
    held = production(client, name, mode)
    if held:
        return f"version {held} of {name} is in production: nothing to do"
    candidates = [v.version for v in versions(client, name) if v.current_stage in (None, "None")]
    chosen = next((version for version in candidates if passes(version)), None)
    if chosen is None:
        if program("train_and_register.py", "--model", os.environ.get("FIRST_MODEL") or "boosting") != 0:
            raise RuntimeError("training failed")
        chosen = versions(client, name)[0].version
        if not passes(chosen):
            raise RuntimeError(f"version {chosen} of {name} does not pass the gate")
    promote(client, name, chosen, mode)
    return f"version {chosen} of {name} is the first in production"


def main() -> int:
    mode = os.environ.get("REGISTRY_MODE") or "stages"
    if mode not in ("stages", "aliases"):
        print(f'error: REGISTRY_MODE is "{mode}", wanted stages or aliases', file=sys.stderr)
        return 1
    try:
        print(see_to_it(mode))
    except Exception as problem:
        print(f"error: {type(problem).__name__}: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
