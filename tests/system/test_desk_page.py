"""The desk's page in Debian's Chromium: a session with simulated boards, a desk and a receiver of its own."""

from __future__ import annotations

import json
import re
import shutil
import time

import pytest

from support.boards import DISTANCE, PRESSURE, SWITCH
from tools.screenshots import PAGE, SCREENS, SIZE, Room, chromium, holds, page_of, room, settled, to

pytestmark = pytest.mark.long  # a browser beside the timed tests would disturb them

needs_chromium = pytest.mark.skipif(shutil.which("chromium") is None, reason="Chromium is not there")
OWN = [path for path in PAGE.rglob("*.js") if "sound" not in path.parts]
WORDS = PAGE / "words"
FORBIDDEN = (
    "patient",
    "user",
    "error",
    "failed",
    "invalid",
    "device",
    "detect",
    "measure",
    "monitor",
    "treatment",
    "therapy",
    "tremor",
)
GERMAN_FORBIDDEN = ("patient", "nutzer", "benutzer", "fehler", "gerät", "therapie", "messung", "behandlung")

# ---------------------------------------------------------------- words, colours: nothing runs


def catalogue(name: str) -> dict:
    return json.loads((WORDS / f"{name}.json").read_text("utf-8"))


def sentences(messages: dict) -> list[str]:
    return [text for value in messages.values() for text in (value.values() if isinstance(value, dict) else [value])]


def values_of(text: object) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", json.dumps(text)))


def code() -> str:
    return "\n".join(path.read_text("utf-8") for path in PAGE.rglob("*.js"))


def is_used(key: str, text: str) -> bool:
    if f'"{key}"' in text:
        return True
    templates = [re.split(r"\$\{[^}]*\}", found) for found in re.findall(r"`([\w.-]*\$\{[^`]*)`", text)]
    parts = [
        template
        for template in templates
        if "." in "".join(template) and all(re.fullmatch(r"[\w.-]*", part) for part in template)
    ]
    return any(re.fullmatch(r"[\w-]+(\.[\w-]+)?".join(map(re.escape, part)), key) for part in parts)


def test_german_says_everything_that_english_says():
    english, german = catalogue("en-GB"), catalogue("de")
    assert set(german) == set(english)
    for key, text in english.items():
        assert isinstance(german[key], dict) is isinstance(text, dict), key
        assert values_of(german[key]) == values_of(text), key


def test_german_is_no_copy_of_english():
    english, german = catalogue("en-GB"), catalogue("de")
    same = {key for key in english if english[key] == german[key]}
    assert same == {"meter.percent", "play.pause", "look.syllables"}


def test_every_sentence_is_used():
    text = code()
    assert [key for key in catalogue("en-GB") if not is_used(key, text)] == []
    assert is_used("no.such.key", text) is False


def test_every_sentence_that_is_asked_for_is_there():
    known = set(catalogue("en-GB")) | set(catalogue("reach.en-GB"))
    asked = set(re.findall(r"""\bt\(\s*"([\w.-]+)\"""", code()))
    assert len(asked) > 50
    assert asked - known == set()


@pytest.mark.parametrize(("name", "words"), [("en-GB", FORBIDDEN), ("de", GERMAN_FORBIDDEN)])
def test_no_sentence_says_what_reachnote_is_not(name, words):
    for text in sentences(catalogue(name)):
        assert not re.search(rf"\b({'|'.join(words)})", text.lower()), text


def luminance(colour: str) -> float:
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(a: str, b: str) -> float:
    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def tokens(look: str) -> dict[str, str]:
    css = (PAGE / "theme.css").read_text("utf-8")
    block = css.partition(f'html[data-look="{look}"] {{')[2].partition("}")[0]
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))


TEXT = [(ink, ground) for ink in ("ink", "quiet") for ground in ("ground", "sheet", "sunk")]
TEXT += [
    ("on-accent", "accent"),
    ("on-tint", "tint"),
    ("on-stop", "stop"),
    ("on-warm", "warm"),
    ("good", "sheet"),
    ("accent", "sheet"),
]
EDGES = [
    ("edge", "sheet"),
    ("edge", "ground"),
    ("accent", "ground"),
    ("stop", "ground"),
    ("focus", "ground"),
    ("focus", "sheet"),
    ("warm-edge", "ground"),
]
EDGES += [(f"s{n}", ground) for n in range(8) for ground in ("sheet", "sunk")]


def test_contrast_is_computed_as_wcag_does():
    assert round(contrast("#777777", "#ffffff"), 2) == 4.48
    assert round(contrast("#000000", "#ffffff"), 2) == 21.0


@pytest.mark.parametrize(
    ("look", "text", "edge"), [("light", 4.5, 3.0), ("dark", 4.5, 3.0), ("high", 7.0, 4.5), ("room", 4.5, 3.0)]
)
def test_text_and_edges_have_contrast(look, text, edge):
    found = tokens(look)
    low = [(a, b, round(contrast(found[a], found[b]), 2)) for a, b in TEXT if contrast(found[a], found[b]) < text]
    low += [(a, b, round(contrast(found[a], found[b]), 2)) for a, b in EDGES if contrast(found[a], found[b]) < edge]
    assert low == []


def test_the_dark_room_has_nothing_near_white():
    assert max(map(luminance, tokens("room").values())) < 0.6


def test_no_html_is_made_from_data():
    for path in OWN:
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", path.read_text("utf-8").replace("without innerHTML", "")
        ), path.name


# ---------------------------------------------------------------- in the browser


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def there():
    with room() as made:
        yield made


@pytest.fixture
def page(browser, there):
    found = page_of(browser, there)
    yield found
    found.context.close()


OUTSIDE = """() => [...document.querySelectorAll('button, a[href], input, textarea, summary, h1, h2, p, [role=meter]')]
  .filter((e) => e.checkVisibility() && !e.matches('.skip, .option input') && e.textContent.trim() + e.value !== 'undefined')
  .map((e) => [e.textContent.slice(0, 40), e.getBoundingClientRect()])
  .filter(([, box]) => box.width && (box.left < -1 || box.top < -1 || box.right > innerWidth + 1 || box.bottom > innerHeight + 1))
  .map(([text, box]) => `${text} ${Math.round(box.right)} ${Math.round(box.bottom)}`)"""
OVERLAPS = """() => {
  const foot = document.querySelector('.foot').getBoundingClientRect();
  return [...document.querySelectorAll('main button, main a[href], main p, main li, main legend, main canvas, main svg')]
    .filter((e) => e.checkVisibility() && e.getBoundingClientRect().bottom > foot.top + 1)
    .map((e) => `${e.tagName} ${e.textContent.slice(0, 40)} ${Math.round(e.getBoundingClientRect().bottom - foot.top)}`);
}"""
CROWDED = """() => {
  const boxes = [...document.querySelectorAll('.top .chip, .top button')].filter((e) => e.checkVisibility()).map((e) => [e.textContent, e.getBoundingClientRect()]);
  return boxes.slice(1).filter(([, box], n) => box.left < boxes[n][1].right).map(([text]) => text);
}"""
SCROLLS = """() => {
  const { scrollWidth, scrollHeight } = document.documentElement;
  return [scrollWidth > innerWidth, scrollHeight > innerHeight];
}"""


@needs_chromium
@pytest.mark.parametrize("language", ["en-GB", "de"])
def test_nothing_scrolls_and_nothing_is_cut_off_at_1280_by_720(browser, there, language):
    page = page_of(browser, there, language=language)
    for screen in SCREENS:
        to(page, screen)
        assert page.evaluate(SCROLLS) == [False, False], screen
        assert page.evaluate(OUTSIDE) == [], screen
        assert page.evaluate(OVERLAPS) == [], screen
    page.context.close()


@needs_chromium
def test_large_text_scrolls_down_and_never_sideways(browser, there):
    page = page_of(browser, there, "large")
    for screen in SCREENS:
        to(page, screen)
        assert page.evaluate(SCROLLS)[0] is False, screen
    page.context.close()


@needs_chromium
def test_no_screen_writes_to_the_console(browser, there):
    page = page_of(browser, there)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda problem: said.append(str(problem)))
    page.on("response", lambda reply: said.append(f"{reply.status} {reply.url}") if reply.status >= 400 else None)
    page.reload()
    settled(page, 2)
    for screen in SCREENS:
        to(page, screen)
    assert said == []
    page.context.close()


@needs_chromium
@pytest.mark.parametrize("focus", ["body", ".stop", "textarea", ".rail-link"])
def test_esc_ends_a_sounding_note_whatever_has_the_focus(page, there, focus):
    to(page, "finish")
    there.boards[0].press(0, True)
    there.receiver.wait_sounding(1)
    if focus != "body":
        page.locator(focus).first.focus()
    page.keyboard.press("Escape")
    there.receiver.wait_sounding(0)
    there.boards[0].press(0, False)
    time.sleep(0.05)


@needs_chromium
def test_stop_sound_acts_when_the_finger_comes_down_and_asks_once(page, there):
    there.boards[0].press(0, True)
    there.receiver.wait_sounding(1)
    page.evaluate("""() => {
      const send = WebSocket.prototype.send;
      window.asked = [];
      WebSocket.prototype.send = function (text) { asked.push(text); send.call(this, text); };
    }""")
    page.locator(".stop").hover()
    page.mouse.down()
    there.receiver.wait_sounding(0)
    page.mouse.up()
    page.wait_for_timeout(100)
    assert len([text for text in page.evaluate("asked") if '"silence"' in text]) == 1
    there.boards[0].press(0, False)
    time.sleep(0.05)


@needs_chromium
def test_every_screen_is_reached_by_keyboard_alone(page):
    for screen in ("today", "connect", "client", "reach", "sound", "play", "finish"):
        page.evaluate("document.activeElement.blur(); window.getSelection().removeAllRanges()")
        page.locator(".skip").focus()
        for _ in range(9):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.dataset.screen") == screen:
                break
        page.keyboard.press("Enter")
        page.wait_for_selector(f".screen-{screen} > *")
        assert page.evaluate("document.activeElement.tagName") == "H1"
    page.keyboard.press("F1")
    page.wait_for_selector(".screen-help > *")
    page.locator("h1").focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector(".screen-look > *")


@needs_chromium
@pytest.mark.parametrize(("key", "screen"), [("1", "connect"), ("2", "client"), ("3", "reach"), ("4", "sound"), ("5", "play")])
def test_control_and_a_number_go_to_a_screen(page, key, screen):
    page.keyboard.press(f"Control+{key}")
    page.wait_for_selector(f".screen-{screen} > *")


@needs_chromium
def test_focus_goes_in_reading_order(page):
    to(page, "connect")
    page.evaluate("document.querySelector('.skip').focus()")
    seen = []
    for _ in range(30):
        page.keyboard.press("Tab")
        part = page.evaluate(
            "(document.activeElement.closest('.rail, .top, main, .foot')?.className || document.activeElement.closest('main')?.tagName) ?? ''"
        )
        if not part:
            break
        seen.append(part)
    order = ["rail", "top", "MAIN", "foot"]
    assert list(dict.fromkeys(seen)) == order
    assert seen == sorted(seen, key=order.index)


SMALL = """() => [...document.querySelectorAll('button, a[href], input, summary, textarea, select')]
  .filter((e) => e.checkVisibility() && !e.matches('.skip'))
  .map((e) => [e.closest('label') || (e.matches('[type=checkbox], [type=radio]') && e.labels[0]) || e, e.textContent.slice(0, 30) || e.name || e.id])
  .map(([e, text]) => [text, e.getBoundingClientRect()])
  .filter(([, box]) => box.width < 44 || box.height < 44)
  .map(([text, box]) => `${text} ${Math.round(box.width)} x ${Math.round(box.height)}`)"""


@needs_chromium
def test_every_target_is_at_least_44_pixels(page):
    for screen in SCREENS:
        to(page, screen)
        assert page.evaluate(SMALL) == [], screen
        box = page.locator(".stop").bounding_box()
        assert box["height"] >= 96, screen
        assert box["x"] + box["width"] > SIZE["width"] - 40 and box["y"] + box["height"] > SIZE["height"] - 40, screen


UNTRANSLATED = """() => {
  const found = [];
  const left = (text) => {
    for (let before = ''; before !== text; ) { before = text; text = text.replace(/⟦[^⟦⟧]*⟧/g, ''); }
    return text;
  };
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode;
    if (node.parentElement.closest('[translate=no], script, noscript')) continue;
    if (/\\p{L}/u.test(left(node.textContent))) found.push(node.textContent);
  }
  for (const e of document.querySelectorAll('[aria-label], [title], [placeholder], [aria-valuetext]')) {
    for (const name of ['aria-label', 'title', 'placeholder', 'aria-valuetext']) {
      const text = e.getAttribute(name) ?? '';
      if (!e.closest('[role=meter]') && /\\p{L}/u.test(left(text))) found.push(`${name}: ${text}`);
    }
  }
  return found;
}"""


@needs_chromium
def test_in_the_pseudo_language_nothing_stays_english(browser, there):
    page = page_of(browser, there)
    page.goto(f"{there.origin}/?words=pseudo")
    settled(page, 2)
    for screen in SCREENS:
        to(page, screen)
        assert page.evaluate(UNTRANSLATED) == [], screen
        assert "⟦" in page.locator("h1").text_content()
    page.context.close()


@needs_chromium
def test_a_pulled_board_is_told_in_the_bar_until_it_is_back(page, there):
    to(page, "play")
    there.boards[0].unplug()
    page.wait_for_selector("trouble-bar:not([hidden])")
    assert (
        page.locator("trouble-bar p").text_content() == "Blue pads is unplugged. Its sound is stopped. Plug it in again to go on."
    )
    for screen in SCREENS:
        to(page, screen)
        assert page.evaluate(SCROLLS) == [False, False], screen
        assert page.evaluate(OVERLAPS) == [], screen
    there.boards[0].plug()
    there.boards[0].stream(100)
    page.wait_for_selector("trouble-bar[hidden]", state="attached")


@needs_chromium
def test_a_page_without_its_desk_says_that_stop_sound_does_not_work(browser):
    with room() as own:
        page = page_of(browser, own)
        own.shut()
        page.wait_for_selector("trouble-bar[data-urgent=true]")
        assert page.locator("trouble-bar p strong").text_content() == "This page is cut off."
        assert page.locator("trouble-bar p").get_attribute("role") == "alert"
        assert page.locator(".recording").text_content() == "Recording: not known"
        page.context.close()


@needs_chromium
def test_the_lock_leaves_play_and_stop_sound_until_it_is_held(page):
    to(page, "sound")
    page.locator(".lock").click()
    page.wait_for_selector(".screen-play > *")
    names = "[...document.querySelectorAll('button, a[href]')].filter((e) => e.checkVisibility() && !e.matches('.skip')).map((e) => e.textContent)"
    assert page.evaluate(names) == ["Play", "Pause", "Next scene", "Hold 2 seconds to unlock", "Stop sound"]
    page.keyboard.press("Control+4")
    page.evaluate("location.hash = 'sound'")
    page.wait_for_timeout(200)
    assert page.locator(".screen-play").count() == 1
    page.locator(".lock").click(delay=500)
    assert page.evaluate("document.documentElement.dataset.locked") == "true"
    page.locator(".lock").click(delay=2200)
    assert page.evaluate("document.documentElement.dataset.locked") == "false"


@needs_chromium
def test_the_lock_is_held_by_keyboard_as_well(page):
    page.locator(".lock").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".screen-play > *")
    page.locator(".lock").focus()
    page.keyboard.down("Enter")
    page.wait_for_timeout(2200)
    page.keyboard.up("Enter")
    assert page.evaluate("document.documentElement.dataset.locked") == "false"


@needs_chromium
def test_recording_is_said_at_any_time(page, there):
    assert page.locator(".recording").text_content() == "Not recording"
    there.run.ask("record", path=str(there.folder / "kept.jsonl"))
    page.wait_for_selector(".recording[data-on=on]")
    assert page.locator(".recording").text_content() == "Recording"
    there.run.ask("record", path="")
    page.wait_for_selector(".recording[data-on=off]")


@needs_chromium
def test_meters_are_told_at_most_twice_a_second(page, there):
    to(page, "play")
    page.evaluate("""() => {
      window.told = 0;
      const meter = document.querySelectorAll('[role=meter]')[2];
      new MutationObserver((all) => (told += all.filter((one) => one.attributeName === 'aria-valuenow').length)).observe(meter, { attributes: true });
    }""")
    for step in range(200):
        there.boards[1].move(0, 1000 * (step % 2))
        time.sleep(0.01)
    there.boards[1].move(0, 0)
    assert page.evaluate("told") <= 6


@needs_chromium
def test_what_was_transposed_is_taken_back_with_control_z(page, there):
    to(page, "sound")
    page.get_by_label("Half a step higher").click()
    holds(page, "document.querySelector('.shift').textContent === '1 half step up'")
    assert there.run.status()["music"]["transpose"] == 1
    page.keyboard.press("Control+z")
    holds(page, "document.querySelector('.shift').textContent === 'As written'")
    assert there.run.status()["music"]["transpose"] == 0


@needs_chromium
def test_markup_and_long_names_are_text(browser):
    name = "<img src=x onerror=alert(1)> " + "long name " * 27
    with Room((name.strip(), [{"kind": "switch", "name": "<b>left</b>"}])) as own:
        page = page_of(browser, own)
        for screen in SCREENS:
            to(page, screen)
            assert page.evaluate(SCROLLS) == [False, False], screen
            assert page.locator("img, b").count() == 0, screen
        to(page, "connect")
        named = own.run.status()["boards"][0]["name"]
        assert named.startswith("<img src=x onerror=alert(1)> long name")
        assert page.locator(".board h2").text_content() == named
        page.context.close()


@needs_chromium
def test_five_boards_and_everything_that_can_be_on_have_room(browser):
    sensors = [SWITCH, PRESSURE, DISTANCE, SWITCH]
    named = [{**sensor, "name": f"sensor {n}"} for n, sensor in enumerate(sensors)]
    with Room(*[(f"Board number {n}", named) for n in range(5)]) as own:
        page = page_of(browser, own, language="de")
        own.run.ask("order", order="limits", preset="stage")
        own.run.ask("client", code="somebody-with-a-long-code")
        own.run.ask("record", path=str(own.folder / "kept.jsonl"))
        own.run.ask("order", order="pedal", action="softer")
        page.wait_for_selector(".recording[data-on=on]")
        page.wait_for_selector("trouble-bar:not([hidden])")
        for screen in SCREENS:
            to(page, screen)
            assert page.evaluate(SCROLLS) == [False, False], screen
            if screen != "reach":  # ten sensors to choose from: that scrolls within its own place
                assert page.evaluate(OVERLAPS) == [], screen
            assert page.evaluate(CROWDED) == [], screen
        page.context.close()


@needs_chromium
def test_notes_are_named_as_was_chosen(browser, there):
    page = page_of(browser, there)
    names = page.evaluate(
        "import('/notes.js').then((notes) => ['letters', 'syllables', 'german'].map((style) => (notes.name(style), [60, 71, 70].map(notes.noteName))))"
    )
    assert names == [["C4", "B4", "B♭4"], ["do4", "si4", "si♭4"], ["C4", "H4", "B4"]]
    page.context.close()


AXE = """async () => {
  const found = await axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] });
  return found.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.target.join(' ')).join(', ')}`);
}"""


@needs_chromium
@pytest.mark.parametrize("look", ["light", "dark", "high", "room", "large", "forced"])
def test_axe_finds_nothing_on_any_screen(browser, there, look):
    axe = pytest.importorskip("axe_playwright_python.base", reason="axe-playwright-python is not there")
    page = page_of(browser, there, look)
    page.evaluate(axe.AXE_SCRIPT)
    assert page.evaluate("typeof axe.run") == "function"
    for screen in SCREENS:
        to(page, screen)
        assert page.evaluate(AXE) == [], screen
    page.context.close()


@needs_chromium
def test_axe_finds_what_is_planted(page):
    axe = pytest.importorskip("axe_playwright_python.base", reason="axe-playwright-python is not there")
    page.evaluate(axe.AXE_SCRIPT)
    page.evaluate("document.querySelector('main').append(document.createElement('button'))")
    assert [one for one in page.evaluate(AXE) if one.startswith("button-name")] == ["button-name: main > button"]


def inside(page, module: str, script: str) -> object:
    """What `script` gives, where `it` is a module of the page."""
    return page.evaluate(f"import('/{module}').then((it) => {{ {script} }})")


@needs_chromium
def test_the_most_pressing_trouble_comes_first_and_goes_with_its_cause(page):
    script = """
      const all = new it.Troubles();
      const ids = () => all.list().map((one) => one.id);
      const steps = [];
      all.take({ news: 'gone', board: 'a' }); all.take({ news: 'sensor', board: 'b', sensor: 's', status: 'absent' }); steps.push(ids());
      all.unheard(); steps.push(ids());
      all.take({ news: 'ready', board: 'a' }); steps.push(ids());
      all.status({ boards: [{ name: 'b', state: 'ready', sensors: [{ name: 's', status: 'ok' }] }] }); steps.push(ids());
      all.past({ news: 'waits', board: 'b', sensor: 's' }); steps.push(ids());
      all.connection(false, false); steps.push(ids());
      return steps;"""
    assert inside(page, "trouble.js", script) == [
        ["sensor:b/s", "board:a"],
        ["unheard", "sensor:b/s", "board:a"],
        ["unheard", "sensor:b/s"],
        ["unheard"],
        ["unheard"],
        ["desk", "unheard"],
    ]


@needs_chromium
def test_notes_a_minute_are_at_most_twelve_rows(page):
    script = """
      const log = new it.Playlog();
      log.note(0);
      log.begin(1000);
      for (let n = 0; n < 30; n += 1) { log.note(1000 + n * 60000); log.note(1500 + n * 60000); }
      log.end(1000 + 30 * 60000);
      log.note(1000 + 31 * 60000);
      return [log.notes, log.length(0), log.rows(0).length, log.rows(0)[0], log.rows(0).at(-1)];"""
    assert inside(page, "playlog.js", script) == [60, 30, 10, {"from": 0, "to": 3, "rate": 2}, {"from": 27, "to": 30, "rate": 2}]


@needs_chromium
def test_fifty_steps_are_taken_back_and_done_again(page):
    script = """
      const undo = new it.Undo();
      const did = [];
      for (let n = 0; n < 51; n += 1) undo.push({ text: `${n}`, undo: () => did.push(-n), redo: () => did.push(n) });
      const first = undo.undo(); undo.redo();
      let count = 0;
      while (undo.undo()) count += 1;
      return [first, did.slice(0, 2), count, did.at(-1), undo.undo()];"""
    assert inside(page, "undo.js", script) == ["50", [-50, 50], 50, -1, ""]
