"""The stack as a person drives it: the README's own lines, and a few questions beside them."""

import json
import os
import re
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

SECTION = "## As a docker-compose stack"
SERVICES = ("headgate", "production", "staging", "mlflow", "postgres", "prometheus", "alertmanager")


class StackFailed(Exception):
    """A command of the stack failed, or it is not what it has to be; the text says which and how."""


def blocks(readme: Path) -> list[list[str]]:
    """The commands of the README's compose section, block by block, as they stand there."""
    text = readme.read_text(encoding="utf-8")
    if SECTION not in text:
        raise StackFailed(f"{readme} has no section {SECTION!r}")
    section = text.split(SECTION, 1)[1].split("\n## ", 1)[0]
    found: list[list[str]] = []
    inside = False
    for line in section.splitlines():
        if line.startswith("    "):
            if not inside:
                found.append([])
            found[-1].append(line.strip())
        inside = line.startswith("    ")
    return found


class Stack:
    """One checkout with its stack. `ports` are what the stack publishes here: traffic and admin."""

    def __init__(self, root: Path, report, traffic: str, admin: str):
        self.root, self._report = root, report
        self.traffic, self.admin = f"http://{traffic}", f"http://{admin}"
        self._traffic = traffic
        self.env = {**os.environ, "TRAFFIC_PORT": traffic, "ADMIN_PORT": admin, "BUILDKIT_PROGRESS": "plain"}

    def line(self, text: str, timeout: int = 900, good: tuple[int, ...] = (0,)) -> str:
        """Runs one line of the README and returns what it printed."""
        self._report.say(f"$ {text}")
        if exported := re.fullmatch(r"export (\w+)=(\S+)", text):
            self.env[exported[1]] = exported[2]
            return ""
        text = text.replace("127.0.0.1:8080", self._traffic)  # where 8080 is taken on this machine
        return self.run(["bash", "-c", text], timeout, good).stdout

    def compose(self, *words: str, timeout: int = 120, good: tuple[int, ...] = (0,)) -> str:
        """A question of this test, which a person need not ask."""
        return self.run(["docker", "compose", *words], timeout, good).stdout

    def docker(self, *words: str, timeout: int = 60) -> str:
        return self.run(["docker", *words], timeout, (0,)).stdout

    def run(self, command: list[str], timeout: int, good: tuple[int, ...]) -> subprocess.CompletedProcess:
        done = subprocess.run(command, cwd=self.root, env=self.env, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=timeout, errors="replace")
        if done.returncode not in good:
            said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-25:])
            raise StackFailed(f"{command[-1] if command[0] == 'bash' else ' '.join(command)}\n"
                              f"ended with exit code {done.returncode}:\n{said}")
        done.stdout = done.stdout or ""
        return done

    def container(self, service: str) -> dict:
        """What the engine knows of a service's container."""
        name = self.compose("ps", "--all", "--quiet", service).strip()
        if not name:
            raise StackFailed(f"there is no container of {service}")
        return json.loads(self.docker("inspect", name))[0]

    def ask(self, path: str):
        """The admin API through its published port, with the operator's token."""
        token = (self.root / "deploy/secrets/operator_token").read_text().strip()
        request = urllib.request.Request(self.admin + path, headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read())

    def status(self) -> dict:
        """The rollout of the example's model; {} while Headgate is away."""
        try:
            return self.ask("/api/v1/rollouts/churn-model")
        except urllib.error.HTTPError:
            raise
        except OSError:
            return {}

    def record(self) -> list[dict]:
        """Every entry of the record, oldest first."""
        entries, start = [], 1
        while start:
            page = self.ask(f"/api/v1/journal?from={start}&limit=100")
            entries += page["entries"]
            start = page.get("next")
        return entries

    def incident(self, version: str) -> dict | None:
        return next((i for i in self.ask("/api/v1/incidents") if str(i.get("candidate")) == version), None)
