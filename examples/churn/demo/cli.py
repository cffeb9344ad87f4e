"""Headgate as a person drives it: the command line against the running server."""

import json
import os
import subprocess
from pathlib import Path

DONE, REFUSED, NOT_PERMITTED = 0, 3, 7


class CommandFailed(Exception):
    """A command ended with an exit code that was not wanted; the text holds what it said."""

    def __init__(self, command: list[str], code: int, said: str):
        super().__init__(f"headgate {' '.join(command)} ended with exit code {code}: {said.strip() or 'no message'}")
        self.code = code


class Headgate:
    """One binary, the address of its admin API and who is asking; without a token nobody in particular."""

    def __init__(self, binary: Path, admin: str, model: str, token: str = ""):
        self.binary, self.admin, self.model, self._token = binary, admin, model, token

    def run(self, *words: str) -> str:
        """Runs a command to its end and returns what it printed; CommandFailed unless it exits with 0."""
        command = [*words, "--admin", self.admin]
        # No terminal, no colours: what is printed goes into messages.
        env = {**os.environ, "NO_COLOR": "1", "HEADGATE_TOKEN": self._token}
        done = subprocess.run([str(self.binary), *command], capture_output=True, text=True, timeout=60, env=env,
                              stdin=subprocess.DEVNULL, start_new_session=True)
        if done.returncode != DONE:
            raise CommandFailed(command, done.returncode, done.stderr or done.stdout)
        return done.stdout

    def status(self) -> dict:
        return json.loads(self.run("status", self.model, "--json"))

    def start(self, version: str) -> None:
        self.run("start", self.model, "--version", version)

    def transition(self, version: str, stage: str) -> None:
        self.run("transition-stage", "--model-name", self.model, "--version", version, "--stage", stage)

    def verify_record(self) -> str:
        return self.run("audit", "verify").strip()

    def advance(self) -> None:
        self.run("advance", self.model)

    def approve(self, version: str, role: str, comment: str) -> None:
        self.run("approve", self.model, version, "--for", "production", "--role", role, "--comment", comment)

    def record(self, rollout: str) -> list[dict]:
        """What the journal holds of one rollout, the oldest first."""
        bodies = [json.loads(line)["body"] for line in self.run("audit", "export").splitlines()]
        return [body for body in bodies if body.get("rollout") == rollout]
