"""The parts of the demonstration that need no Headgate: traffic, child processes, checks, words."""

import io
import json
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import incidents
import pytest
from follow import Follower, StoryFailed
from labels import Labels
from report import Report, rollout_line
from servers import Children, ServerFailed, get_json, wait_for
from traffic import LOST, Counts, Traffic


class Answers(BaseHTTPRequestHandler):
    """Every third request goes to the candidate, which fails; the others to the baseline."""

    protocol_version = "HTTP/1.1"
    seen: list[str] = []

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append(self.headers["X-User-Id"])
        candidate = len(self.seen) % 3 == 0
        raw = b'{"error": "no"}' if candidate else b'{"predictions": [1]}'
        self.send_response(500 if candidate else 200)
        self.send_header("X-Headgate-Arm", "candidate" if candidate else "baseline")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *words):
        pass


@pytest.fixture
def server():
    Answers.seen = []
    running = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()
    thread.join()
    running.server_close()


def test_traffic_counts_what_users_see_by_arm_and_phase(server):
    traffic = Traffic(server, [[0.0] * 10], rate=100)
    traffic.counts.enter("one")
    traffic.start()
    time.sleep(1.0)
    traffic.counts.enter("two")
    time.sleep(0.5)
    traffic.stop()
    one = {arm: traffic.counts.tally("one", arm) for arm in ("baseline", "candidate", LOST)}
    total = sum(tally.requests for tally in one.values())
    assert 80 <= total <= 110, "an open loop keeps its rate"
    assert one["baseline"].failures == 0 and one[LOST].requests == 0
    assert one["candidate"].failures == one["candidate"].requests > 20
    assert traffic.counts.failures("candidate").keys() == {"HTTP 500"}
    assert traffic.counts.tally("two", "baseline").requests > 0
    assert len(set(Answers.seen)) == len(Answers.seen), "every request is a new user"


def test_traffic_counts_a_dead_proxy_as_failures():
    traffic = Traffic("http://127.0.0.1:9", [[0.0]], rate=50)
    traffic.start()
    time.sleep(0.3)
    traffic.stop()
    assert traffic.counts.failures(LOST).keys() == {"no answer: ConnectionRefusedError"}


def test_children_are_stopped_with_their_own_children(tmp_path):
    running = Children(tmp_path)
    # The grandchild ignores the polite signal: the group is killed in the end.
    script = "trap '' TERM; sh -c 'trap \"\" TERM; echo $$; while :; do sleep 1; done'"
    child = running.start("stubborn", ["sh", "-c", script])
    wait_for(child, lambda: child.tail().strip(), 5, "the grandchild's id")
    grandchild = child.tail().strip()
    running.stop(patience_s=0.3)
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        state = subprocess.run(["ps", "-o", "stat=", "-p", grandchild], capture_output=True, text=True).stdout.strip()
        if state in ("", "Z"):
            break
        time.sleep(0.05)
    assert state in ("", "Z")
    with pytest.raises(ServerFailed, match="everything is being stopped"):
        running.start("late", ["true"])


def test_server_that_ends_is_reported_with_its_log(tmp_path):
    running = Children(tmp_path)
    child = running.start("broken", ["sh", "-c", "echo port in use; exit 3"])
    with pytest.raises(ServerFailed, match="port in use"):
        wait_for(child, lambda: False, 5, "an answer")
    with pytest.raises(ServerFailed, match="exit code 3"):
        running.check()
    running.stop()


def test_no_answer_is_status_0():
    assert get_json("http://127.0.0.1:9/health") == (0, {})


@pytest.fixture
def cutting():
    """A server whose next answers are cut as they are put down here; those after them are whole."""
    cuts = []

    class Cut(BaseHTTPRequestHandler):
        def do_POST(self):
            outcomes = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}").get("outcomes", [])
            raw = cuts.pop(0) if cuts else b"HTTP/1.1 200 OK\r\n\r\n" + json.dumps({"accepted": len(outcomes)}).encode()
            self.wfile.write(raw)

        def log_message(self, *words):
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Cut)
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}", cuts
    running.shutdown()
    thread.join()
    running.server_close()


CUTS = [
    pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{", id="the body"),
    pytest.param(b"HTTP/1.1 200 OK\r\n\r\n{", id="a body without a length"),
    pytest.param(b"HTTP/1.1 503 Busy\r\nContent-Length: 50\r\n\r\n{", id="a refusal"),
    pytest.param(b"HTT", id="the first line"),
]


@pytest.mark.parametrize("cut", CUTS)
def test_a_cut_answer_is_none(cutting, cut):
    url, cuts = cutting
    cuts.append(cut)
    status, body = get_json(url, method="POST")
    assert status in (0, 200) and body == {}, "no exception, and nothing made of a part"


@pytest.mark.parametrize("cut", CUTS)
def test_labels_outlive_an_answer_that_was_cut(cutting, cut):
    url, cuts = cutting
    cuts.append(cut)
    labels = Labels([1], late_s=0)
    labels.answered("a", 0)
    labels.start(url, "token")
    deadline = time.monotonic() + 30
    while not labels.results["accepted"] and time.monotonic() < deadline:
        time.sleep(0.05)
    labels.stop()
    assert labels.results["accepted"] == 1 and not cuts, "sent again after the cut"


GATE = {"name": "errors", "verdict": "fail", "baseline": 0.0, "candidate": 0.5, "n": {"baseline": 300, "candidate": 20},
        "fail": {"e": 412.5, "limit": 200}, "pass": {"e": 0.1, "limit": 20}, "reason": "over its limit"}
INCIDENT = {"candidate": "2", "cause": "gate", "gate": GATE, "times": {"decided_at": "t", "traffic_off_at": "t"}}


@pytest.mark.parametrize(("changes", "lacks"), [
    pytest.param({}, [], id="whole"),
    pytest.param({"gate": None}, ["gate errors", "the baseline's value", "the candidate's count", "evidence"], id="no gate"),
    pytest.param({"gate": {**GATE, "baseline": None}}, ["the baseline's value"], id="no value"),
    pytest.param({"gate": {**GATE, "n": {"baseline": 0, "candidate": 3}}}, ["the baseline's count"], id="no count"),
    pytest.param({"gate": {**GATE, "fail": {"e": 3, "limit": 200}}}, ["evidence over its limit"], id="weak evidence"),
    pytest.param({"cause": "breaker"}, ["cause gate"], id="another cause"),
    pytest.param({"candidate": "3"}, ["candidate 2"], id="another version"),
    pytest.param({"times": {"decided_at": "t"}}, ["traffic_off_at"], id="no time"),
])
def test_incident_lacks(tmp_path, changes, lacks):
    path = tmp_path / "i.json"
    path.write_text(json.dumps({**INCIDENT, **changes}))
    found = incidents.missing(path, "errors", "2")
    assert bool(found) == bool(lacks)
    for word in lacks:
        assert any(word in text for text in found), found


def status(phase="progressing", **changes) -> dict:
    step = {"index": 0, "of": 5, "kind": "canary", "weight": 0.1, "hold_s": 25, "held_s": 12.3}
    return {"phase": phase, "weight": 0.1, "step": step, "gates": [GATE], "candidate": {"version": "2"}, **changes}


def test_line_shows_weight_hold_and_evidence():
    assert rollout_line(status()) == (" 10 %  progressing, step 1 of 5, held 12 of 25 s  "
                                      "[errors fail, rollback 412/200, advance 0.1/20]")
    assert rollout_line({"phase": "none", "weight": 0, "step": None, "gates": None}) == "  0 %  none"


@pytest.mark.parametrize(("looks", "says"), [
    pytest.param((status(), 114, 114), None, id="inconclusive, not yet too long"),
    pytest.param((status(), 116, 116), "inconclusive for 90 s", id="inconclusive for too long"),
    pytest.param((status("paused", reason="version_changed"), 1, 1), "unexpectedly paused", id="paused"),
    pytest.param((status("paused", reason="reloading"), 1, 1), None, id="the production backend reloads"),
    pytest.param((status("baking"), 10, 241), "not over after", id="never ends"),
])
def test_follower_gives_up_with_the_reason(looks, says):
    if says is None:
        Follower._refuse(*looks)
        return
    with pytest.raises(StoryFailed, match=says) as failed:
        Follower._refuse(*looks)
    assert "errors: fail, over its limit" in str(failed.value)


def test_report_remembers_what_was_wrong():
    report = Report(out=io.StringIO())
    assert report.check(True, "fine") and not report.check(False, "two in production")
    assert report.failed() == ["two in production"]


def test_table_has_a_row_for_each_arm_that_answered():
    report, counts = Report(out=io.StringIO()), Counts()
    for arm, failure in (("baseline", None), ("candidate", "HTTP 500"), ("candidate", None)):
        counts.record("version 2", arm, 0.0, 0.010, failure)
    report.chapter("version 2", 3.0)
    report.table(counts)
    rows = [line.split() for line in report._out.getvalue().splitlines() if line]
    assert rows[1][:2] == ["version", "2"] and rows[1][-5:] == ["baseline", "1", "0", "10", "ms"]
    assert rows[2] == ["candidate", "2", "1", "10", "ms"]
