"""The compose stack under traffic, from `up` to `down -v`: run by deploy/test/run, in a copy of the checkout.

story.py ROOT TRAFFIC_ADDRESS ADMIN_ADDRESS. Exit code 0 only when everything went as it has to.
"""

import json
import signal
import sys
import time
import urllib.error
import urllib.request
from datetime import datetime
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parents[1] / "examples" / "churn" / "demo"))

import policy as ramps  # noqa: E402
from policy import Policy  # noqa: E402
from report import Report  # noqa: E402
from rollout import Follower  # noqa: E402
from stack import SERVICES, Stack, StackFailed, blocks  # noqa: E402
from traffic import LOST, Traffic  # noqa: E402
from watch import Watcher  # noqa: E402

RATE = 50
ARRIVED = "the alert reached Headgate"
# From the end of Headgate's process to users being answered again: the engine's restart, the record, the probes.
BACK_WITHIN_S = 15


class Story:
    """The chapters share a stack, its policy file, the users and MLflow's word."""

    def __init__(self, root: Path, traffic: str, admin: str, report: Report):
        self.report = report
        self.stack = Stack(root, report, traffic, admin)
        self.policy = Policy(root / "configs" / "compose.yaml")
        self.up, self.rollout, self.down = blocks(root / "README.md")
        self.users: Traffic | None = None
        self.watcher: Watcher | None = None
        self.offset = time.time() - time.monotonic()  # of the users' clock from everybody's
        self.times: list[str] = []  # for the end, where they are looked for

    def check(self, good: bool, text: str) -> None:
        if not self.report.check(bool(good), text):
            raise StackFailed(f"not so: {text}")

    # -- chapters

    def starts(self) -> None:
        """README's first block, and what the stack is made of."""
        export, *rest = self.up
        self.stack.line(export)
        config = self.stack.run(["docker", "compose", "config", "--quiet"], 60, (0,))
        self.check(not (config.stdout + config.stderr).strip(), "docker compose config says nothing: it is clean")
        for line in rest[:-1]:
            self.stack.line(line, timeout=1800)
        self.check(len(json.loads(self.stack.line(rest[-1]))["predictions"]) == 1, "a user gets a prediction")
        self._is_locked_up()
        self.watcher = Watcher(self.stack)
        self.watcher.wait({"1": "Production"}, 20)
        self.check(True, "MLflow: Production is version 1")

    def _is_locked_up(self) -> None:
        """Users, file systems, limits, ports: of the running containers, not of the file."""
        wrong = []
        for service in SERVICES:
            told = self.stack.container(service)
            host, user = told["HostConfig"], told["Config"]["User"]
            wrong += [f"{service}: {what}" for what, bad in (
                ("runs as root", user.split(":")[0] in ("", "0", "root")),
                ("its root file system can be written", not host["ReadonlyRootfs"]),
                ("no limit of memory", not host["Memory"]),
                ("no limit of processes", not host["PidsLimit"]),
                ("comes not back by itself", host["RestartPolicy"]["Name"] != "unless-stopped"),
                ("not healthy", told["State"].get("Health", {}).get("Status") != "healthy"),
                ("publishes a port", service != "headgate" and any(host["PortBindings"].values())),
                ("a secret in its environment", any("PASSWORD=" in v or "TOKEN=" in v for v in told["Config"]["Env"])),
            ) if bad]
        self.check(not wrong, "non-root, read-only, limited, healthy, and only Headgate publishes ports" + "".join(f"; {w}" for w in wrong))
        self._is_shut_in()

    def _is_shut_in(self) -> None:
        """All but Headgate are on internal networks alone, and see only who they have to."""
        for service in SERVICES:
            networks = self.stack.container(service)["NetworkSettings"]["Networks"]
            told = json.loads(self.stack.docker("network", "inspect", *networks))
            outside = [n["Name"] for n in told if not n["Internal"]]
            if bool(outside) != (service == "headgate"):
                self.check(False, f"{service} is on networks with a way out: {outside}")
        self.check(True, "only Headgate is on a network with a way in or out")
        name = "import socket\ntry: print(socket.gethostbyname('{}'))\nexcept OSError: print('unknown')"
        for host, known in (("mlflow", True), ("postgres", False)):
            said = self.stack.compose("exec", "-T", "production", "python", "-c", name.format(host)).strip()
            self.check((said != "unknown") == known, f"the backends {'know' if known else 'do not know'} {host}")

    def traffic_begins(self) -> None:
        rows = self.stack.compose("run", "--rm", "--no-deps", "-T", "training", "-c",
                                  "import data, json; print(json.dumps(data.held_out_rows()))")
        self.users = Traffic(self.stack.traffic, json.loads(rows), RATE)
        self.users.counts.enter("before")
        self.users.start()

    def good(self, version: str, recipe: str) -> None:
        """A good candidate goes by the ramp that stands in the file."""
        self.policy.ramp(ramps.QUICK)
        self._start(version, recipe)
        step = self.stack.status()["step"]
        self.check(step["hold_s"] == 8 and step["weight"] == 0.3, "the rollout goes by the ramp that the file has now")
        Follower(self.stack, self.report).ended(version, "promoted")
        self.watcher.wait({version: "Production", "1": "Archived"}, 20)
        self.check(self.watcher.production() == [version], f"MLflow: Production is version {version}")
        served = self.stack.status()["serving"]
        self.check(all(s["version"] == version for s in served if s["arm"] == "baseline"), f"the production backend serves version {version}")

    def gate(self, version: str, recipe: str, baseline: str) -> None:
        """A candidate that fails is taken back by a gate."""
        began = time.time()
        self._start(version, recipe)
        status = Follower(self.stack, self.report).ended(version, "rolled_back")
        self.check(status["cause"] == "gate", f"version {version} was taken back by a {status['cause']}")
        self._taken_back(version, baseline, began)

    def alert(self, version: str, recipe: str, baseline: str) -> None:
        """The gate on latency only looks: what takes the slow candidate back is Alertmanager."""
        self.policy.watch("latency", "observe")
        self.policy.ramp(ramps.LONG)
        began = time.time()
        self._start(version, recipe)
        gates = {g["name"]: g.get("mode") for g in self.stack.status()["gates"]}
        self.check(gates["latency"] == "observe", "the gate on latency is told not to act")
        status = Follower(self.stack, self.report).ended(version, "rolled_back")
        self.check(status["cause"] == "alert", f"version {version} was taken back by an {status['cause']}")
        self._taken_back(version, baseline, began)
        self.policy.watch("latency", "enforce")

    def killed(self, version: str, recipe: str, baseline: str) -> None:
        """Headgate's process is killed in the second step; the rollout goes on and to its end."""
        self.policy.ramp(ramps.QUICK)
        self._start(version, recipe)
        follower = Follower(self.stack, self.report)
        before = follower.until(version, lambda s: (s.get("step") or {}).get("index") == 1, 120)
        container = self.stack.container("headgate")
        at = time.monotonic()
        self._kill(container["State"]["Pid"])
        self.users.counts.enter("killed")
        self.report.say(f"Headgate's process {container['State']['Pid']} is killed")
        while self._answered("killed") is None and time.monotonic() < at + BACK_WITHIN_S:
            time.sleep(0.1)
        first = self._answered("killed")
        now = self.stack.container("headgate")
        self.check(now["RestartCount"] == container["RestartCount"] + 1 and now["Id"] == container["Id"],
                   "its restart policy brought the same container back")
        self.check(first is not None, "users are answered again" + (f", {first - at:.1f} s after the kill" if first else ""))
        self.times.append(f"version {version}: Headgate killed → users answered again {first - at:.1f} s")
        status = follower.ended(version, "promoted")
        self.check(status["id"] == before["id"], f"the same rollout, {status['id']}, went on to its end")
        said = [e for e in self.stack.record() if status["id"] in json.dumps(e) and "restarted" in json.dumps(e)]
        self.check(said, "the record says that it was restarted, and went on when both versions were seen")
        self.watcher.wait({version: "Production", baseline: "Archived"}, 20)
        self.check(self.watcher.production() == [version], f"MLflow: Production is version {version}")

    def _kill(self, pid: int) -> None:
        """From beside the container, as the machine's OOM killer would: `docker kill` counts as a person's stop."""
        self.stack.docker("run", "--rm", "--pid", "host", "--network", "none", "--user", "0", "--entrypoint", "python",
                          self.stack.container("production")["Image"], "-c", f"import os; os.kill({pid}, 9)")

    def _answered(self, phase: str) -> float | None:
        """When the first request of the phase was sent that an arm answered (monotonic)."""
        spans = [self.users.counts.span(phase, arm) for arm in ("baseline", "candidate")]
        return min((first for first, _ in filter(None, spans)), default=None)

    def comes_back(self, version: str) -> None:
        """`down` and `up`: what was decided and registered is still there."""
        record, stages = self._record(), self.watcher.stages()
        self.users.stop()
        self.watcher.stop()
        self.stack.line(self.down[0])
        self.stack.line(self.down[1], timeout=600)
        self.watcher = Watcher(self.stack)
        self.watcher.wait({version: "Production"}, 20)
        self.check(self.watcher.stages() == stages, f"MLflow names the same {len(stages)} versions and stages")
        again = self._record()
        self.check(again["count"] >= record["count"] and again["incidents"] == record["incidents"],
                   f"nothing of the record is lost, and the {len(again['incidents'])} incidents are there")
        self.check(self.stack.status()["phase"] == "promoted", "Headgate knows how the last rollout ended")
        answer = json.loads(self.stack.line(self.up[-1]))
        self.check(len(answer["predictions"]) == 1, "a user gets a prediction")

    def _record(self) -> dict:
        verified = self.stack.ask("/api/v1/journal/verify")
        self.check(verified["intact"], f"the record is whole: {verified['count']} entries")
        return {"count": verified["count"], "incidents": sorted(i["id"] for i in self.stack.ask("/api/v1/incidents"))}

    def side_by_side(self, version: str) -> None:
        """Both backends beside Headgate, on ports of their own."""
        self._stage(version, "boosting")
        self.stack.env["COMPOSE_FILE"] += ":deploy/docker-compose.staging.yml:deploy/docker-compose.production.yml"
        self.stack.compose("up", "-d", "--wait", "--no-deps", "staging", "production", timeout=180)
        for port, stage in ((8000, "Staging"), (8001, "Production")):
            address = self.stack.compose("port", stage.lower(), "8000").strip()
            said = self._health(address)
            self.check(said.get("stage") == stage and said.get("status") == "ok",
                       f"{address} (by default {port}) says {stage}, version {said.get('version')}")

    @staticmethod
    def _health(address: str) -> dict:
        deadline = time.monotonic() + 40
        while True:
            try:
                with urllib.request.urlopen(f"http://{address}/health", timeout=5) as answer:
                    return json.load(answer)
            except OSError as problem:
                if time.monotonic() > deadline:
                    return {"status": str(problem)}
                time.sleep(0.5)

    def ends(self) -> None:
        self.watcher.stop()
        self.stack.line(self.down[2])

    # -- what the chapters share

    def _stage(self, version: str, recipe: str) -> None:
        """README's second block up to the backend that serves the version."""
        train, stage, load, _, _ = self.rollout
        trained = json.loads(self.stack.line(train.replace("shallow-boosting", recipe)).strip().splitlines()[-1])
        self.check(trained["model_version"] == version, f"version {version} is registered, accuracy {trained['accuracy']:.4f}")
        self.stack.line(stage.replace("--version 2", f"--version {version}"))
        said = json.loads(self.stack.line(load))
        self.check(said["version"] == version, f"the staging backend serves version {version}")

    def _start(self, version: str, recipe: str) -> None:
        """README's second block. Headgate reads versions and policy every second or two: until then it may refuse."""
        self.users.counts.enter("between")
        self._stage(version, recipe)
        time.sleep(2.5)  # a person would not be faster either
        self.users.counts.enter(f"version {version}")
        start, status = (line.replace("--version 2", f"--version {version}") for line in self.rollout[3:])
        self.stack.line(start)
        self.report.section("it says", self.stack.line(status).splitlines()[:6])

    def _taken_back(self, version: str, baseline: str, began: float) -> None:
        """Traffic, registry and incident after a rollback, with the times of each."""
        wanted = {version: "Archived", baseline: "Production"}
        right = self.watcher.wait(wanted, 20, after=began)
        self.check(self.watcher.production() == [baseline], f"MLflow: {version} is archived, Production is version {baseline}")
        incident = self.stack.incident(version)
        self.check(incident is not None, f"there is an incident for version {version}")
        times = {name: moment(at) for name, at in incident["times"].items() if isinstance(at, str)}
        _, last = self.users.counts.span(f"version {version}", "candidate")
        last += self.offset
        off = times["traffic_off_at"]
        moments = [*self._fired(incident), ("Headgate decided", times["decided_at"]), ("traffic off", off),
                   ("last request to the candidate", last), ("registry right, as MLflow says", right)]
        came = dict(moments).get(ARRIVED)  # else a gate of its own has decided
        zero = came or times["decided_at"]
        self.report.section(f"the rollback of version {version}, cause {incident['cause']}",
                            [f"{at - zero:+8.3f} s  {what}" for what, at in moments])
        self.times.append(f"version {version}: {'alert arrived' if came else 'gate decided'} → traffic off {off - zero:.3f} s → registry right {right - zero:.3f} s")
        self.check(last <= times["traffic_off_at"] + 0.05, "no user was sent there after that")

    @staticmethod
    def _fired(incident: dict) -> list[tuple[str, float]]:
        alert = incident.get("alert") or {}
        known = (("the alert began, as Prometheus says", "starts_at"), (ARRIVED, "received_at"))
        return [(what, moment(alert[name])) for what, name in known if alert.get(name)]


def moment(text: str) -> float:
    """Unix time of an RFC 3339 time with any number of decimals."""
    head, _, rest = text.replace("Z", "+00:00").partition(".")
    if not rest:
        return datetime.fromisoformat(head).timestamp()
    zone = rest.find("+") if "+" in rest else rest.find("-")
    return datetime.fromisoformat(head + rest[zone:]).timestamp() + float("0." + rest[:zone])


def play(story: Story) -> None:
    chapters = (
        ("up", "the stack starts, with version 1 in Production", story.starts),
        ("version 2", "a good candidate goes by the ramp of the policy file", lambda: (story.traffic_begins(), story.good("2", "shallow-boosting"))),
        ("version 3", "a candidate that fails is taken back by a gate", lambda: story.gate("3", "log-boosting", "2")),
        ("version 4", "a slow one, which the gates are told not to watch, is taken back by an alert",
         lambda: story.alert("4", "pooled-boosting --connections 150", "2")),
        ("version 5", "Headgate is killed in the middle of a rollout", lambda: story.killed("5", "forest", "2")),
        ("again", "down and up: the data stays", lambda: story.comes_back("5")),
        ("side by side", "both backends on ports of their own", lambda: story.side_by_side("6")),
        ("down", "down, with the volumes", story.ends),
    )
    for name, title, chapter in chapters:
        story.report.title(title)
        began = story.report.now()
        chapter()
        story.report.chapter(name, began)


def conclude(story: Story) -> None:
    counts, report = story.users.counts, story.report
    failures = counts.failures("baseline")
    report.check(not failures, "no user request failed on the baseline arm" + (f": {failures}" if failures else ""))
    lost = {phase: counts.tally(phase, LOST).failures for phase in ("before", "between", "version 2", "version 3", "version 4")}
    report.check(not any(lost.values()), "no user was left without an answer while Headgate ran" + (f": {lost}" if any(lost.values()) else ""))
    cut = sum(counts.tally(phase, LOST).requests for phase in ("version 5", "killed"))
    report.say(f"{cut} users got no answer while Headgate's container came back")
    report.section("times", story.times)
    report.table(counts)


def interrupted(number, frame):
    raise KeyboardInterrupt(signal.Signals(number).name)


def main(root: Path, traffic: str, admin: str) -> int:
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)
    report = Report()
    story, reason = Story(root, traffic, admin, report), ""
    try:
        play(story)
        conclude(story)
    except KeyboardInterrupt as stopped:
        reason = f"stopped by {stopped or 'Ctrl-C'}"
    except (StackFailed, TimeoutError, urllib.error.HTTPError, ValueError) as problem:
        reason = str(problem)
    finally:
        if story.users:
            story.users.stop()
        if story.watcher:
            story.watcher.stop()
    wrong = ([reason] if reason else []) + [f"not so: {text}" for text in report.failed()]
    for text in wrong:
        print(f"error: {text}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
