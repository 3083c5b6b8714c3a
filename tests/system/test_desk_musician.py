"""Where the sound goes, and a musician's help, in Debian's Chromium: a session with simulated boards, a desk and a receiver."""

from __future__ import annotations

import shutil
import time

import pytest

from support.running import until
from tools.screenshots import SIZE, chromium, holds, page_of, room, to

pytestmark = [
    pytest.mark.long,  # a browser beside the timed tests would disturb them
    pytest.mark.skipif(shutil.which("chromium") is None, reason="Chromium is not there"),
]

CONTROL = 0xB0
STORM = 74  # what the hand moves in the scene storm
BEGIN, END = "Begin", "End"


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def there():
    with room() as made:
        made.boards[1].move(1, 500)  # the hand rests
        made.run.ask("order", order="scene", name="storm")
        until(lambda: hand(made)["controls"] == [STORM], 5.0, "the scene storm")
        yield made


@pytest.fixture
def page(browser, there):
    found = page_of(browser, there)
    yield found
    found.context.close()


def hand(there) -> dict:
    sensors = [sensor for board in there.run.status()["boards"] for sensor in board["sensors"]]
    return next(sensor for sensor in sensors if sensor["name"] == "hand")


def inside(page, module: str, script: str) -> object:
    """What `script` gives, where `it` is a module of the page."""
    return page.evaluate(f"import('/{module}').then((it) => {{ {script} }})")


def said(page) -> str:
    return page.locator(".said").text_content()


# ---------------------------------------------------------------- where the sound goes


def places(page) -> dict[str, str]:
    """What each switch is called, and whether it is on."""
    rows = page.locator(".place").all()
    return {row.locator("strong").text_content(): row.get_attribute("aria-checked") for row in rows}


def test_a_place_is_turned_on_and_off_and_the_session_follows(page, there):
    to(page, "connect")
    holds(page, "document.querySelectorAll('.place').length > 2")
    port = page.locator('.place[data-spec="midi:virtual"]')
    assert port.get_attribute("role") == "switch"
    before = [output["spec"] for output in there.run.status()["outputs"]]
    assert "midi:virtual" not in before
    port.click()
    holds(page, """document.querySelector('.place[data-spec="midi:virtual"]').ariaChecked === 'true'""")
    assert page.locator('.place[data-spec="midi:virtual"] .place-state').text_content() == "on"
    assert page.evaluate("document.activeElement.dataset.spec") == "midi:virtual"
    until(lambda: "midi:virtual" in [output["spec"] for output in there.run.status()["outputs"]], 5.0, "the port")
    page.keyboard.press("Control+z")
    until(lambda: [output["spec"] for output in there.run.status()["outputs"]] == before, 5.0, "the port is taken away again")
    holds(page, """document.querySelector('.place[data-spec="midi:virtual"]').ariaChecked === 'false'""")


def test_a_place_that_another_program_turned_on_shows_by_itself(page, there):
    to(page, "connect")
    holds(page, "document.querySelectorAll('.place').length > 2")
    assert places(page)["Music programs"] == "false"
    reply = there.run.ask("order", order="outputs", outputs=[there.receiver.spec, "midi:virtual"])
    assert reply["ok"] is True
    holds(page, """document.querySelector('.place[data-spec="midi:virtual"]').ariaChecked === 'true'""")
    there.run.ask("order", order="outputs", outputs=[there.receiver.spec])
    holds(page, """document.querySelector('.place[data-spec="midi:virtual"]').ariaChecked === 'false'""")


def test_the_last_place_stays_and_the_page_says_so(page, there):
    to(page, "connect")
    holds(page, "document.querySelectorAll('.place').length > 2")
    raw = page.locator(f'.place[data-spec="{there.receiver.spec}"]')
    while raw.count() == 0:
        page.get_by_text("More", exact=True).click()
    assert [output["spec"] for output in there.run.status()["outputs"]] == [there.receiver.spec]
    raw.click()
    holds(page, "document.querySelector('.said').textContent !== ''")
    assert not said(page).startswith("The sound no longer goes there")
    assert raw.get_attribute("aria-checked") == "true"
    assert [output["spec"] for output in there.run.status()["outputs"]] == [there.receiver.spec]


@pytest.mark.parametrize("how", ["F5", "Check again"])
def test_places_are_looked_for_again_with(page, how):
    to(page, "connect")
    holds(page, "document.querySelectorAll('.place').length > 2")
    page.evaluate("""() => {
      const send = WebSocket.prototype.send;
      window.asked = [];
      WebSocket.prototype.send = function (text) { asked.push(JSON.parse(text).do); send.call(this, text); };
    }""")
    if how == "F5":
        page.keyboard.press("F5")
    else:
        page.get_by_text(how).click()
    page.wait_for_timeout(500)
    assert page.evaluate("asked.filter((one) => one === 'places').length") == 1


def test_this_page_is_on_where_its_own_sound_is_on(page, there):
    to(page, "connect")
    holds(page, """document.querySelector('.place[data-spec="page:"]') !== null""")
    own = page.locator('.place[data-spec="page:"]')
    assert own.get_attribute("aria-checked") == "false"
    own.click()
    holds(page, """document.querySelector('.place[data-spec="page:"]').ariaChecked === 'true'""")
    assert inside(page, "sound/sound.js", "return it.sound.on") is True
    own.click()
    holds(page, """document.querySelector('.place[data-spec="page:"]').ariaChecked === 'false'""")
    assert inside(page, "sound/sound.js", "return it.sound.on") is False
    there.run.ask("order", order="outputs", outputs=[there.receiver.spec])


def test_t_plays_one_soft_note_and_not_where_letters_are_off(browser, there):
    page = page_of(browser, there)
    to(page, "connect")
    assert page.get_by_text("Play a test note").locator("..").get_attribute("aria-keyshortcuts") == "T"
    began = time.monotonic()
    page.keyboard.press("t")
    until(lambda: there.receiver.notes_off(began), 5.0, "the test note ends")
    assert [(note.channel, note.a) for note in there.receiver.notes_on(began)] == [(1, 60)]
    assert said(page) == "A test note went out: a soft middle C."
    to(page, "client")
    began = time.monotonic()
    page.keyboard.press("t")
    page.context.close()
    page = page_of(browser, there, letters="off")
    to(page, "connect")
    page.keyboard.press("t")
    page.wait_for_timeout(500)
    assert there.receiver.notes_on(began) == []
    page.context.close()


def test_notes_that_nobody_hears_are_told_until_somebody_does(page):
    script = """
      const all = new it.Troubles();
      const ids = () => all.list().map((one) => one.id);
      const steps = [];
      all.take({ news: 'unheard', text: 'x' }); steps.push(ids());
      all.unheard(); steps.push(ids());
      all.take({ news: 'heard', text: 'x' }); steps.push(ids());
      all.past({ news: 'unheard', text: 'x' }); steps.push(ids());
      return steps;"""
    assert inside(page, "trouble.js", script) == [["nobody"], ["unheard", "nobody"], ["unheard"], ["unheard", "nobody"]]


# ---------------------------------------------------------------- what is being sent


def test_what_is_sent_is_said_in_words(page):
    script = """
      const sent = new it.Sent();
      sent.take({ sent: [[2, 'control', 74, 93], [3, 'program', 0, 4], [4, 'bend', 0, 8192], [4, 'pressure', 0, 7]] });
      sent.note({ note: 'on', channel: 2, key: 60, velocity: 80 });
      sent.note({ note: 'off', channel: 2, key: 60, velocity: 64 });
      return sent.rows.map(it.sentence);"""
    assert inside(page, "parts/sent.js", script) == [
        "Note C4 off, channel 2",
        "Note C4 on, loudness 80, channel 2",
        "Pressure at 7, channel 4",
        "Bend at 0, channel 4",
        "Sound number 5, channel 3",
        "Controller 74 at 93, channel 2",
    ]


def test_a_control_that_goes_on_is_one_line_and_notes_are_a_line_each(page):
    script = """
      const sent = new it.Sent();
      for (let value = 0; value < 100; value += 1) sent.take({ sent: [[2, 'control', 74, value], [3, 'control', 74, 5]] });
      const moving = sent.rows.map(it.sentence);
      for (let n = 0; n < 20; n += 1) sent.note({ note: 'on', channel: 2, key: 60, velocity: n + 1 });
      return [moving, sent.rows.length, it.sentence(sent.rows[0]), it.sentence(sent.rows[11])];"""
    assert inside(page, "parts/sent.js", script) == [
        ["Controller 74 at 5, channel 3", "Controller 74 at 99, channel 2"],
        12,
        "Note C4 on, loudness 20, channel 2",
        "Note C4 on, loudness 9, channel 2",
    ]


def lines(page) -> list[str]:
    return page.locator(".sent-lines li").all_text_contents()


def test_a_played_note_and_a_moved_controller_show_in_the_list(page, there):
    to(page, "musician")
    there.boards[0].press(0, True)
    holds(page, "document.querySelectorAll('.sent-note-on').length > 0")
    there.boards[0].press(0, False)
    holds(page, "document.querySelectorAll('.sent-note-off').length > 0")
    channel = hand(there)["channel"]
    there.boards[1].move(1, 200)
    holds(
        page,
        f"[...document.querySelectorAll('.sent-lines li')].some((e) => /^Controller 74 at [1-9]\\d+, channel {channel}$/.test(e.textContent))",
    )
    there.boards[1].move(1, 500)


def test_the_list_is_written_at_most_twice_a_second_and_can_be_held(page, there):
    to(page, "musician")
    page.evaluate("""() => {
      window.written = [];
      new MutationObserver(() => written.push(performance.now())).observe(document.querySelector('[role=log]'), { childList: true, subtree: true, characterData: true });
    }""")
    for step in range(100):
        there.boards[0].press(0, step % 2 == 0)
        time.sleep(0.03)
    page.wait_for_timeout(600)
    gaps = page.evaluate("written.slice(1).map((at, n) => at - written[n])")
    assert len(gaps) >= 2
    assert min(gaps) > 450
    page.get_by_text("Hold", exact=True).click()
    held = lines(page)
    there.boards[0].press(0, True)
    page.wait_for_timeout(800)
    there.boards[0].press(0, False)
    assert lines(page) == held
    page.get_by_text("Hold", exact=True).click()
    assert len(lines(page)) < len(held)


# ---------------------------------------------------------------- teach one control


def teaching(page, there) -> tuple[int, float]:
    """Begin; the channel, and when."""
    to(page, "musician")
    page.get_by_role("tab", name="Teach one control").click()
    channel = hand(there)["channel"]
    assert page.locator(".teach-big").text_content() == f"Channel {channel}, controller 74"
    began = time.monotonic()
    page.get_by_role("button", name=BEGIN, exact=True).click()
    until(lambda: swept(there, began), 5.0, "the controller sweeps")
    return channel, began


def swept(there, since: float) -> list[int]:
    return [m.b for m in list(there.receiver.heard) if m.status == CONTROL and m.a == STORM and m.time >= since]


def still(there) -> None:
    """The sweep is over, and does not come again."""
    until(lambda: there.run.status()["teaching"] is None, 5.0, "the teaching ends")
    time.sleep(0.3)  # what was on its way
    ended = time.monotonic()
    time.sleep(2.6)  # longer than until a page asks again
    assert max(swept(there, ended), default=0) < 10  # the hand that rests may say so


def test_one_control_sweeps_and_everything_else_is_silent_until_it_is_ended(page, there):
    channel, _ = teaching(page, there)
    time.sleep(0.3)  # what ended for it is gone
    since = time.monotonic()
    while time.monotonic() < since + 6.5:  # longer than the session teaches without being asked again
        there.boards[0].press(0, True)
        time.sleep(0.1)
        there.boards[0].press(0, False)
        time.sleep(0.1)
    heard = [(m.status, m.channel, m.a) for m in list(there.receiver.heard) if m.time >= since]
    assert set(heard) == {(CONTROL, channel, STORM)}
    values = swept(there, time.monotonic() - 2.0)
    assert min(values) <= 3
    assert max(values) >= 124
    page.get_by_role("button", name=END, exact=True).click()
    still(there)
    assert page.get_by_role("button", name=BEGIN, exact=True).count() == 1
    there.boards[0].press(0, True)
    there.receiver.wait_sounding(3)
    there.boards[0].press(0, False)
    there.receiver.wait_sounding(0)


HIDE = """() => {
  Object.defineProperty(document, 'hidden', { value: true, configurable: true });
  document.dispatchEvent(new Event('visibilitychange'));
}"""
ENDINGS = {
    "Esc": lambda page, there: page.keyboard.press("Escape"),
    "Stop sound": lambda page, there: page.locator(".stop").click(),
    "another screen": lambda page, there: to(page, "today"),
    "the other tab": lambda page, there: page.get_by_role("tab", name="Music programs").click(),
    "a hidden page": lambda page, there: page.evaluate(HIDE),
    "silence from elsewhere": lambda page, there: there.run.ask("silence"),
    "a closed page": lambda page, there: page.close(),
}


@pytest.mark.parametrize("way", ENDINGS)
def test_teaching_ends_with(page, there, way):
    teaching(page, there)
    ENDINGS[way](page, there)
    still(there)


def test_a_scene_without_controllers_says_so(page, there):
    to(page, "musician")
    page.get_by_role("tab", name="Teach one control").click()
    there.run.ask("order", order="scene", name="first-sounds")
    page.wait_for_selector(".teach-none:not([hidden])")
    assert page.locator(".teach-some").is_hidden()
    there.run.ask("order", order="scene", name="storm")
    page.wait_for_selector(".teach-some:not([hidden])")
    assert page.locator(".teach-none").is_hidden()


# ---------------------------------------------------------------- the screen


def test_the_screen_is_reached_from_connect_and_its_tabs_by_arrow_keys(page):
    to(page, "connect")
    page.get_by_text("For a music program").click()
    page.wait_for_selector(".screen-musician > *")
    assert page.evaluate("document.activeElement.textContent") == "For a music program"
    page.keyboard.press("Tab")
    shown = "[...document.querySelectorAll('[role=tabpanel]')].map((e) => !e.hidden)"
    assert page.evaluate("[document.activeElement.role, document.activeElement.textContent]") == ["tab", "Music programs"]
    assert page.evaluate(shown) == [True, False]
    page.keyboard.press("ArrowRight")
    assert page.evaluate("[document.activeElement.ariaSelected, document.activeElement.textContent]") == [
        "true",
        "Teach one control",
    ]
    assert page.evaluate(shown) == [False, True]
    page.keyboard.press("ArrowRight")
    assert page.evaluate(shown) == [True, False]


CUT = """() => {
  const foot = document.querySelector('.foot').getBoundingClientRect().top;
  return [...document.querySelectorAll('main li, main p, main button, main svg, main select')]
    .filter((e) => e.checkVisibility())
    .map((e) => [e.textContent.slice(0, 40), e.getBoundingClientRect()])
    .filter(([, box]) => box.bottom > foot + 1 || box.right > innerWidth + 1)
    .map(([text, box]) => `${text} ${Math.round(box.bottom - foot)}`);
}"""
WIDE = "[...document.querySelectorAll('main strong, main span, main small, main li')].filter((e) => e.checkVisibility() && e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== 'inline').map((e) => e.textContent)"


@pytest.mark.parametrize("language", ["en-GB", "de"])
def test_every_card_has_room_below_a_trouble(browser, there, language):
    page = page_of(browser, there, language=language)
    assert page.viewport_size == SIZE
    there.run.ask("order", order="pedal", action="softer")
    page.wait_for_selector("trouble-bar:not([hidden])")
    to(page, "musician")
    for _ in range(4):  # as many lines as there can be
        there.boards[0].press(0, True)
        time.sleep(0.05)
        there.boards[0].press(0, False)
        time.sleep(0.05)
    page.wait_for_timeout(700)
    names = page.locator(".program-names button")
    assert names.count() == 9
    for n in range(9):
        names.nth(n).click()
        assert page.evaluate(CUT) == [], names.nth(n).text_content()
        assert page.evaluate(WIDE) == [], names.nth(n).text_content()
    page.get_by_role("tab").nth(1).click()
    assert page.evaluate(CUT) == []
    to(page, "connect")
    holds(page, "document.querySelectorAll('.place').length > 2")
    assert page.evaluate(CUT) == []
    assert page.evaluate(WIDE) == []
    there.run.ask("order", order="pedal", action="lift")
    page.context.close()
