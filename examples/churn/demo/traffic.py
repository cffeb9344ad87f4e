"""Live traffic: an open loop at a fixed rate, a fresh user for every request, counted as users see it.

Open loop: a request is sent when it is due, whether or not earlier ones have been answered, because
users do not wait for each other either.
"""

import http.client
import json
import threading
import time
import uuid
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import urlsplit

ARMS = ("baseline", "candidate")
LOST = "none"  # no arm named: the request never got an answer of a backend
MOST_IN_FLIGHT = 256
IDLE_S = 2.0  # a connection unused for longer is replaced, not raced against the server's own time-out


@dataclass
class Tally:
    """What users of one arm saw in one phase."""

    requests: int = 0
    failures: int = 0
    seconds: list[float] = field(default_factory=list)
    reasons: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def p95_ms(self) -> float | None:
        if not self.seconds:
            return None
        return sorted(self.seconds)[int(0.95 * (len(self.seconds) - 1))] * 1000


class Counts:
    """Tallies per phase and arm, and when each arm was last and first sent something in the phase."""

    def __init__(self):
        self._lock = threading.Lock()
        self._phase = "start"
        self._tallies: dict[tuple[str, str], Tally] = defaultdict(Tally)
        self._spans: dict[tuple[str, str], tuple[float, float]] = {}

    def enter(self, phase: str) -> None:
        with self._lock:
            self._phase = phase

    def phase(self) -> str:
        with self._lock:
            return self._phase

    def record(self, phase: str, arm: str, sent: float, seconds: float, failure: str | None) -> None:
        with self._lock:
            tally = self._tallies[phase, arm]
            tally.requests += 1
            tally.seconds.append(seconds)
            if failure:
                tally.failures += 1
                tally.reasons[failure] += 1
            first, last = self._spans.get((phase, arm), (sent, sent))
            self._spans[phase, arm] = (min(first, sent), max(last, sent))

    def tally(self, phase: str, arm: str) -> Tally:
        with self._lock:
            found = self._tallies.get((phase, arm), Tally())
            return Tally(found.requests, found.failures, list(found.seconds), dict(found.reasons))

    def span(self, phase: str, arm: str) -> tuple[float, float] | None:
        """First and last sending time (monotonic) of the requests this arm answered in the phase."""
        with self._lock:
            return self._spans.get((phase, arm))

    def failures(self, arm: str, without: tuple = ()) -> dict[str, int]:
        """Reasons and numbers of all failures of an arm, over all phases but those named."""
        total: dict[str, int] = defaultdict(int)
        with self._lock:
            for (phase, name), tally in self._tallies.items():
                if name == arm and phase not in without:
                    for reason, count in tally.reasons.items():
                        total[reason] += count
        return dict(total)

    def requests(self) -> int:
        with self._lock:
            return sum(tally.requests for tally in self._tallies.values())


class Traffic:
    """Sends rows to /predict at `rate` a second until stopped.

    `answered`, when there is one, gets the X-Request-Id of each good answer and the number of the row that was asked.
    """

    def __init__(self, url: str, rows: list[list[float]], rate: float = 50, timeout_s: float = 10, answered=None):
        parts = urlsplit(url)
        self._host, self._port = parts.hostname, parts.port
        self._bodies = [json.dumps({"features": [row]}) for row in rows]
        self._rate, self._timeout, self._answered = rate, timeout_s, answered
        self.counts = Counts()
        self._stop = threading.Event()
        self._local = threading.local()
        self._pool = ThreadPoolExecutor(MOST_IN_FLIGHT, thread_name_prefix="user")
        self._loop = threading.Thread(target=self._run, name="traffic", daemon=True)

    def start(self) -> None:
        self._loop.start()

    def stop(self) -> None:
        self._stop.set()
        if self._loop.is_alive():
            self._loop.join()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _run(self) -> None:
        due, number = time.monotonic(), 0
        while not self._stop.wait(max(0, due - time.monotonic())):
            self._pool.submit(self._send, number % len(self._bodies), self.counts.phase())
            number += 1
            due += 1 / self._rate

    def _send(self, row: int, phase: str) -> None:
        sent = time.monotonic()
        arm, failure = LOST, None
        try:
            status, arm, request_id, raw = self._exchange(self._bodies[row])
            failure = self._judge(status, raw)
            if self._answered and not failure:
                self._answered(request_id, row)
        except (OSError, http.client.HTTPException) as problem:
            self._drop()
            failure = f"no answer: {type(problem).__name__}"
        self.counts.record(phase, arm, sent, time.monotonic() - sent, failure)

    def _exchange(self, body: str) -> tuple[int, str, str, bytes]:
        connection = self._connection()
        headers = {"Content-Type": "application/json", "X-User-Id": uuid.uuid4().hex}
        connection.request("POST", "/predict", body=body, headers=headers)
        answer = connection.getresponse()
        raw = answer.read()
        self._local.used = time.monotonic()
        return answer.status, answer.getheader("X-Headgate-Arm", LOST), answer.getheader("X-Request-Id", ""), raw

    @staticmethod
    def _judge(status: int, raw: bytes) -> str | None:
        """Returns why a user would call this a failure, or None."""
        if status != 200:
            return f"HTTP {status}"
        try:
            predictions = json.loads(raw).get("predictions")
        except (ValueError, AttributeError):
            return "an answer that is not JSON"
        return None if isinstance(predictions, list) and len(predictions) == 1 else "an answer without predictions"

    def _connection(self) -> http.client.HTTPConnection:
        connection = getattr(self._local, "connection", None)
        if connection is not None and time.monotonic() - self._local.used > IDLE_S:
            self._drop()
            connection = None
        if connection is None:
            connection = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)
            self._local.connection, self._local.used = connection, time.monotonic()
        return connection

    def _drop(self) -> None:
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
        self._local.connection = None
