"""Users who are told which version they are on: /health through Headgate, each time as a new user."""

import http.client
import json
import threading
import time
import uuid
from dataclasses import dataclass
from urllib.parse import urlsplit

EVERY_S = 0.02
LOST = "none"


@dataclass(frozen=True)
class Visit:
    """One answer: when it was asked for (monotonic), the version that answered, the arm it was."""

    sent: float
    version: str
    arm: str


class Visits:
    """One visitor after the other until stopped; nothing is repeated that got no answer."""

    def __init__(self, url: str):
        parts = urlsplit(url)
        self._host, self._port = parts.hostname, parts.port
        self._lock = threading.Lock()
        self._seen: list[Visit] = []
        self._failed: list[str] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="visits", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def failed(self) -> list[str]:
        with self._lock:
            return list(self._failed)

    def since(self, begin: float) -> list[Visit]:
        """Those that were asked for from then on, in order."""
        with self._lock:
            return [visit for visit in self._seen if visit.sent >= begin]

    def count(self) -> int:
        with self._lock:
            return len(self._seen)

    def _run(self) -> None:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=10)
        while not self._stop.wait(EVERY_S):
            sent = time.monotonic()
            try:
                connection.request("GET", "/health", headers={"X-User-Id": uuid.uuid4().hex})
                answer = connection.getresponse()
                content = json.loads(answer.read())
                if answer.status != 200:
                    raise ValueError(f"HTTP {answer.status}")
                visit = Visit(sent, content["version"], answer.getheader("X-Headgate-Arm", LOST))
            except (OSError, http.client.HTTPException, ValueError, KeyError) as problem:
                connection.close()
                with self._lock:
                    self._failed.append(f"{type(problem).__name__}: {problem}")
                continue
            with self._lock:
                self._seen.append(visit)
        connection.close()


def moved(visits: list[Visit], old: tuple[str, str], new: tuple[str, str]) -> float | None:
    """Seconds between the last visitor on `old` and the first on `new`, each a version and an arm; None unless there was
    exactly one such move and nobody was elsewhere. One visitor comes after the other, so the swap was in between."""
    places = [(visit.version, visit.arm) for visit in visits]
    if new not in places or old not in places:
        return None
    at = places.index(new)
    if set(places[:at]) != {old} or set(places[at:]) != {new}:
        return None
    return visits[at].sent - visits[at - 1].sent
