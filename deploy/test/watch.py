"""MLflow's own word: every change of a version's stage with the moment it was seen, asked inside the stack.

The registry is on an internal network, so the question is asked from MLflow's container.
"""

import json
import subprocess
import threading
import time

POLL_S = 0.1

WATCH = """
import json, sys, time, urllib.parse, urllib.request
query = urllib.parse.urlencode({"filter": "name='churn-model'", "max_results": 200})
url = "http://127.0.0.1:5000/api/2.0/mlflow/model-versions/search?" + query
last = None
while True:
    try:
        found = json.load(urllib.request.urlopen(url, timeout=5)).get("model_versions", [])
        stages = {v["version"]: v["current_stage"] for v in found}
        if stages != last:
            print(json.dumps({"at": time.time(), "stages": stages}), flush=True)
            last = stages
    except OSError as problem:
        print(f"watch: {problem}", file=sys.stderr)
    time.sleep(%f)
""" % POLL_S


class Watcher:
    """Follows the stages until stopped. Containers and this process share the machine's clock."""

    def __init__(self, stack):
        self._lock = threading.Lock()
        self._seen: list[tuple[float, dict[str, str]]] = []
        self._process = subprocess.Popen(
            ["docker", "compose", "exec", "-T", "mlflow", "python", "-u", "-c", WATCH], cwd=stack.root, env=stack.env,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self._thread = threading.Thread(target=self._follow, daemon=True, name="registry")
        self._thread.start()

    def _follow(self) -> None:
        for line in self._process.stdout:
            change = json.loads(line)
            with self._lock:
                self._seen.append((change["at"], change["stages"]))

    def stages(self) -> dict[str, str]:
        with self._lock:
            return dict(self._seen[-1][1]) if self._seen else {}

    def production(self) -> list[str]:
        return [version for version, stage in self.stages().items() if stage == "Production"]

    def since(self, wanted: dict[str, str], after: float) -> float | None:
        """When, after a moment (Unix time), the registry was first seen as wanted, to stay so until now."""
        began = None
        with self._lock:
            for at, stages in self._seen:
                if not wanted.items() <= stages.items():
                    began = None
                elif began is None:
                    began = max(at, after)
        return began

    def wait(self, wanted: dict[str, str], timeout_s: float, after: float = 0.0) -> float:
        deadline = time.monotonic() + timeout_s
        while (at := self.since(wanted, after)) is None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"MLflow did not say {wanted} in {timeout_s:.0f} s but {self.stages()}")
            time.sleep(POLL_S)
        return at

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)
        self._thread.join(10)
