"""The people of a demonstration: tokens made by `headgate token new`, of which the policy gets the hashes."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Person:
    name: str
    token: str
    sha256: str


def person(binary: Path, name: str, *roles: str) -> Person:
    """Makes a token with these roles."""
    command = [str(binary), "token", "new", name, "--json"]
    for role in roles:
        command += ["--role", role]
    made = json.loads(subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout)
    return Person(name, made["token"], made["sha256"])
