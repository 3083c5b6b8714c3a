"""The whole journey of a therapist by the keyboard alone: `reachnote` as people start it, simulated boards, Debian's Chromium.

Nothing here acts on the page but its keyboard. With REACHNOTE_FIGURES naming a file, the counted actions and seconds are added to
it as JSON.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reachnote import profiles
from reachnote.calibration.steps import CHECK_S, FAST_S, REST_S
from reachnote.profile import current
from support.boards import PRESSURE, SWITCH
from support.desks import ADDRESS
from support.running import Receiver, Running, until
from support.therapist_keys import Listening, Therapist
from tools.screenshots import SIZE, NamedBoard, chromium, holds

pytestmark = [
    pytest.mark.long,  # a browser beside the timed tests would disturb them
    pytest.mark.timeout(240),  # a calibration goes on for as long as it does
    pytest.mark.skipif(shutil.which("chromium") is None, reason="Chromium is not there"),
]

RIBBON = "Green ribbon"
BALL = {**PRESSURE, "name": "ball"}
PADS = [{**SWITCH, "name": "left"}, {**SWITCH, "name": "right"}]
# Seconds of the steps that end by themselves; what a busy computer adds to them is no listening.
LAST = {"check": 2.0, "rest": 8.0, "fast": 5.0}
MOST_ACTIONS, MOST_S = 10, 25.0
RETURNING_ACTIONS, RETURNING_S = 3, 60.0


def note(**figures: object) -> None:
    print(figures)
    if path := os.environ.get("REACHNOTE_FIGURES"):
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(figures) + "\n")


class Client:
    """Squeezes the ball of a board: 20 at rest, up to 300 of 1000, every 1.6 seconds while `plays`."""

    def __init__(self, board: NamedBoard) -> None:
        self._board = board
        self.plays = False
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
            self._board.packer.value[0] = int(20 + 280 * share) + (n * 7 % 5 - 2)
            time.sleep(0.02)

    def stop(self) -> None:
        self._alive = False
        self._thread.join()


def ease(u: float) -> float:
    u = min(max(u, 0.0), 1.0)
    return u * u * u * (10 - 15 * u + 6 * u * u)


class Launch(Running):
    """`reachnote` with its desk, started as people start it; profiles are kept in `folder` and outlast the launch."""

    def __init__(self, folder: Path) -> None:
        self._keeps = folder / "clients"
        self.pads = NamedBoard("Blue pads", PADS, str(folder / "pads"))
        self.ribbon = NamedBoard(RIBBON, [BALL], str(folder / "ribbon"))
        for board in (self.pads, self.ribbon):
            board.stream(100)
        self.client = Client(self.ribbon)
        self.receiver = Receiver()
        self.entrance = ""
        self.began = time.monotonic()
        links = [f"serial:{board.link_path}" for board in (self.pads, self.ribbon)]
        super().__init__(links, [self.receiver.spec], "--no-browser")

    def command(self, *words: str, **how: Any) -> subprocess.Popen:
        self.env["REACHNOTE_CLIENTS"] = str(self._keeps)
        return super().command(*("desk" if word == "play" else word for word in words), **how)

    def address(self) -> str:
        return until(lambda: ADDRESS.search(self.said()), 60.0, f"an address; it said {self.said()!r}")[0]  # type: ignore[index]

    def stop(self) -> int:
        if self._said.closed:
            return self.play.returncode
        code = super().stop()
        self.client.stop()
        for board in (self.pads, self.ribbon):
            board.close()
        self.receiver.close()
        return code


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


def new_page(browser: Any) -> Any:
    return browser.new_context(viewport=SIZE, locale="en-GB", reduced_motion="reduce").new_page()


def waits_for(page: Any, listening: Listening, step: str, seconds: float) -> None:
    """The calibration comes to a step by itself, or by what the client does."""
    end = time.monotonic() + seconds
    while listening.step != step:
        assert time.monotonic() < end, f"never came to {step}; {listening.steps}"
        page.wait_for_timeout(20)


def silent_again(there: Launch) -> None:
    """Everybody lets go, for longer than a bounce of a switch."""
    there.client.plays = False
    there.pads.press(0, False)
    there.receiver.wait_sounding(0)
    time.sleep(0.15)


# ---------------------------------------------------------------- from nothing to playing


def to_reach(me: Therapist, code: str) -> None:
    """From the first screen on: a session, the boards, a new client."""
    me.does("s")
    me.arrives("connect", "Connect")
    me.chooses("Go on to the client")
    me.arrives("client", "Client")
    me.chooses("New client")
    me.types(code)
    me.arrives("reach", "Reach")


def test_a_new_client_plays_after_ten_actions_and_25_seconds_beside_the_calibration(browser, tmp_path):
    with Launch(tmp_path).ready(3, 90.0) as there:
        page = new_page(browser)
        listening, me = Listening(page), Therapist(page)
        page.goto(there.address())
        page.wait_for_selector(".screen-today > *")
        began = time.monotonic()

        to_reach(me, "k7")
        me.does("Enter")
        waits_for(page, listening, "play", 60.0)
        there.client.plays = True
        waits_for(page, listening, "try", 60.0)
        me.does("Enter")
        waits_for(page, listening, "result", 5.0)
        me.does("Enter")
        waits_for(page, listening, "done", 5.0)
        silent_again(there)
        me.chooses("On to the sound")
        me.arrives("sound", "Sound")
        me.chooses("Go on to play")
        me.arrives("play", "Play")
        shown = time.monotonic()
        there.client.plays = True
        first = until(lambda: there.receiver.notes_on(shown), 5.0, "the client's first note")[0].time  # type: ignore[index]

        status = there.status()
        windows = listening.windows()
        whole, heard = first - began, sum(min(seconds, LAST.get(step, seconds)) for step, seconds in windows)
        note(
            journey="new client",
            actions=me.actions,
            keys=me.presses,
            seconds_beside=round(whole - heard, 1),
            of_them_a_persons=round(me.spent_s, 1),
            seconds=round(whole, 1),
            windows={step: round(seconds, 1) for step, seconds in windows},
        )
        assert [step for step, _ in windows] == ["check", "rest", "play", "fast"]
        assert LAST == {"check": CHECK_S, "rest": REST_S, "fast": FAST_S}, "nothing is shortened"
        assert me.actions <= MOST_ACTIONS, me.did
        assert whole - heard <= MOST_S
        assert status["client"] == "k7" and ball(status)["calibrated"] is True
        page.context.close()
    assert kept(tmp_path).span == pytest.approx(280.0, rel=0.1)


def ball(status: dict) -> dict:
    """What the session says of the ball."""
    return next(board for board in status["boards"] if board["name"] == RIBBON)["sensors"][0]


def kept(folder: Path) -> Any:
    """The ball's calibration in k7's profile."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REACHNOTE_CLIENTS", str(folder / "clients"))
        return current(profiles.load("k7", RIBBON), "ball")


def test_a_returning_client_plays_after_three_actions_and_a_minute_from_the_launch(browser, tmp_path):
    known(browser, tmp_path)
    there = Launch(tmp_path)
    try:
        page = new_page(browser)
        me = Therapist(page)
        page.goto(there.address())
        page.wait_for_selector(".screen-today > *")
        opened = time.monotonic()
        me.chooses("Client")
        me.arrives("client", "Client")
        me.chooses("k7")
        me.arrives("reach", "Reach")
        me.chooses("Play", back=True)
        me.arrives("play", "Play")
        shown = time.monotonic()
        there.client.plays = True
        first = until(lambda: there.receiver.notes_on(shown), 10.0, "the client's first note")[0].time  # type: ignore[index]
        status = there.status()
        note(
            journey="returning client",
            actions=me.actions,
            keys=me.presses,
            seconds=round(first - there.began, 1),
            until_the_page=round(opened - there.began, 1),
            of_them_a_persons=round(me.spent_s, 1),
        )
        assert me.actions <= RETURNING_ACTIONS, me.did
        assert first - there.began <= RETURNING_S
        assert status["client"] == "k7" and ball(status)["calibrated"] is True
        page.context.close()
    finally:
        there.stop()


def known(browser: Any, folder: Path) -> None:
    """k7 with a calibration of the ball, made on the page; the steps end as early as a therapist may end them."""
    with Launch(folder).ready(3, 90.0) as there:
        page = new_page(browser)
        listening, me = Listening(page), Therapist(page, pace=0.0)
        page.goto(there.address())
        page.wait_for_selector(".screen-today > *")
        to_reach(me, "k7")
        me.does("Enter")
        waits_for(page, listening, "rest", 10.0)
        page.wait_for_timeout(3500)
        me.does("Enter")
        waits_for(page, listening, "play", 5.0)
        there.client.plays = True
        page.locator('[data-does="try"]').wait_for(timeout=15_000)
        page.wait_for_timeout(5000)
        me.does("Space")
        waits_for(page, listening, "try", 5.0)
        me.does("Enter")
        waits_for(page, listening, "result", 5.0)
        me.does("Enter")
        waits_for(page, listening, "done", 5.0)
        page.context.close()
    assert kept(folder).span == pytest.approx(280.0, rel=0.1)


# ---------------------------------------------------------------- while people play


@pytest.fixture(scope="module")
def there(tmp_path_factory) -> Iterator[Launch]:
    with Launch(tmp_path_factory.mktemp("played")).ready(3, 90.0) as launched:
        launched.entrance = launched.address()
        yield launched


@pytest.fixture
def me(browser, there) -> Iterator[Therapist]:
    """In front of the first screen, as fast as the page takes keys."""
    page = new_page(browser)
    page.goto(there.entrance)
    page.wait_for_selector(".screen-today > *")
    holds(page, "document.querySelector('.chips').textContent.includes('3')")
    yield Therapist(page, pace=0.0)
    page.context.close()
    silent_again(there)


RAIL = {
    "Connect": "connect",
    "Client": "client",
    "Reach": "reach",
    "Sound": "sound",
    "Play": "play",
    "Finish": "finish",
    "Today": "today",
}


def go(me: Therapist, name: str) -> None:
    """To a screen by its word in the rail."""
    me.chooses(name)
    me.arrives(RAIL[name], name)
    me.page.wait_for_timeout(300)  # what it asks the desk for is drawn


def said(me: Therapist, text: str) -> None:
    """It is said politely, so that a screen reader says it as well."""
    me.page.locator(".foot .said", has_text=text).wait_for(timeout=10_000)


def held(there: Launch) -> None:
    """A client holds a switch that sounds."""
    for _ in range(8):
        silent_again(there)
        there.pads.press(0)
        with contextlib.suppress(AssertionError):
            there.receiver.wait_sounding(1, 0.5)
            return
        time.sleep(0.3)  # a busy computer took the board for silent: what it pressed meanwhile is not played
    there.receiver.wait_sounding(1)


def test_the_first_screens_letters_work_from_the_start_and_not_on_other_buttons(me):
    me.does("s")
    me.arrives("connect", "Connect")
    go(me, "Today")
    me.tabs_to("Stop sound")
    me.does("j")
    me.page.wait_for_timeout(300)
    assert me.page.locator(".screen-today").count() == 1
    me.tabs_to("Start a session")
    me.does("j")
    me.arrives("play", "Play")


def test_with_single_letters_off_the_first_screen_names_none(browser, there):
    page = new_page(browser)
    page.add_init_script("localStorage.setItem('reachnote-letters', 'off')")
    page.goto(there.entrance)
    page.wait_for_selector(".screen-today > *")
    page.keyboard.press("s")
    page.wait_for_timeout(300)
    assert page.locator(".screen-today").count() == 1
    assert page.locator(".tile kbd, .tile[aria-keyshortcuts]").count() == 0
    page.context.close()


def test_reach_begins_with_what_is_plugged_in_and_ends_with_the_pointer(me):
    go(me, "Reach")
    me.page.wait_for_selector(".reach-tab")
    assert [text.split("\n")[0] for text in me.page.locator(".reach-tab").all_inner_texts()] == ["ball", "across", "up"]
    assert me.page.locator(".reach-tab[aria-pressed=true]").inner_text().split("\n")[0] == "ball"


@pytest.mark.parametrize("screen", RAIL)
def test_tab_comes_to_everything_and_nothing_holds_the_focus(me, screen):
    go(me, screen)
    assert me.goes_round() >= 15


def test_a_planted_trap_and_what_tab_cannot_reach_are_found(me):
    def plant(script: str) -> None:
        me.page.evaluate(script)

    plant("document.querySelector('.stop').addEventListener('keydown', (event) => event.key === 'Tab' && event.preventDefault())")
    with pytest.raises(AssertionError, match=r"^Tab stays at 'Stop sound'"):
        me.goes_round()
    me.page.reload()
    me.page.wait_for_selector(".screen-today > *")
    plant("""const jump = (event) => {
      if (event.key !== 'Tab' || event.shiftKey) return;
      event.preventDefault();
      document.querySelector('.stop').focus();
    };
    document.querySelector('.lock').previousElementSibling.tabIndex = -1;
    document.querySelector('.tile.main').addEventListener('keydown', jump);""")
    with pytest.raises(AssertionError, match=r"^Tab leaves out .*Just play"):
        me.goes_round()


@pytest.mark.parametrize("screen", RAIL)
def test_esc_ends_what_sounds_wherever_the_focus_is_and_leaves_it_there(me, there, screen):
    go(me, screen)
    tried = []
    for _ in range(10):
        held(there)
        before = me.focus()
        me.does("Escape")
        there.receiver.wait_sounding(0)
        assert me.focus() == before
        tried.append(before)
        me.does("Tab")
    for name in ("Stop sound", "Hide names"):
        me.tabs_to(name)
        held(there)
        me.does("Escape")
        there.receiver.wait_sounding(0)
        tried.append(me.focus())
    assert len(set(tried)) >= 4


def test_a_therapist_plays_along_by_the_keyboard_alone(me, there):
    """Pause, easier and harder, a mark, another scene and back, names hidden and shown."""
    page = me.page
    go(me, "Client")
    me.chooses("New client")
    me.types("m3")
    me.arrives("reach", "Reach")
    go(me, "Play")

    held(there)
    me.does("Space")
    there.receiver.wait_sounding(0)
    said(me, "A pause. Nothing sounds until you go on.")
    me.chooses("Go on")
    said(me, "Going on. Everybody plays again.")
    held(there)
    me.chooses("Pause")
    there.receiver.wait_sounding(0)
    me.chooses("Go on")

    assert ball(there.status())["factor"] == 1.0
    me.does("-")
    said(me, "Easier: a smaller movement plays it all.")
    assert ball(there.status())["factor"] == 0.8
    me.does("+")
    said(me, "Harder: it takes a bigger movement.")
    assert ball(there.status())["factor"] == 1.0

    me.does("m")
    said(me, "This moment is marked.")
    assert [line["text"] for line in there.news() if line["news"] == "mark"] == ["A moment is marked."]

    before = there.status()["music"]["scene"]
    me.does("Control+4")
    me.arrives("sound", "Sound")
    other = other_scene(page)
    held(there)
    me.chooses(other)
    said(me, "Done: another scene.")
    until(lambda: there.status()["music"]["scene"] == other, 5.0, "the other scene")
    me.does("Control+z")
    said(me, "Taken back: another scene.")
    until(lambda: there.status()["music"]["scene"] == before, 5.0, "the scene before")
    me.does("Control+Shift+z")
    until(lambda: there.status()["music"]["scene"] == other, 5.0, "the other scene again")
    me.does("Control+z")
    until(lambda: there.status()["music"]["scene"] == before, 5.0, "the scene before")

    go(me, "Client")
    holds(page, "document.body.innerText.includes('m3')")
    me.does("h")
    holds(page, "!document.body.innerText.includes('m3')")
    me.does("h")
    holds(page, "document.body.innerText.includes('m3')")


def other_scene(page: Any) -> str:
    """The first card of a scene that does not play."""
    page.wait_for_selector(".card[aria-pressed=false]")
    return page.evaluate("document.querySelector('.card[aria-pressed=false] strong').textContent.trim()")


def test_the_focus_stays_on_the_scene_that_was_chosen(me):
    go(me, "Sound")
    other = other_scene(me.page)
    me.chooses(other)
    holds(me.page, f"document.querySelector('.card[aria-pressed=true]')?.textContent.includes({json.dumps(other)})")
    assert me.focus() == other
    me.does("Control+z")
    said(me, "Taken back: another scene.")


def test_the_page_is_locked_and_unlocked_by_the_keyboard_alone(me, there):
    page = me.page
    go(me, "Sound")
    me.chooses("Lock the page")
    me.arrives("play", "Play")
    said(me, "The page is locked. Stop sound still works.")
    me.does("Control+4")
    page.wait_for_timeout(300)
    assert page.locator(".screen-play").count() == 1
    met = []
    for _ in range(8):
        me.does("Tab")
        met.append(me.focus())
    assert set(met) - {""} == {"Go to the content", "Play", "Pause", "Next scene", "Hold 2 seconds to unlock", "Stop sound"}
    held(there)
    me.does("Escape")
    there.receiver.wait_sounding(0)
    me.tabs_to("Hold 2 seconds to unlock")
    me.does("Enter")
    assert page.evaluate("document.documentElement.dataset.locked") == "true"
    me.holds("Enter", 2.5)
    said(me, "The page is unlocked.")
    assert me.focus() == "Lock the page"
    go(me, "Sound")


def test_the_trouble_helper_looks_for_itself_and_goes_back_to_where_it_came_from(me, there):
    page = me.page
    go(me, "Connect")
    me.does("F1")
    me.arrives("help", "What is the trouble?")
    assert me.goes_round() >= 15
    page.locator("h1").focus()
    me.chooses("No sound")
    held(there)
    holds(page, "document.querySelectorAll('.step[data-done=true]').length === 3")
    assert page.locator(".step-state").all_inner_texts() == ["Done", "Done", "Done"]
    me.chooses("Sound will not stop")
    there.receiver.wait_sounding(0)
    me.chooses("Reset")
    holds(page, "document.querySelectorAll('.step[data-done=true]').length === 3")
    me.chooses("Go back")
    me.arrives("connect", "Connect")


def test_a_session_is_finished_by_the_keyboard_alone(me, there):
    me.does("s")
    me.arrives("connect", "Connect")
    held(there)
    go(me, "Finish")
    me.page.get_by_text(re.compile(r"[1-9]\d* notes? (was|were) played\.")).wait_for()
    me.chooses("Words for yourself", key="A")
    me.types("calm today", end="Tab")
    assert me.page.locator("textarea").input_value() == "Acalm today"
    me.chooses("End the session", back=True)
    there.receiver.wait_sounding(0)
    me.page.get_by_text("Session ended").wait_for()
    assert me.focus() == "Start a session"
