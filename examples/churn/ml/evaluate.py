"""Decides whether a trained version passes: accuracy against ACCURACY_THRESHOLD (0.90 unless set).

Reads the line that train_and_register.py printed (argument, else standard input) or, given --run-id
or --model-version, fetches the metric from MLflow. Prints a JSON result.
Exit codes: 0 passed, 2 did not pass, 1 could not be decided (missing, NaN, unreadable): never a pass.
"""

import argparse
import json
import math
import os
import sys

import tracking

DEFAULT_THRESHOLD = 0.90


class Undecidable(Exception):
    """There is no accuracy or no threshold to decide by."""


class Parser(argparse.ArgumentParser):
    def error(self, message):  # argparse's own exit code is 2, which here means "did not pass"
        self.print_usage(sys.stderr)
        print(f"error: {message}", file=sys.stderr)
        sys.exit(1)


def parse(argv: list[str]) -> argparse.Namespace:
    parser = Parser(description="Compare a version's accuracy with ACCURACY_THRESHOLD.")
    parser.add_argument("result", nargs="?", help="the JSON line of train_and_register.py; else standard input")
    parser.add_argument("--run-id", help="fetch the metric of this run from MLflow")
    parser.add_argument("--model-version", help="fetch the metric of this version's run from MLflow")
    options = parser.parse_args(argv)
    if options.run_id == "" or options.model_version == "":  # an unset variable in a script
        parser.error("--run-id and --model-version must not be empty")
    if options.result is not None and (options.run_id or options.model_version):
        parser.error("give the JSON or --run-id/--model-version, not both")
    return options


def share(value, what: str) -> float:
    """A number from 0 to 1; text, booleans, NaN and percentages such as 95 are refused."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Undecidable(f"{what} is {json.dumps(value)}, wanted a number from 0 to 1")
    if not math.isfinite(value) or not 0 <= value <= 1:
        raise Undecidable(f"{what} is {value}, wanted a number from 0 to 1")
    return value


def threshold() -> float:
    text = os.environ.get("ACCURACY_THRESHOLD", "").strip()
    if not text:
        return DEFAULT_THRESHOLD
    try:
        value = float(text)
    except ValueError:
        raise Undecidable(f'ACCURACY_THRESHOLD is "{text}", wanted a number from 0 to 1') from None
    return share(value, "ACCURACY_THRESHOLD")


def refuse_constant(word: str):
    raise Undecidable(f"the training result holds {word}")


def from_text(text: str) -> dict:
    try:
        result = json.loads(text, parse_constant=refuse_constant)
    except (json.JSONDecodeError, RecursionError) as problem:
        raise Undecidable(f"the training result is not JSON: {problem}") from None
    if not isinstance(result, dict):
        raise Undecidable("the training result is not a JSON object")
    if "accuracy" not in result:
        raise Undecidable("the training result has no accuracy")
    return {key: result.get(key) for key in ("accuracy", "model_version", "run_id")}


def from_mlflow(run_id: str | None, model_version: str | None) -> dict:
    tracking.require_tracking_uri()
    from mlflow import MlflowClient

    client = MlflowClient()
    name = tracking.model_name()
    if model_version:
        version = client.get_model_version(name, model_version)
        if run_id and version.run_id != run_id:
            raise Undecidable(f"version {model_version} of {name} comes from run {version.run_id}, not {run_id}")
        run_id = version.run_id
        if not run_id:
            raise Undecidable(f"version {model_version} of {name} names no run")
    else:
        found = [v for v in client.search_model_versions(f"run_id='{run_id}'") if v.name == name]
        model_version = max(found, key=lambda v: int(v.version)).version if found else None
    metrics = client.get_run(run_id).data.metrics
    if "accuracy" not in metrics:
        raise Undecidable(f"run {run_id} has no metric accuracy")
    return {"accuracy": metrics["accuracy"], "model_version": model_version, "run_id": run_id}


def read_stdin() -> str:
    if sys.stdin is None or sys.stdin.isatty():
        raise Undecidable("no training result: give it as an argument or on standard input")
    return sys.stdin.read()


def decide(options) -> dict:
    limit = threshold()
    if options.run_id or options.model_version:
        result = from_mlflow(options.run_id, options.model_version)
    else:
        result = from_text(options.result if options.result is not None else read_stdin())
    accuracy = share(result["accuracy"], "accuracy")
    return {
        "passed": accuracy >= limit,
        "accuracy": accuracy,
        "threshold": limit,
        "model_version": result["model_version"],
        "run_id": result["run_id"],
    }


def main(argv: list[str]) -> int:
    options = parse(argv)
    out = tracking.claim_stdout()
    try:
        result = decide(options)
        line = json.dumps(result, allow_nan=False)
    except Exception as problem:  # whatever went wrong, it is neither a pass nor a fail
        kind = "" if isinstance(problem, (Undecidable, ValueError)) else f"{type(problem).__name__}: "
        print(f"error: {kind}{problem}", file=sys.stderr)
        return 1
    print(line, file=out, flush=True)
    return 0 if result["passed"] else 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
