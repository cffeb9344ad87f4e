"""What became of each customer, told late: the true label of every answered request, to POST /api/v1/outcomes.

Labels are not lost while Headgate is down: they wait and are sent again, which does no harm.
"""

import http.client
import json
import threading
import time
import urllib.error
import urllib.request
from collections import Counter, deque

MOST_IN_A_BATCH = 2000
EVERY_S = 0.5


class Labels:
    """`late_s` is how long after its answer a label is known; `truth` holds the label of each row."""

    def __init__(self, truth: list[int], late_s: float = 1.0):
        self._truth, self._late = truth, late_s
        self._waiting: deque[tuple[float, str, int]] = deque()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="labels", daemon=True)
        self.results: Counter = Counter()  # by what Headgate did with them
        self.problem = ""  # the last refusal, in its words

    def answered(self, request_id: str, row: int) -> None:
        self._waiting.append((time.monotonic() + self._late, request_id, row))

    def start(self, admin: str, token: str) -> None:
        self._url, self._token = f"{admin}/api/v1/outcomes", token
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(EVERY_S):
            batch = self.due(time.monotonic())
            if batch and not self._send(batch):
                self._waiting.extendleft(reversed(batch))

    def due(self, now: float) -> list[tuple[float, str, int]]:
        """Takes out what is known by now, the oldest first."""
        batch = []
        while self._waiting and self._waiting[0][0] <= now and len(batch) < MOST_IN_A_BATCH:
            batch.append(self._waiting.popleft())
        return batch

    def body(self, batch: list[tuple[float, str, int]]) -> bytes:
        outcomes = [{"request_id": request_id, "kind": "label", "value": self._truth[row]} for _, request_id, row in batch]
        return json.dumps({"outcomes": outcomes}).encode()

    def _send(self, batch) -> bool:
        """False when there was no whole answer: Headgate is down, just starting, or was killed in the middle of it."""
        try:
            taken = self._post(batch)
        except (OSError, http.client.HTTPException, ValueError):
            return False
        for result in ("accepted", "duplicate", "conflict", "unknown", "late", "pending", "refused"):
            self.results[result] += taken.get(result, 0)
        return True

    def _post(self, batch) -> dict:
        """How many outcomes were taken, by what Headgate did with them."""
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"}
        request = urllib.request.Request(self._url, data=self.body(batch), method="POST", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as refused:
            self.problem = f"{refused.code} {refused.read().decode(errors='replace')[:300]}"
            return {"refused": len(batch)}
