"""The page's own sound in a real browser: a board is pressed, the outlet lets it through, the desk passes it on, Chromium plays.

A second worklet behind the first one keeps every sample and when it was made; what is said here of sound is said of those
samples. What the loudspeaker of a computer adds is not in them.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from reachnote.desk import listen
from reachnote.desk.gate import Gate
from support.boards import SWITCH, PtyBoard
from support.figures import figures
from support.jack import pitch
from support.running import Receiver, Running, percentile, until

numpy = pytest.importorskip("numpy")
playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium")
pytestmark = [pytest.mark.long, pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed here")]

BLOCK = 128
CEILING = 0.5  # -6 dBFS
START = 0.0625  # what a first note never passes
HEARD = 1e-5  # -100 dBFS: below it nothing is heard
CLEAR = 1e-3  # -60 dBFS: above it a note sounds
ENDS_S = 0.3
SWITCHES = 8
LOUD = "[[voice]]\nvelocity = 127\nchord = \"triad\"\nnotes = 4\nprogram = 80\n"

RECORDER = """
class Recorder extends AudioWorkletProcessor {
  #sound = []; #at = [];
  process([[left]]) {
    this.#sound.push(...(left ?? new Float32Array(128)));
    this.#at.push(Date.now());
    if (this.#at.length < 8) return true;
    const from = currentFrame - 7 * 128;
    this.port.postMessage({ from, sound: Float32Array.from(this.#sound), at: this.#at });
    this.#sound = []; this.#at = [];
    return true;
  }
}
registerProcessor("recorder", Recorder);
"""
LISTEN = """async (text) => {
  const sound = pageSound;
  window.parts = [];
  const address = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  await sound.context.audioWorklet.addModule(address);
  const recorder = new AudioWorkletNode(sound.context, "recorder");
  recorder.port.onmessage = ({ data }) => parts.push(data);
  sound.node.connect(recorder);
  recorder.connect(sound.context.destination);
}"""
TAKE = """() => {
  const all = parts.map(({ sound }) => new Uint8Array(sound.buffer));
  const text = all.map((bytes) => String.fromCharCode(...bytes)).join("");
  return { from: parts[0].from, rate: pageSound.context.sampleRate, sound: btoa(text), at: parts.flatMap(({ at }) => at) };
}"""
# Of the last tenth of a second: little work, because a page that is busy for long falls silent, as it should.
LATELY = "() => Math.max(...parts.slice(-5).flatMap(({ sound }) => Array.from(sound, Math.abs)))"
ADD_SWITCH = """async () => {
  await import("/sound/switch.js");
  window.pageSound = (await import("/sound/sound.js")).sound;
  const element = document.createElement("sound-switch");
  element.id = "tried";
  document.body.append(element);
}"""

class Captured:
    """What was played so far. `at` is when each sample was made, seconds of the wall clock."""

    def __init__(self, taken: dict) -> None:
        self.rate, self.first = taken["rate"], taken["from"]
        self.sound = numpy.frombuffer(base64.b64decode(taken["sound"]), dtype="<f4")
        self.at = numpy.repeat(numpy.array(taken["at"]) / 1000.0, BLOCK)

    def peak(self, since: float = 0.0, until: float = float("inf")) -> float:
        part = numpy.abs(self.sound[(self.at >= since) & (self.at < until)])
        return float(part.max()) if part.size else 0.0

    def before(self, moment: float) -> float:
        """How loud the last 50 ms were that were made before `moment`, whenever that was."""
        made = numpy.abs(self.sound[self.at < moment][-int(0.05 * self.rate) :])
        return float(made.max()) if made.size else 0.0

    def part(self, since: float, until: float):
        return self.sound[(self.at >= since) & (self.at < until)]

    def onset(self, since: float, within: float = 0.4) -> float | None:
        """When the first sample came that a tenth of the following sound is as loud as."""
        place = numpy.flatnonzero((self.at >= since) & (self.at < since + within))
        loud = numpy.abs(self.sound[place])
        if not loud.size or loud.max() < 1e-3:
            return None
        return float(self.at[place[int(numpy.argmax(loud > 0.1 * loud.max()))]])

    def last(self, since: float, until: float) -> float:
        """When the last sample came that could be heard."""
        place = numpy.flatnonzero((self.at >= since) & (self.at < until) & (numpy.abs(self.sound) > HEARD))
        return float(self.at[place[-1]]) if place.size else since


class Desk:
    """The desk's process as `reachnote` starts it: it can end and begin again while its socket and its cookie stay."""

    def __init__(self, run: Running) -> None:
        self._run = run
        self._socket = listen(0)
        self._gate = Gate(self._socket.getsockname()[1])
        self.address = self._gate.address
        self.start()

    def start(self) -> None:
        number = self._socket.fileno()
        words = [sys.executable, "-m", "reachnote.desk", f"fd:{number}"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.process = subprocess.Popen(words, env=self._run.env, pass_fds=(number,), text=True, **pipes)
        facts = {"port": self._gate.port, "token": self._gate.token, "pass": self._gate.pass_}
        self.process.stdin.write(json.dumps(facts) + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline()

    def kill(self) -> None:
        self.process.kill()
        self._end()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(5)
            self.process.kill()
        self._end()
        self._socket.close()

    def _end(self) -> None:
        self.process.wait()
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        self.process.stdout.close()


class Table:
    """A board with switches, a session that plays it, and a receiver beside the page that notes what was let through."""

    def __init__(self, *more: str, switches: int = 2) -> None:
        self.board = PtyBoard(sensors=[SWITCH] * switches)
        self.board.stream(100)
        self.receiver = Receiver()
        self.run = Running([f"serial:{self.board.path}"], ["page:", self.receiver.spec], *more)
        self.run.ready(seconds=30)

    def note(self, seconds: float, switch: int = 0, rest: float = 0.45) -> float:
        """Press, hold, let go, wait. When it was pressed, by the wall clock."""
        pressed = time.time()
        self.board.press(switch)
        time.sleep(seconds)
        self.board.press(switch, False)
        time.sleep(rest)
        return pressed

    def let_through(self, since: float) -> list[tuple[float, int, int]]:
        """When, by the wall clock, on which key and with which velocity every note began that left the outlet."""
        ahead = time.time() - time.monotonic()
        return [(m.time + ahead, m.a, m.b) for m in self.receiver.notes_on(since - ahead)]

    def warm(self) -> None:
        """Until notes begin at their whole loudness."""
        for _ in range(4):
            self.note(1.0, rest=0.1)
        time.sleep(0.4)

    def close(self) -> None:
        self.run.stop()
        self.receiver.close()
        self.board.close()


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        made = started.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        )
        yield made
        made.close()


@pytest.fixture(scope="module")
def table():
    with contextlib.closing(Table()) as made:
        yield made


@pytest.fixture
def desk(table):
    with contextlib.closing(Desk(table.run)) as made:
        yield made


@pytest.fixture
def page(browser, desk):
    context, made = opened(browser)
    enter(made, desk.address)
    yield made
    context.close()


def opened(browser):
    """A browser's window and its page. The page's policy lets no recorder in: it is lifted, here and not in the last test."""
    context = browser.new_context(bypass_csp=True)
    return context, context.new_page()


def enter(page, address: str) -> None:
    """Open the desk, turn its sound on, and listen."""
    turn_on(page, address)
    page.evaluate(LISTEN, RECORDER)
    page.wait_for_function("() => parts.length > 20")


def turn_on(page, address: str) -> None:
    """Open the desk and turn its sound on as a person does, with the keyboard."""
    page.goto(address)
    page.wait_for_selector("main h1")
    page.evaluate(ADD_SWITCH)
    page.focus("#tried button")
    page.keyboard.press("Enter")
    wait_on(page)


def wait_on(page, state: str = "on") -> None:
    page.wait_for_function(f"() => pageSound.state === '{state}'", timeout=20_000, polling=50)


def captured(page, seconds: float = 0.15) -> Captured:
    time.sleep(seconds)
    return Captured(page.evaluate(TAKE))


# ------------------------------------------------------------ what is played


def test_the_right_pitches_below_the_ceiling(table, page):
    table.warm()
    begun = time.time()
    for n in range(6):
        table.note(0.5, n % 2)
    heard = captured(page)
    played = table.let_through(begun)
    assert len({key for _, key, _ in played}) > 1
    played = [(at, key) for at, key, _ in played if heard.peak(at + 0.4, at + 0.45) > CLEAR]
    assert len(played) > 2
    for at, key in played:
        hertz = 440.0 * 2 ** ((key - 69) / 12)
        assert pitch(heard.part(at + 0.15, at + 0.45), heard.rate) == pytest.approx(hertz, rel=0.01)
    assert CLEAR < heard.peak() <= CEILING


def test_however_much_sounds_at_its_loudest_it_stays_below_the_ceiling(browser, tmp_path):
    (tmp_path / "loud.toml").write_text(LOUD)
    with contextlib.ExitStack() as there:
        table = there.enter_context(contextlib.closing(Table("--scene", str(tmp_path / "loud.toml"), "--limits", "stage", switches=SWITCHES)))
        desk = there.enter_context(contextlib.closing(Desk(table.run)))
        context, page = opened(browser)
        there.callback(context.close)
        enter(page, desk.address)
        for _ in range(4):
            table.warm()
            begun = time.time()
            for switch in range(SWITCHES):
                table.board.press(switch)
            time.sleep(1.5)
            heard = captured(page)
            for switch in range(SWITCHES):
                table.board.press(switch, False)
            time.sleep(0.3)
            let_through = [velocity for _, _, velocity in table.let_through(begun)]
            if len(let_through) >= 2 * SWITCHES and heard.peak(begun) > 4 * START:
                break
    assert len(let_through) >= 2 * SWITCHES and max(let_through) == 127
    figures("page_sound_ceiling", {"notes": len(let_through), "peak": round(heard.peak(), 4)})
    assert 4 * START < heard.peak() <= CEILING, "louder than one note may ever be, and no louder than all"


def test_the_delay_from_a_press_to_its_sound_and_its_spread(table, page):
    table.warm()
    pressed = [table.note(0.1, n % 2) for n in range(30)]
    heard = captured(page)
    delays = [1000 * (at - press) for press in pressed if (at := heard.onset(press)) is not None]
    assert len(delays) > 20
    middle, low, high = statistics.median(delays), percentile(delays, 0.05), percentile(delays, 0.95)
    told = {"p05_ms": low, "p50_ms": middle, "p95_ms": high, "worst_ms": max(delays), "notes": len(delays)}
    figures("page_sound_onset", {name: round(value, 1) for name, value in told.items()})
    assert middle < 50
    assert high - low < 100


def test_stop_sound_ends_it(table, page):
    def stop():
        asked = time.time()
        table.run.ask("silence")
        time.sleep(0.6)
        return asked, asked + 0.6

    assert_ended(table, page, stop)


# ------------------------------------------------------------ silence where somebody is missing


def held(table, page) -> None:
    """A note sounds, and goes on sounding. (With no time to spare a heartbeat may be late and end it: once more.)"""
    table.warm()
    for _ in range(8):
        table.board.press(0)
        time.sleep(0.4)
        if page.evaluate(LATELY) > CLEAR:
            return
        table.board.press(0, False)
        time.sleep(0.4)
    raise AssertionError("no note sounds in the page")


def assert_ended(table, page, cut: Callable[[], tuple[float, float]], mend: Callable[[], object] = lambda: None) -> Captured:
    """`cut` ends the sound, and says when it did and until when nothing else happened; `mend` lets it begin again."""
    for _ in range(4):
        held(table, page)
        at, until = cut()
        heard = captured(page)
        table.board.press(0, False)
        if heard.before(at) > CLEAR:
            break
        mend()
        wait_on(page)
    assert heard.before(at) > CLEAR
    ended = heard.last(at, until) - at
    figures(f"page_sound_ends_{cut.__name__}", {"silent_after_ms": round(1000 * ended)})
    assert ended <= ENDS_S
    return heard


def first_level(velocity: int) -> float:
    """What a first note with this velocity never passes; a later one would be four times as loud."""
    return START * (velocity / 127) ** 1.5 * (100 / 127) ** 2


def louder(table, page) -> bool:
    """Is a note louder than a first one, once others have sounded?"""
    table.warm()
    begun = table.note(0.4)
    heard = captured(page)
    return any(heard.peak(at, at + 0.4) > 1.5 * first_level(velocity) for at, _, velocity in table.let_through(begun))


def assert_starts_quietly(table, page) -> None:
    """Of the next note that is heard."""
    for _ in range(5):
        begun = table.note(0.4)
        heard = captured(page)
        loud = [velocity for _, _, velocity in table.let_through(begun)]
        if loud and heard.peak(begun) > HEARD:
            assert 0.3 * first_level(max(loud)) < heard.peak(begun) <= first_level(max(loud))
            return
    raise AssertionError("no note is heard in the page")


def test_with_the_pages_thread_blocked_sound_ends_and_then_begins_quietly(table, page):
    def block():
        found = page.evaluate("""() => {
          const begun = Date.now();
          while (Date.now() - begun < 1000);
          return [begun / 1000, Date.now() / 1000];
        }""")
        time.sleep(0.5)
        return found

    assert_ended(table, page, block)
    time.sleep(0.5)
    assert_starts_quietly(table, page)


def test_with_the_desk_killed_sound_ends(table, desk, page):
    def kill():
        at = time.time()
        desk.kill()
        time.sleep(1.0)
        return at, at + 1.0

    assert_ended(table, page, kill, desk.start)
    wait_on(page, "waiting")


def test_with_the_desk_standing_still_sound_ends_and_what_came_late_is_not_played(table, desk, page):
    def stand():
        at = time.time()
        os.kill(desk.process.pid, signal.SIGSTOP)
        time.sleep(0.7)
        table.board.press(0, False)
        for _ in range(3):
            table.note(0.1, 1, rest=0.1)
        os.kill(desk.process.pid, signal.SIGCONT)
        again.append(time.time())
        time.sleep(1.0)
        return at, again[-1]

    again: list[float] = []
    heard = assert_ended(table, page, stand)
    assert heard.peak(again[-1]) <= HEARD
    assert_starts_quietly(table, page)


def test_with_the_outlet_killed_sound_ends_and_the_next_outlet_begins_quietly(table, page):
    def kill():
        worker = table.run.worker()
        at = time.time()
        os.kill(worker, signal.SIGKILL)
        time.sleep(1.0)
        return at, at + 1.0

    assert_ended(table, page, kill)
    time.sleep(1.0)
    wait_on(page)
    assert_starts_quietly(table, page)


def test_with_the_tab_hidden_sound_ends_and_begins_quietly_when_it_is_shown(table, page):
    other = page.context.new_page()
    really = hide(page, other)
    print("the tab is hidden" if really else "this headless Chromium hides no tab: the page is told that it does")
    page.bring_to_front()
    page.evaluate("() => document.addEventListener('visibilitychange', () => (window.turnedAt = Date.now() / 1000))")

    def turn_away():
        if really:
            other.bring_to_front()
        else:
            pretend(page, "hidden")
        time.sleep(0.6)
        at, state = page.evaluate("() => [window.turnedAt, pageSound.state]")
        assert state == "hidden"
        return at, at + 0.6

    def turn_back():
        page.bring_to_front()
        if not really:
            pretend(page, "visible")

    assert_ended(table, page, turn_away, turn_back)
    turn_back()
    wait_on(page)
    time.sleep(0.5)
    assert_starts_quietly(table, page)


def hide(page, other) -> bool:
    """Another tab to the front; True when the page was hidden by that."""
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setFocusEmulationEnabled", {"enabled": False})
    other.bring_to_front()
    with contextlib.suppress(playwright.TimeoutError):
        page.wait_for_function("() => document.visibilityState === 'hidden'", timeout=1000, polling=50)
        return True
    return False


def pretend(page, seen: str) -> None:
    page.evaluate(
        """(seen) => {
          Object.defineProperty(document, "visibilityState", { configurable: true, get: () => seen });
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        seen,
    )


# ------------------------------------------------------------ starts quietly


def test_the_first_note_after_load_and_after_loading_again_is_quiet(table, desk, page):
    assert_starts_quietly(table, page)
    assert any(louder(table, page) for _ in range(4))
    enter(page, desk.address)
    assert_starts_quietly(table, page)


def test_the_first_note_after_a_reconnection_is_quiet(table, desk, page):
    table.warm()
    desk.kill()
    wait_on(page, "waiting")
    desk.start()
    wait_on(page)
    assert_starts_quietly(table, page)


def test_a_note_that_began_before_the_page_was_there_is_not_heard_there(table, browser, desk):
    table.board.press(0)
    until(lambda: table.receiver.sounding, 2.0, "a note")
    context, page = opened(browser)
    enter(page, desk.address)
    heard = captured(page, 0.5)
    table.board.press(0, False)
    time.sleep(0.5)
    context.close()
    assert heard.peak() == 0


def test_the_policy_of_the_page_lets_its_sound_play(browser, desk):
    context = browser.new_context()
    page = context.new_page()
    told = []
    page.on("console", lambda message: told.append(message.text))
    turn_on(page, desk.address)
    context.close()
    assert told == []
