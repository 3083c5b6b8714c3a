"""The calibration dialogue over the desk's WebSocket and on its page: a real session, a board that is moved as a person would."""

from __future__ import annotations

import contextlib
import http.client
import json
import shutil
import subprocess
import sys
import threading
import time

import pytest
from websockets.sync.client import connect

from reachnote import profiles
from reachnote.profile import Calibration, calibrations, current, new_profile, with_calibration
from support.boards import SWITCH, PtyBoard
from support.running import Receiver, Running, until
from tools.screenshots import chromium

pytestmark = pytest.mark.long  # a browser beside the timed tests would disturb them

HAND = {"kind": "distance", "unit": "mm", "min": 30, "max": 4000, "rest": 800, "reach": 100, "name": "hand", "rate_hz": 50}
PALM = {"kind": "pressure", "min": 0, "max": 1000, "rest": 0, "reach": 1000, "name": "palm"}
BOARD = "board beam1"
WHERE = {"board": BOARD, "sensor": "hand"}
DATE = "2031-03-04T10:15:00"
needs_chromium = pytest.mark.skipif(shutil.which("chromium") is None, reason="Chromium is not there")


class Hand:
    """Moves a board's first sensor: 500 mm at rest, easy movements to `nearest` while `plays`."""

    def __init__(self, board: PtyBoard) -> None:
        self.board = board
        self.plays = False
        self.nearest = 200.0
        self._alive = True
        self._thread = threading.Thread(target=self._move, daemon=True)
        self._thread.start()

    def _move(self) -> None:
        began, n = time.monotonic(), 0
        while self._alive:
            if not self.plays:
                began = time.monotonic()
            phase = (time.monotonic() - began) % 1.6
            share = ease(phase / 0.25) - ease((phase - 0.8) / 0.3) if self.plays else 0.0
            n += 1
            self.board.packer.value[0] = int(500 - (500 - self.nearest) * share) + (n * 7 % 5 - 2)
            time.sleep(0.02)

    def stop(self) -> None:
        self._alive = False
        self._thread.join()


def ease(u: float) -> float:
    u = min(max(u, 0.0), 1.0)
    return u * u * u * (10 - 15 * u + 6 * u * u)


class Desk:
    """`python -m reachnote.desk` beside a session, and the cookie of its door."""

    def __init__(self, run: Running) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "reachnote.desk", "0"], env=run.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.address = self._process.stdout.readline().strip()
        self.host = self.address.split("/")[2]
        door = http.client.HTTPConnection(self.host)
        door.request("GET", self.address.split(self.host)[1])
        self.cookie = door.getresponse().headers["set-cookie"].split(";")[0]
        door.close()

    def page(self) -> Page:
        return Page(self)

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(10.0)
        self._process.stdout.close()


class Page:
    """What a page hears and asks. `reach`: what it was told of the dialogue so far; `lines`: (when, line) of each telling."""

    def __init__(self, desk: Desk) -> None:
        self._open = contextlib.ExitStack()
        how = {"origin": f"http://{desk.host}", "additional_headers": {"Cookie": desk.cookie}, "close_timeout": 0.5}
        there = connect(f"ws://{desk.host}/talk", **how)
        self._socket = self._open.enter_context(there)
        self.reach: dict = {}
        self.lines: list[tuple[float, dict]] = []
        self.sounded: dict = {}
        self.readings = 0
        self._id = 0
        self._replies: dict[int, dict] = {}
        self.until(lambda: self.there, "a session is there")

    there = False

    def hear(self, seconds: float = 0.05) -> None:
        try:
            thing = json.loads(self._socket.recv(timeout=seconds))
        except TimeoutError:
            return
        if thing.get("desk") == "session":
            self.there = thing["there"]
        elif thing.get("desk") == "reach":
            self.lines.append((time.monotonic(), thing))
            if "board" in thing:
                self.reach = {}
            self.reach |= thing
        elif thing.get("desk") == "reach-sounded":
            self.sounded = thing
        elif thing.get("feed") == "readings":
            self.readings += 1
        elif isinstance(thing.get("id"), int) and "feed" not in thing:
            self._replies[thing["id"]] = thing

    def ask(self, do: str, **more: object) -> dict:
        self._id += 1
        self._socket.send(json.dumps({"id": self._id, "do": do, **more}))
        self.until(lambda: self._id in self._replies, f"a reply to {do}")
        return self._replies.pop(self._id)

    def press(self, key: str) -> dict:
        return self.ask("reach-key", key=key)

    def until(self, true, what: str, seconds: float = 10.0) -> None:
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end, f"never within {seconds} s: {what}; the page knows {self.reach}"
            self.hear()

    def step(self, step: str, seconds: float = 15.0) -> None:
        self.until(lambda: self.reach.get("step") == step, f"the step {step}", seconds)

    def done(self, seconds: float = 10.0) -> str:
        self.until(lambda: self.reach.get("done"), "the end", seconds)
        return self.reach["says"]

    def close(self) -> None:
        self._open.close()


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.setenv("REACHNOTE_CLIENTS", str(tmp_path / "clients"))
    board = PtyBoard("beam1", [HAND, PALM, SWITCH])
    board.stream(250)
    hand = Hand(board)
    yield board, hand
    hand.stop()
    if board.master >= 0:
        board.unplug()


@pytest.fixture
def there(table):
    """(session, receiver, desk, page) with k7 playing."""
    board, _ = table
    receiver = Receiver()
    with Running([f"serial:{board.path}"], [receiver.spec]) as run:
        run.ready(1, 30.0)
        desk = Desk(run)
        page = desk.page()
        yield run, receiver, desk, page
        page.close()
        desk.close()
    receiver.close()


def stored(span: float, number_of: int = 1) -> None:
    """k7 with calibrations of the hand: the first spans 100 mm, the last `span`."""
    profile = new_profile("k7", BOARD, DATE)
    for n in range(number_of):
        here = span if n == number_of - 1 else -100.0
        made = Calibration(DATE, "guided", "distance", "mm", 50.0, 500.0, here, {"onset": 3000}, {}, "A")
        profile = with_calibration(profile, "hand", made)
    profiles.save(profile)


def played(run: Running) -> dict:
    """What the session says of the hand."""
    return run.status()["boards"][0]["sensors"][0]


def test_a_guided_calibration_from_a_page_sounds_at_once_and_is_kept(table, there):
    _, hand = table
    run, receiver, _, page = there
    assert page.ask("client-new", code="K7")["ok"] is True
    assert page.ask("client-play", code="k7")["ok"] is True
    until(lambda: run.status()["client"] == "k7", 5.0, "k7 plays")
    assert page.ask("reach-look", **WHERE) == {"id": 3, "ok": True, "client": "k7", "stored": None, "number": 0}
    assert page.ask("reach-begin", **WHERE, mode="guided")["ok"] is True
    page.step("rest", 5.0)
    assert page.reach["prompt"] == "Let the client rest where it is comfortable."
    assert [key["key"] for key in page.reach["keys"]] == ["next", "back", "leave"]
    page.step("play", 15.0)
    page.until(lambda: page.reach["easy"], "the mark from where it plays")
    hand.plays = True
    began = time.monotonic()
    page.until(lambda: page.reach["count"] >= 3, "three movements", 15.0)
    assert receiver.notes_on(began), "what the client shows sounds at once"
    page.until(lambda: page.reach["level"] > 0.9, "the hand at its full reach", 5.0)
    page.until(lambda: page.reach["level"] < 0.1, "the hand at rest", 5.0)
    assert (page.reach["rest"], page.reach["full"]) == (0.0, 1.0)
    assert 0.1 < page.reach["easy"] < 0.7
    page.press("try")
    page.step("try", 5.0)
    page.press("yes")
    page.until(lambda: page.reach["meant"] == 1, "one was meant")
    page.press("next")
    page.step("result", 5.0)
    assert page.reach["sentences"][-1].startswith("It answers ")
    assert "movement" in page.reach["sentences"][0]
    page.press("easier")
    page.until(lambda: page.reach["factor"] == 0.8, "easier")
    assert page.reach["full"] == 0.8
    page.press("next")
    assert page.done() == "Kept for k7."
    hand.plays = False
    assert page.reach["kept"] == {"client": "k7", "number": 1}
    profile = profiles.load("k7", BOARD)
    made = current(profile, "hand")
    assert made.rest == pytest.approx(500.0, abs=4.0)
    assert made.span == pytest.approx(-300.0, rel=0.1)
    assert (made.mode, profile.settings.factor) == ("guided", 0.8)
    until(lambda: played(run)["calibrated"] and played(run)["factor"] == 0.8, 5.0, "the calibration plays")
    receiver.wait_sounding(0, 5.0)


def test_a_page_is_told_what_changed_and_that_at_most_thirty_times_a_second(table, there):
    _, hand = table
    _, _, _, page = there
    page.ask("reach-begin", **WHERE, mode="while playing")
    page.step("watch", 5.0)
    hand.plays = True
    first = len(page.lines)
    end = time.monotonic() + 3.0
    while time.monotonic() < end:
        page.hear(0.01)
    lines = [line for _, line in page.lines[first:]]
    assert 15 <= len(lines) <= 93
    assert all("prompt" not in line and "keys" not in line for line in lines[1:] if "count" not in line)
    assert page.readings == 0, "pages do not hear raw readings"
    page.ask("reach-leave")


def test_as_last_time_keeps_what_agrees(table, there):
    _, hand = table
    run, receiver, _, page = there
    stored(-300.0)
    page.ask("client-play", code="k7")
    until(lambda: played(run)["calibrated"], 5.0, "what was kept plays")
    assert page.ask("reach-look", **WHERE)["stored"] == DATE
    assert page.ask("reach-begin", **WHERE, mode="as last time")["ok"] is True
    page.step("compare", 12.0)
    hand.plays = True
    page.step("result", 12.0)
    hand.plays = False
    assert page.reach["sentences"] == ["As last time: rest and movements agree, so the calibration is kept."]
    assert page.reach["keep_stored"] is True
    page.press("next")
    assert page.done() == "As last time: rest and movements agree, so the calibration is kept."
    assert len(calibrations(profiles.load("k7", BOARD))) == 1
    assert played(run)["calibrated"] is True
    receiver.wait_sounding(0, 5.0)


def test_without_a_calibration_there_is_no_last_time(there):
    _, _, _, page = there
    reply = page.ask("reach-begin", **WHERE, mode="as last time")
    assert reply["ok"] is False
    assert reply["text"] == "There is no calibration of this client with this sensor yet. Calibrate anew; it takes half a minute."


def test_undo_plays_the_calibration_before_and_then_the_sensors_own_range(there):
    run, _, _, page = there
    stored(-300.0, 2)
    page.ask("client-play", code="k7")
    until(lambda: played(run)["calibrated"], 5.0, "what was kept plays")
    assert page.ask("reach-undo", **WHERE)["says"] == "board beam1, hand plays with an earlier calibration again."
    assert current(profiles.load("k7", BOARD), "hand").span == -100.0
    assert page.ask("reach-restore", **WHERE, number=2)["ok"] is True
    assert current(profiles.load("k7", BOARD), "hand").span == -300.0
    page.ask("reach-undo", **WHERE)
    assert page.ask("reach-undo", **WHERE)["says"] == "board beam1, hand plays with its own range again."
    until(lambda: not played(run)["calibrated"], 5.0, "the sensor's own range")
    nothing = "There is nothing to undo for hand: it was never calibrated, or all of it is undone."
    assert page.ask("reach-undo", **WHERE)["text"] == nothing


def test_what_is_set_by_hand_is_what_the_marks_said(table, there):
    _, hand = table
    _, _, _, page = there
    page.ask("client-new", code="k7")
    page.ask("client-play", code="k7")
    page.ask("reach-begin", **WHERE, mode="therapist-set")
    page.step("start", 15.0)
    assert "down" in [key["key"] for key in page.reach["keys"]]
    before = page.reach["easy"] or 0.0
    for _ in range(2):
        page.press("up")
    page.until(lambda: (page.reach["easy"] or 0.0) > before + 0.05, "the first mark moves up")
    page.press("next")
    page.step("full", 5.0)
    hand.plays = True
    page.until(lambda: page.reach["full"] > 0.5, "the second mark follows the hand", 5.0)
    page.until(lambda: page.reach["full"] > 0.7, "the hand is near", 5.0)
    page.press("next")
    page.step("try", 5.0)
    page.press("next")
    page.step("result", 5.0)
    page.press("leave")
    assert page.done() == "Nothing was changed."
    assert profiles.clients() == []


def test_what_would_have_sounded_shows_the_last_minute_twice(table, there):
    _, hand = table
    _, receiver, _, page = there
    hand.plays = True
    until(lambda: len(receiver.notes_on()) >= 2, 10.0, "two notes")
    assert page.ask("reach-sounded", **WHERE, **{"try": "harder"}) == {"id": 1, "ok": True}
    page.until(lambda: page.sounded, "the last minute", 20.0)
    until(lambda: len(receiver.notes_on()) >= 4, 20.0, "two more notes")
    page.sounded = {}
    page.ask("reach-sounded", **WHERE, **{"try": "harder"})
    page.until(lambda: page.sounded, "the last minute", 20.0)
    found = page.sounded
    assert (found["ok"], found["board"], found["sensor"]) == (True, BOARD, "hand")
    assert len(found["as_set"]) >= 2
    assert all(0.0 <= a <= b <= found["seconds"] for a, b in [*found["as_set"], *found["as_tried"]])
    assert found["notes"]["as_set"] >= len(found["as_set"])


def test_a_board_that_goes_in_the_middle_is_said_and_nothing_goes_on_without_it(table, there):
    board, _ = table
    run, _, _, page = there
    page.ask("reach-begin", **WHERE, mode="guided")
    page.step("rest", 5.0)
    board.unplug()
    page.until(lambda: page.reach["away"], "the sentence about the plug", 5.0)
    assert page.reach["away"] == "board beam1 is silent: push its plug in. Nothing goes on without it."
    for _ in range(4):
        page.press("next")
    end = time.monotonic() + 1.0
    while time.monotonic() < end:
        page.hear()
    assert page.reach["step"] == "rest"
    page.press("leave")
    assert page.done() == "Nothing was changed."
    until(lambda: run.status()["boards"][0]["state"] == "unplugged", 5.0, "the board is seen to be gone")
    assert page.ask("reach-begin", **WHERE)["text"] == (
        "This sensor is not there to calibrate. Plug its board in and choose it again; a switch needs none."
    )


def test_a_second_page_is_told_and_a_page_that_goes_leaves_its_dialogue(table, there):
    _, hand = table
    run, receiver, desk, page = there
    second = desk.page()
    page.ask("reach-begin", **WHERE, mode="guided")
    page.step("rest", 5.0)
    assert second.ask("reach-begin", **WHERE, mode="guided")["text"] == (
        "board beam1, hand is being calibrated on another page. Finish it there, or leave it, then begin here."
    )
    assert second.press("next")["text"] == "No calibration is going on here. Begin one first."
    page.press("next")
    page.step("play", 5.0)
    hand.plays = True
    until(lambda: played(run)["calibrated"], 10.0, "what is shown plays")
    page.close()
    until(lambda: not played(run)["calibrated"], 5.0, "the sensor's own range")
    hand.plays = False
    until(lambda: second.ask("reach-begin", **WHERE, mode="guided")["ok"], 5.0, "the sensor is free again")
    second.step("check", 5.0)
    second.close()
    receiver.wait_sounding(0, 5.0)
    assert profiles.clients() == []


def test_a_terminal_and_a_page_do_not_calibrate_the_same_sensor(there, monkeypatch):
    from reachnote import calibrating
    from reachnote.calibration.steps import Sensor

    run, _, _, page = there
    monkeypatch.setenv("REACHNOTE_RUNTIME", run.env["REACHNOTE_RUNTIME"])
    page.ask("reach-begin", **WHERE, mode="guided")
    page.step("check", 5.0)
    with pytest.raises(calibrating.Taken, match="board beam1, hand is being calibrated in another window"):
        calibrating.only_one(Sensor(BOARD, "hand", "distance", 800, 100, 30, 4000))
    page.ask("reach-leave")
    until(lambda: page.ask("reach-begin", **WHERE, mode="guided")["ok"], 5.0, "it is free again")


def test_another_client_and_the_end_of_the_session_end_the_dialogue_with_a_sentence(there):
    _, _, _, page = there
    page.ask("reach-begin", **WHERE, mode="guided")
    page.step("rest", 5.0)
    page.ask("client-play", code="m3")
    assert page.done() == "Another client plays now, so this calibration was left. Nothing was kept."
    until(lambda: page.ask("reach-begin", **WHERE, mode="guided")["ok"], 5.0, "another dialogue begins")
    page.step("check", 5.0)
    assert page.ask("stop")["ok"] is True
    assert page.done() == "The session has ended meanwhile, so nothing was kept."
    assert page.ask("reach-begin", **WHERE)["text"] == "No session is running just now."


def test_what_cannot_be_begun_is_a_sentence(there):
    _, _, _, page = there
    for mode in ("dance", ["guided"], None, 7):
        text = "There is no such way to calibrate. Choose one of: guided, while playing, therapist-set, as last time."
        assert page.ask("reach-begin", **WHERE, mode=mode)["text"] == text
    for where in ({"board": BOARD, "sensor": "s2"}, {"board": 5, "sensor": None}, {}, {"board": BOARD + "/hand", "sensor": ""}):
        text = "This sensor is not there to calibrate. Plug its board in and choose it again; a switch needs none."
        assert page.ask("reach-begin", **where)["text"] == text


# ---------------------------------------------------------------- in the browser, by the keyboard alone


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.fixture
def screen(browser, there):
    """A page of the desk that knows the board."""
    _, _, desk, _ = there
    context = browser.new_context(viewport={"width": 1280, "height": 720}, locale="en-GB", reduced_motion="reduce")
    page = context.new_page()
    page.goto(desk.address)
    page.wait_for_selector(".chips .chip-name")
    yield page
    context.close()


def sentence(page, text: str, seconds: float = 20.0) -> None:
    page.locator(".reach-sentence", has_text=text).wait_for(timeout=seconds * 1000)


@needs_chromium
@pytest.mark.timeout(180)
def test_a_new_client_is_calibrated_by_the_keyboard_alone(table, there, screen):
    _, hand = table
    run, receiver, _, _ = there
    keys = screen.keyboard
    keys.press("Control+2")
    screen.wait_for_selector(".client-tile")
    keys.press("Tab")
    keys.press("Enter")
    keys.type("K7")
    keys.press("Enter")
    screen.wait_for_selector(".reach-way.main")
    until(lambda: run.status()["client"] == "k7", 5.0, "k7 plays")
    keys.press("Enter")
    sentence(screen, "Let the client rest where it is comfortable.")
    sentence(screen, "Play! A movement that feels easy.")
    hand.plays = True
    began = time.monotonic()
    screen.locator('[data-does="try"]').wait_for(timeout=15_000)
    until(lambda: receiver.notes_on(began), 5.0, "what the client shows sounds before the calibration is over")
    sentence(screen, "A few quick ones in a row, only if it is fun.")
    keys.press("Space")
    sentence(screen, "Play with it. Was each note meant?")
    keys.press("y")
    keys.press("-")
    keys.press("w")
    screen.locator(".strip-sound").first.wait_for(timeout=15_000)
    keys.press("Enter")
    sentence(screen, "From here to here plays.")
    said = screen.locator(".reach-sentences").inner_text()
    assert "It answers " in said
    assert "Easier than it was shown" in said
    assert not any(letter.isdigit() for letter in screen.locator("main").inner_text().replace("beam1", "").replace("k7", ""))
    keys.press("Enter")
    sentence(screen, "Kept for k7.")
    hand.plays = False
    profile = profiles.load("k7", BOARD)
    assert current(profile, "hand").span == pytest.approx(-300.0, rel=0.1)
    assert profile.settings.factor == 0.8
    screen.locator(".reach-keys .main", has_text="Next: palm").wait_for()
    keys.press("Control+z")
    until(lambda: current(profiles.load("k7", BOARD), "hand") is None, 5.0, "taken back")
    receiver.wait_sounding(0, 5.0)


@needs_chromium
def test_last_time_is_one_key_and_hidden_names_hide_codes(table, there, screen):
    run, _, _, other = there
    stored(-300.0)
    other.ask("client-play", code="k7")
    until(lambda: run.status()["client"] == "k7", 5.0, "k7 plays")
    screen.keyboard.press("Control+2")
    tile = screen.locator('.client-tile[aria-pressed="true"]')
    tile.wait_for()
    assert "k7" in tile.inner_text()
    screen.keyboard.press("h")
    screen.wait_for_function("!document.querySelector('.client-tiles').textContent.includes('k7')")
    assert tile.inner_text().split("\n")[0].count(" ") == 1, "a colour and a shape"
    screen.keyboard.press("Control+3")
    screen.locator('[data-way="as-last-time"]').wait_for()
    screen.keyboard.press("l")
    sentence(screen, "Let the client rest where it is comfortable.")
    sentence(screen, "Play! Three easy movements, as last time.")
    screen.keyboard.press("q")
    sentence(screen, "Nothing was changed.")


@needs_chromium
def test_a_code_that_is_none_is_refused_with_why(there, screen):
    screen.keyboard.press("Control+2")
    screen.wait_for_selector(".client-tile")
    screen.keyboard.press("Tab")
    screen.keyboard.press("Enter")
    for code in ("<b>Anna</b>", "x" * 300, "Anna Müller"):
        screen.keyboard.insert_text(code)
        screen.keyboard.press("Enter")
        screen.locator(".client-part .reach-note", has_text="Never a name").wait_for()
        assert screen.evaluate("document.activeElement.id") == "client-code"
    assert screen.locator("main b").count() == 0
    assert profiles.clients() == []


@needs_chromium
def test_a_board_that_is_pulled_is_said_on_the_page(table, there, screen):
    board, _ = table
    screen.keyboard.press("Control+3")
    screen.wait_for_selector(".reach-way.main")
    screen.keyboard.press("Enter")
    sentence(screen, "Let the client rest where it is comfortable.")
    board.unplug()
    screen.locator(".reach-note", has_text="board beam1 is silent. Push its plug in.").wait_for(timeout=5_000)
    screen.keyboard.press("q")
    sentence(screen, "Nothing was changed.")


@needs_chromium
def test_the_meter_is_read_at_most_twice_a_second(table, there, screen):
    _, hand = table
    screen.keyboard.press("Control+3")
    screen.wait_for_selector(".reach-way.main")
    hand.plays = True
    count = screen.evaluate(
        """async () => {
          let count = 0;
          const now = (one) => one.attributeName === "aria-valuenow";
          const seen = new MutationObserver((all) => { count += all.filter(now).length; });
          seen.observe(document.querySelector("[role=meter]"), { attributes: true });
          await new Promise((done) => setTimeout(done, 5000));
          return count;
        }"""
    )
    assert 3 <= count <= 10
