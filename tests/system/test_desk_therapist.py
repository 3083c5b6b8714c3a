"""What a therapist has on Sound and Play, in Debian's Chromium: headphones, a switch that asks, that moment again, one switch."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from tests.system.test_desk_page import AXE, OVERLAPS, SCROLLS, SMALL

from support.boards import DISTANCE, PRESSURE, SWITCH
from support.running import Running, until
from tools import screenshots
from tools.screenshots import Room, chromium, holds, page_of, to

pytestmark = [
    pytest.mark.long,  # a browser beside the timed tests would disturb them
    pytest.mark.skipif(shutil.which("chromium") is None, reason="Chromium is not there"),
]

STEP_S = 0.5
FRAMED = "document.querySelector('[data-scan=true]')?.textContent"
SAID = "document.querySelector('.said').textContent"
ENDS = "() => [...document.querySelectorAll('main, .reach-beside, .side')].map((e) => e.scrollHeight - e.clientHeight)"


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def there():
    switches = [{**SWITCH, "name": name} for name in ("left", "right", "red", "blue")]
    with Room(("Blue pads", switches), ("Green ribbon", [{**PRESSURE, "name": "ball"}])) as made:
        made.shut()
        made.run.env["REACHNOTE_RECORDINGS"] = str(made.folder / "recordings")
        made.open()
        yield made


@pytest.fixture
def page(browser, there):
    found = page_of(browser, there)
    yield found
    found.context.close()
    there.run.ask("silence")


def side(page, name: str) -> None:
    to(page, "sound")
    page.locator(f"[data-name={name}]").click()


def hold(there, switch: int = 0) -> None:
    """Press until it sounds: a slow computer may have taken the board for gone."""
    for _ in range(10):
        there.boards[0].press(switch, True)
        with contextlib.suppress(AssertionError):
            there.receiver.wait_sounding(1, seconds=1.0)
            return
        there.boards[0].press(switch, False)
        time.sleep(0.3)
    raise AssertionError("no note sounds")


def note(there, switch: int = 0) -> None:
    hold(there, switch)
    there.boards[0].press(switch, False)
    there.receiver.wait_sounding(0)


# ---------------------------------------------------------------- a pause


def test_in_a_pause_nothing_sounds_until_everybody_goes_on(page, there):
    to(page, "play")
    hold(there)
    page.keyboard.press("Space")
    there.receiver.wait_sounding(0)
    holds(page, "document.querySelector('.play-acts .button').textContent.trim() === 'Go on'")
    there.boards[0].press(0, False)
    heard = len(there.receiver.notes_on())
    for down in (True, False, True, False):
        there.boards[0].press(1, down)
        time.sleep(0.2)
    assert len(there.receiver.notes_on()) == heard
    assert "It is a pause." in page.locator("trouble-bar").text_content()
    page.keyboard.press("Escape")
    assert there.run.status()["paused"] is True
    page.get_by_role("button", name="Go on").first.click()
    until(lambda: not there.run.status()["paused"], 5, "the end of the pause")
    note(there)


# ---------------------------------------------------------------- Sound


def test_what_was_chosen_to_hear_by_is_kept_on_this_computer(page):
    side(page, "here")
    assert page.get_by_label("Loudspeaker").is_checked()
    page.get_by_label("Headphones").check()
    assert page.locator(".sound-line").text_content() == "Quieter for headphones: they are close to the ears."
    page.reload()
    side(page, "here")
    assert page.get_by_label("Headphones").is_checked()
    assert page.evaluate("import('/sound/sound.js').then(({ sound }) => sound.headphones)") is True


LOUDEST = """(ms) => import('/sound/sound.js').then(({ sound }) => new Promise((done) => {
  const ear = new AnalyserNode(sound.context, { fftSize: 2048 });
  const part = new Float32Array(2048);
  let loudest = 0;
  sound.node.connect(ear);
  const timer = setInterval(() => { ear.getFloatTimeDomainData(part); for (const value of part) loudest = Math.max(loudest, Math.abs(value)); }, 20);
  setTimeout(() => { clearInterval(timer); sound.node.disconnect(ear); done(loudest); }, ms);
}))"""


def test_headphones_get_a_quarter_of_the_sound_in_the_browser_as_well(page, there):
    side(page, "here")
    page.get_by_role("button", name="Turn sound on here").click()
    holds(page, "document.querySelector('sound-switch').dataset.state === 'on'", 20)

    def first_notes() -> float:
        loudest = 0.0
        for _ in range(6):
            there.boards[0].press(0, True)
            loudest = max(loudest, page.evaluate(LOUDEST, 400))
            there.boards[0].press(0, False)
            page.wait_for_timeout(300)
        return loudest

    loudspeaker = first_notes()
    page.get_by_label("Headphones").check()
    page.wait_for_timeout(300)
    headphones = first_notes()
    there.run.ask("order", order="outputs", outputs=[there.receiver.spec])
    assert loudspeaker > 0.005
    assert 0 < headphones < loudspeaker / 2


def test_a_switch_asks_for_softer_until_that_is_taken_back(page, there):
    side(page, "switches")
    row = page.get_by_role("group", name="Blue pads, left")
    assert row.get_by_label("Plays").is_checked()
    row.get_by_label("Softer").check()
    holds(page, f"{SAID} === 'Blue pads, left: this switch makes it softer.'")
    there.boards[0].press(0, True)
    page.wait_for_selector("trouble-bar:not([hidden])")
    assert page.locator("trouble-bar strong").text_content() == "Somebody asked for softer."
    there.boards[0].press(0, False)
    there.run.ask("order", order="pedal", action="lift")
    assert steers(there)["left"] == "softer"
    page.keyboard.press("Control+z")
    until(lambda: steers(there)["left"] == "", 10, "the switch plays again")
    holds(page, "document.querySelector('.switches [value=plays]').checked")
    note(there)


def steers(there) -> dict[str, str]:
    board = next(board for board in there.run.status()["boards"] if board["name"] == "Blue pads")
    return {sensor["name"]: sensor["steers"] for sensor in board["sensors"]}


def test_every_switch_is_reached_and_every_page_of_the_side_has_room_beside_a_trouble(browser, there):
    axe = pytest.importorskip("axe_playwright_python.base", reason="axe-playwright-python is not there")
    for language, more in (("en-GB", "More"), ("de", "Mehr")):
        page = page_of(browser, there, language=language, scan="1")
        page.evaluate(axe.AXE_SCRIPT)
        there.run.ask("order", order="pedal", action="softer")
        page.wait_for_selector("trouble-bar:not([hidden])")
        to(page, "look")
        assert (page.evaluate(SCROLLS), page.evaluate(OVERLAPS), page.evaluate(SMALL)) == ([False, False], [], [])
        assert page.evaluate(AXE) == []
        for name in ("loudness", "here", "switches"):
            side(page, name)
            page.wait_for_timeout(250)
            assert page.evaluate(SCROLLS) == [False, False], name
            assert page.evaluate(OVERLAPS) == [], name
            assert page.evaluate(SMALL) == [], name
            assert page.evaluate(AXE) == [], name
        holds(page, "document.querySelectorAll('.switches legend').length === 3")
        names = page.locator(".switches legend").all_text_contents()
        page.locator(".side").get_by_role("button", name=more).click()
        names += page.locator(".switches legend").all_text_contents()
        assert [name for name in names if name.startswith("Blue")] == [
            f"Blue pads, {name}" for name in ("left", "right", "red", "blue")
        ]
        there.run.ask("order", order="pedal", action="lift")
        page.context.close()


def test_what_is_pressed_and_pointed_at_is_still_read(page):
    page.locator(".tools .button").first.click()
    page.wait_for_timeout(300)
    style = page.evaluate("""() => {
      const { color, backgroundColor } = getComputedStyle(document.querySelector('.tools [aria-pressed=true]:hover'));
      return [color, backgroundColor];
    }""")
    assert style == ["rgb(255, 255, 255)", "rgb(11, 93, 107)"]
    page.keyboard.press("h")


# ---------------------------------------------------------------- Play


def test_r_plays_the_last_moment_again_on_play_alone(page, there):
    to(page, "play")
    note(there)
    played = len(there.receiver.notes_on(0))
    page.keyboard.press("r")
    holds(page, f"{SAID} === 'That moment sounds again.'")
    deadline = time.monotonic() + 30
    while len(there.receiver.notes_on(0)) == played:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    to(page, "sound")
    page.evaluate(ASKED)
    page.keyboard.press("r")
    page.keyboard.press("m")
    holds(page, f"{SAID} === 'This moment is marked.'")
    assert page.evaluate("asked.flatMap(({ order }) => order ?? [])") == ["pedal"]


ASKED = """() => {
  const send = WebSocket.prototype.send;
  window.asked = [];
  WebSocket.prototype.send = function (text) { asked.push(JSON.parse(text)); send.call(this, text); };
}"""


def test_a_moment_is_what_came_since_the_mark_and_never_less_than_5_seconds(page, there):
    to(page, "play")
    page.evaluate(ASKED)
    page.keyboard.press("r")
    page.keyboard.press("m")
    holds(page, f"{SAID} === 'This moment is marked.'")
    page.wait_for_timeout(200)
    page.keyboard.press("r")
    page.wait_for_timeout(6500)
    page.keyboard.press("r")
    seconds = page.evaluate("asked.filter(({ order }) => order === 'moment').map(({ seconds }) => seconds)")
    assert seconds[:2] == [20, 5]
    assert 6 < seconds[2] < 20


def test_where_nothing_sounded_the_page_says_so_in_the_words_of_the_session(browser):
    with Room(("Quiet pads", [{**SWITCH, "name": "left"}])) as own:
        page = page_of(browser, own, language="de")
        to(page, "play")
        page.locator(".play-acts .button", has_text="Den Moment noch einmal").click()
        holds(page, f"{SAID} !== ''")
        assert page.locator(".said").get_attribute("lang") == "en-GB"
        assert "othing" in page.locator(".said").text_content()
        page.context.close()


def test_a_recording_goes_into_the_folder_that_is_named(page, there):
    to(page, "play")
    folder = there.folder / "recordings"
    page.get_by_role("button", name="Record").click()
    page.wait_for_selector(".recording[data-on=on]")
    assert page.evaluate(SAID) == f"Recording, into the folder {folder}. Everybody in the room can see that."
    page.get_by_role("button", name="Stop recording").click()
    page.wait_for_selector(".recording[data-on=off]")
    assert [path.suffix for path in folder.iterdir()] == [".jsonl"]


@pytest.fixture
def pointed(browser, monkeypatch):
    """A session that listens to pointers too, which are a board of their own, and its page."""
    monkeypatch.setattr(screenshots, "Running", lambda links, outs: Running([*links, "page:"], outs))
    with Room(("Blue pads", [{**SWITCH, "name": "left"}]), ("Red pads", [{**SWITCH, "name": "right"}])) as own:
        found = page_of(browser, SimpleNamespace(address=own.address, boards=[*own.boards, "Pointer"]))
        yield own, found
        found.context.close()


def test_space_presses_the_pointer_while_the_pad_has_the_focus_and_no_longer(pointed):
    there, page = pointed
    to(page, "play")
    page.get_by_role("button", name="Play by pointer").click()
    page.wait_for_selector("reach-bars[data-pad=true]")
    assert page.evaluate("document.activeElement.localName") == "reach-bars"
    for key in ("Space", "Enter"):
        page.keyboard.down(key)
        there.receiver.wait_sounding(1)
        page.wait_for_timeout(2000)  # longer than a page may be silent
        assert len(there.receiver.sounding) == 1
        page.keyboard.up(key)
        there.receiver.wait_sounding(0)
    page.keyboard.down("Space")
    there.receiver.wait_sounding(1)
    page.locator("h1").focus()
    there.receiver.wait_sounding(0)
    page.keyboard.up("Space")


# ---------------------------------------------------------------- one switch


@pytest.fixture
def scanned(browser, there, request):
    found = page_of(browser, there, scan=str(getattr(request, "param", STEP_S)))
    to(found, "play")
    yield found
    found.context.close()
    there.run.ask("silence")


FRAMES = """(name) => new Promise((done) => {
  const line = document.querySelector('.scan-now');
  new MutationObserver((_, seen) => line.textContent === name && (seen.disconnect(), done())).observe(line, { childList: true });
})"""


def slowly(test):
    """A slow computer needs a moment between seeing what is framed and pressing."""
    return pytest.mark.parametrize("scanned", [1.5], indirect=True, ids=[""])(test)


def test_one_action_after_the_other_is_framed_and_named_stop_sound_first(scanned):
    scanned.evaluate("""() => {
      window.framed = [];
      const line = document.querySelector('.scan-now');
      const seen = () => framed.push([performance.now(), line.textContent, document.querySelectorAll('[data-scan=true]').length]);
      new MutationObserver(seen).observe(line, { childList: true });
    }""")
    holds(scanned, "framed.length > 13", 20)
    framed = scanned.evaluate("framed")
    names = [name for _, name, _ in framed]
    begin = names.index("Stop sound")
    assert names[begin : begin + 7] == ["Stop sound", "Pause", "Next scene", "Easier", "Harder", "Mark this moment", "Stop sound"]
    assert {count for _, _, count in framed} == {1}
    assert min(after[0] - before[0] for before, after in zip(framed, framed[2:], strict=False)) > 1000 * STEP_S * 1.5
    assert scanned.locator(".scan-now").get_attribute("role") == "status"


@slowly
@pytest.mark.parametrize("by", ["Space", "Enter", "stage", "with the focus on another action"])
def test_a_press_chooses_what_is_framed(scanned, by):
    scanned.evaluate(ASKED)
    if by.startswith("with"):
        scanned.locator(".play-acts .button", has_text="Pause").focus()
    scanned.evaluate(FRAMES, "Mark this moment")
    if by == "stage":
        scanned.locator("reach-bars").click()
    else:
        scanned.keyboard.press(by if by in ("Space", "Enter") else "Space")
    holds(scanned, f"{SAID} === 'This moment is marked.'")
    assert scanned.evaluate("asked.filter((one) => one.do === 'silence')") == []


@slowly
def test_stop_sound_is_chosen_like_the_others_and_esc_needs_no_frame(scanned, there):
    for key, framed in (("Space", "Stop sound"), ("Escape", "Harder")):
        hold(there)
        scanned.evaluate(FRAMES, framed)
        scanned.keyboard.press(key)
        there.receiver.wait_sounding(0)
        there.boards[0].press(0, False)
        time.sleep(0.3)


@slowly
def test_while_it_is_held_nothing_moves_on_and_after_three_seconds_scanning_is_over(scanned):
    scanned.evaluate(ASKED)
    scanned.evaluate(FRAMES, "Easier")
    scanned.keyboard.down("Space")
    scanned.wait_for_timeout(2000)
    assert scanned.evaluate(FRAMED) == "Easier"
    holds(scanned, f"{SAID}.startsWith('Scanning is over.')")
    scanned.keyboard.up("Space")
    scanned.wait_for_timeout(2000)
    assert scanned.evaluate(f"{FRAMED} ?? ''") == ""
    assert scanned.evaluate("asked.filter((one) => one.do === 'order')") == []


@slowly
def test_a_click_of_somebody_who_helps_leaves_the_switch_where_it_was(scanned):
    scanned.locator(".tools .button").first.click()
    assert scanned.evaluate("document.activeElement.className") == "stage"
    scanned.evaluate(FRAMES, "Mark this moment")
    scanned.keyboard.press("Space")
    holds(scanned, f"{SAID} === 'This moment is marked.'")
    assert scanned.evaluate("document.documentElement.dataset.names") == "hidden"


def test_a_locked_page_scans_what_it_still_shows(scanned):
    scanned.locator(".lock").click()
    seen = set()
    for _ in range(int(5 * STEP_S / 0.05)):
        seen.add(scanned.evaluate(FRAMED))
        scanned.wait_for_timeout(50)
    assert seen - {None} <= {"Stop sound", "Pause", "Next scene", "Easier"}  # the last one as the lock came
    assert {"Stop sound", "Pause", "Next scene"} <= seen


def test_scanning_is_off_until_it_is_switched_on_and_the_scan_step_has_its_ends(page):
    to(page, "play")
    assert page.evaluate(f"{FRAMED} ?? ''") == ""
    to(page, "look")
    group = page.get_by_role("group", name="Scanning with one switch, on Play")
    assert group.get_by_label("Off", exact=True).is_checked()
    group.get_by_label("On", exact=True).check()
    for _ in range(6):
        page.get_by_label("A shorter scan step").click()
    assert page.locator(".scan-step output").text_content() == "0.5 s"
    for _ in range(20):
        page.get_by_label("A longer scan step").click()
    assert page.locator(".scan-step output").text_content() == "5 s"
    to(page, "play")
    assert page.evaluate(FRAMED) == "Stop sound"


# ---------------------------------------------------------------- an earlier start; many sensors; two players


def test_a_page_of_an_earlier_start_says_calmly_what_it_is(browser):
    with Room(("Blue pads", [{**SWITCH, "name": "left"}])) as own:
        page = page_of(browser, own)
        own.shut()
        page.wait_for_selector("trouble-bar[data-urgent=true]")
        port = own.origin.rpartition(":")[2]
        words = [sys.executable, "-m", "reachnote.desk", port]
        own.desk = subprocess.Popen(words, env=own.run.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert own.desk.stdout.readline().startswith(own.origin)
        page.wait_for_selector("trouble-bar[data-urgent=false]")
        assert page.locator("trouble-bar p").text_content() == (
            "This page belongs to an earlier start of reachnote. It shows nothing new, and Stop sound does not work from here. "
            "Close it, and open reachnote again."
        )
        assert page.locator("trouble-bar button").count() == 0
        page.context.close()


def test_ten_sensors_and_a_trouble_have_room_on_reach(browser):
    sensors = [{**sensor, "name": f"sensor {n}"} for n, sensor in enumerate([PRESSURE, DISTANCE])]
    with Room(*[(f"Board number {n}", sensors) for n in range(5)]) as own:
        own.run.ask("order", order="pedal", action="softer")
        for language in ("en-GB", "de"):
            page = page_of(browser, own, language=language)
            page.wait_for_selector("trouble-bar:not([hidden])")
            to(page, "reach")
            page.wait_for_selector(".reach-way:not([hidden])")
            assert max(page.evaluate(ENDS)) <= 0
            assert page.evaluate(OVERLAPS) == []
            assert page.locator(".reach-tabs option").count() == 10
            page.locator(".reach-tabs select").focus()
            page.locator(".reach-tabs select").select_option("Board number 3/sensor 1")
            assert page.locator(".reach-name").text_content() == "Board number 3, sensor 1"
            assert page.evaluate("document.activeElement.value") == "Board number 3/sensor 1"
            page.context.close()


SHORTENED = """() => [...document.querySelectorAll('.bar-name span, .bar-board')]
  .filter((e) => e.scrollWidth > e.clientWidth).map((e) => e.textContent)"""


@pytest.mark.parametrize("each", [1, 2, 3, 4])
def test_the_bars_of_two_players_say_whose_they_are(browser, each):
    kinds = [(SWITCH, "left"), (SWITCH, "right"), (PRESSURE, "ball"), (DISTANCE, "hand")]
    mine = [{**kind, "name": name} for kind, name in kinds[:each]]
    with Room(("Blue pads", mine), ("Green ribbon", mine)) as own:
        page = page_of(browser, own)
        to(page, "play")
        assert sorted(page.locator(".bar-board").all_text_contents()) == ["Blue pads", "Green ribbon"]
        assert page.locator(".bar-name").all_text_contents() == [name for _, name in kinds[:each]] * 2
        assert page.evaluate(SHORTENED) == []
        boxes = page.evaluate("""() => {
          const box = (e) => e.getBoundingClientRect();
          const bars = [...document.querySelectorAll('.bar-label')].map(box);
          return [...document.querySelectorAll('.bar-board')].map(box).map((board) =>
            bars.filter((bar) => bar.left + bar.width / 2 > board.left && bar.left + bar.width / 2 < board.right).length);
        }""")
        assert boxes == [each, each]
        page.context.close()
