"""A demonstration from an empty folder to an exit code.

Exit code 0 only when everything went as it has to. Everything started is stopped again, also on Ctrl-C;
incidents, the record and all logs stay in the working folder until the next start.
"""

import argparse
import fcntl
import os
import shutil
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

from cli import CommandFailed, Headgate
from follow import StoryFailed
from registry import MODEL, Registry, RegistryFailed
from report import Report
from server import Server
from servers import Children, ServerFailed, environment, get_json, start_backend, start_mlflow, wait_for
from stage import Stage
from traffic import Traffic
from trainer import Trainer

CHURN = Path(__file__).resolve().parents[1]
ROOT = CHURN.parents[1]
sys.path.insert(0, str(CHURN / "ml"))


@dataclass
class Demonstration:
    """What one demonstration has of its own."""

    policy: Path
    recipes: dict[str, list[str]]  # by version, see Trainer
    rate: float  # requests a second
    play: Callable[[Stage, Trainer], None]
    conclude: Callable[[Stage], None]
    env: dict = field(default_factory=dict)  # for the policy, besides what all of them get
    token: str = ""  # the one the command line signs in with; "" where the policy has none
    answered: Callable[[str, int], None] | None = None  # see Traffic


def parse(argv: list[str], what: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=what)
    parser.add_argument("--mlflow", choices=("2", "3"), default="2", help="line 2 with stages or line 3 with aliases")
    parser.add_argument("--headgate", type=Path, default=ROOT / "bin" / "headgate", help="the binary to demonstrate")
    options = parser.parse_args(argv)
    options.headgate = options.headgate.resolve()
    return options


def run(options: argparse.Namespace, make: Callable[[argparse.Namespace], Demonstration]) -> int:
    """Prepares, plays, concludes and cleans up; returns the exit code."""
    if not options.headgate.is_file():
        print(f"error: no binary at {options.headgate}", file=sys.stderr)
        print("hint: make build, or start this with make", file=sys.stderr)
        return 1
    os.environ.update(environment(Path(sys.executable)) | no_sign_in())
    demonstration = make(options)
    work = ROOT / ".demo"
    lock = prepare(work)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)
    report, children = Report(), Children(work / "logs")
    reason, stage = "", None
    try:
        stage, trainer = set_up(options, demonstration, work, children, report)
        stage.traffic.start()
        demonstration.play(stage, trainer)
    except KeyboardInterrupt as stopped:
        reason = f"stopped by {stopped or 'a signal'}"
    except (StoryFailed, ServerFailed, CommandFailed, RegistryFailed) as problem:
        reason = str(problem)
    except BaseException as problem:
        reason = f"{type(problem).__name__}: {problem}"
        raise
    finally:
        code = finish(stage, demonstration, children, report, work, reason)
        lock.close()
    return code


def prepare(work: Path):
    """Empties the working folder; the lock in it keeps a second demonstration from doing so meanwhile."""
    work.mkdir(exist_ok=True)
    lock = open(work / "lock", "w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(f"error: another demonstration is running in {work}")
    for entry in work.iterdir():
        if entry.name == "lock":
            continue
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    (work / "logs").mkdir()
    (work / "incidents").mkdir()
    return lock


def set_up(options, demonstration: Demonstration, work: Path, children: Children, report: Report) -> tuple[Stage, Trainer]:
    """Starts everything, from MLflow to Headgate, with version 1 in Production."""
    python = Path(sys.executable)
    mode = "stages" if options.mlflow == "2" else "aliases"
    report.title(f"MLflow line {options.mlflow} with {mode}, two backends, Headgate")
    mlflow = start_mlflow(children, python, work, options.mlflow)
    report.say(f"MLflow answers at {mlflow}")
    registry = Registry(mlflow, mode)
    trainer = Trainer(python, CHURN / "ml", mlflow, children, report, demonstration.recipes)
    trainer.train("1")
    registry.make_production("1")
    aliases = {"Production": "champion", "Staging": "challenger"} if mode == "aliases" else {}
    production, staging = (
        start_backend(children, python, CHURN / "backend", stage.lower(), mlflow, stage, aliases.get(stage))
        for stage in ("Production", "Staging")
    )
    wait_for(children.named("production"), lambda: get_json(f"{production}/health")[1].get("version") == "1", 60,
             "version 1")
    report.say(f"backends: production {production} serves version 1, staging {staging}")
    server = Server(children, options.headgate, demonstration.policy, work, {
        "DEMO_STATE": str(work / "data"), "DEMO_INCIDENTS": str(work / "incidents"), "DEMO_MODE": mode,
        "DEMO_PRODUCTION": production, "DEMO_STAGING": staging, "MLFLOW_TRACKING_URI": mlflow,
        **no_sign_in(), **demonstration.env,
    })
    headgate = Headgate(options.headgate, server.admin, MODEL, demonstration.token)
    server.start()
    # Ready is not yet sure of the versions: those are read from the backends every two seconds.
    server.wait(lambda: headgate.status()["baseline"]["version"] == "1", 20, "version 1 as the baseline")
    report.say(f"Headgate: traffic {server.traffic}, admin {server.admin}")
    import data

    return Stage(
        production=production, staging=staging, incident_files=work / "incidents", children=children, server=server,
        headgate=headgate, registry=registry,
        traffic=Traffic(server.traffic, data.held_out_rows(), demonstration.rate, answered=demonstration.answered),
        report=report,
    ), trainer


def no_sign_in() -> dict:
    """The demonstration's MLflow wants no sign-in; one from the caller's environment would only leak there."""
    return {name: "" for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")}


def interrupted(number, frame):
    raise KeyboardInterrupt(signal.Signals(number).name)


def finish(stage, demonstration: Demonstration, children: Children, report: Report, work: Path, reason: str) -> int:
    """Ends the traffic, says what there is to say, stops everything. Further signals are ignored."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    try:
        if stage is not None:
            stage.traffic.stop()
            if not reason.startswith("stopped"):
                report.title("result")
                demonstration.conclude(stage)
    except Exception as problem:
        reason = reason or f"{type(problem).__name__}: {problem}"
    finally:
        children.stop()
    report.section("Kept until the next start", [
        f"incidents  {work / 'incidents'}", f"record     {work / 'data'}", f"logs       {work / 'logs'}",
    ])
    wrong = ([reason] if reason else []) + [f"not so: {text}" for text in report.failed()]
    for text in wrong:
        print(f"error: {text}", file=sys.stderr)
    print(f"\n{'The demonstration failed.' if wrong else 'All as it has to be.'}  {report.now():.0f} s", flush=True)
    return 1 if wrong else 0
