"""The process of Headgate: started, killed without warning, started again on the same ports and the same state."""

import signal
from pathlib import Path

from servers import Child, Children, free_port, get_json, wait_for


class Server:
    """`env` holds what the policy's variables stand for, the two addresses excepted."""

    def __init__(self, children: Children, binary: Path, policy: Path, work: Path, env: dict):
        traffic, admin = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
        self.traffic, self.admin = f"http://{traffic}", f"http://{admin}"
        self._children, self._work = children, work
        self._command = [str(binary), "serve", "--config", str(policy)]
        self._env = {**env, "DEMO_TRAFFIC": traffic, "DEMO_ADMIN": admin}
        self._child: Child | None = None

    def start(self, ready_s: float = 30) -> None:
        self._child = self._children.start("headgate", self._command, env=self._env, cwd=self._work)
        self.wait(lambda: get_json(f"{self.admin}/readyz")[0] == 200, ready_s, "ready")

    def wait(self, ready, timeout_s: float, what: str) -> None:
        wait_for(self._child, ready, timeout_s, what)

    def kill(self) -> None:
        """kill -9: nothing is written any more, nothing is said goodbye to."""
        self._children.forget(self._child)
        self._child.signal_group(signal.SIGKILL)
        self._child.process.wait(10)
