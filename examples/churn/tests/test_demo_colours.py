"""The parts of the demonstration of two colours that need no Headgate: who saw which version, and the one move."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from colours_main import POLICY
from colours_story import RELOAD, SWAP
from colours_visits import Visit, Visits, moved

OLD, NEW = ("1", "baseline"), ("2", "candidate")


def seen(*places):
    return [Visit(float(at), *place) for at, place in enumerate(places)]


def test_one_move_is_timed_between_two_visitors():
    assert moved(seen(OLD, OLD, NEW, NEW), OLD, NEW) == 1.0


@pytest.mark.parametrize("places", [
    (OLD, OLD), (NEW, NEW), (), (OLD, NEW, OLD), (NEW, OLD, NEW), (OLD, ("2", "baseline"), NEW), (OLD, NEW, ("1", "candidate")),
])
def test_anything_else_is_no_move(places):
    assert moved(seen(*places), OLD, NEW) is None


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    status, version = 200, "1"

    def do_GET(self):
        raw = json.dumps({"version": self.version}).encode()
        self.send_response(self.status)
        self.send_header("X-Headgate-Arm", "baseline")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *words):
        pass


def until(ready):
    deadline = time.monotonic() + 30
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_visitors_see_versions_and_failures():
    answers = type("Now", (Answers,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    visits = Visits(f"http://127.0.0.1:{server.server_port}")
    visits.start()
    try:
        until(lambda: visits.count() >= 3)
        middle = time.monotonic()
        answers.version = "2"
        until(lambda: any(visit.version == "2" for visit in visits.since(middle)))
        assert not visits.failed() and visits.since(0)[0] == Visit(visits.since(0)[0].sent, "1", "baseline")
        answers.status = 503
        until(visits.failed)
    finally:
        visits.stop()
        server.shutdown()
        server.server_close()
    assert "HTTP 503" in visits.failed()[0]


def test_the_story_finds_what_it_changes():
    assert POLICY.read_text().count(RELOAD) == 1 and SWAP not in POLICY.read_text().split("version: 1", 1)[1]
