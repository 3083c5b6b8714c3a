"""A therapist who has nothing but the keyboard, in front of the desk's page: keys at a person's pace, and how many of them.

An *action* is one decision: a key that makes something happen (Enter on a button, Esc, Ctrl and 5), or a text that is typed. The
Tabs on the way to a target belong to the action that they lead to. `presses` counts every key that went down, Tabs and letters too.

The pace is that of the keystroke-level model (Card, Moran and Newell, 1980): a moment to make up one's mind before each action,
and for each key the time of somebody who types now and then.
"""

from __future__ import annotations

import json
import time
from typing import Any

THINK_S = 1.35
KEY_S = 0.28
MOST_TABS, MOST_ROUNDS = 60, 6
LISTENS = ("check", "rest", "play", "fast", "watch", "compare", "start", "full")
"""Steps of a calibration in which it listens to the client; in the others it waits for the therapist."""

# What the focus stands on, by its label or the first words in it (a hint for the eye alone is none); "" for nothing or a title.
FOCUS = """() => {
  const e = document.activeElement;
  if (!e || e === document.body || e.id === 'content') return '';
  const label = e.getAttribute('aria-label') ?? e.labels?.[0]?.textContent;
  if (label) return label.trim();
  const walk = document.createTreeWalker(e, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const text = walk.currentNode.textContent.trim();
    if (text && !walk.currentNode.parentElement.closest('[aria-hidden=true]')) return text;
  }
  return e.tagName;
}"""
# A number for the element that has the focus, 0 for none; and the numbers of all that Tab should come to.
MARK = """const marks = (window.marksOfATest ??= new Map());
  const mark = (e) => marks.get(e) ?? (marks.set(e, marks.size + 1), marks.size);"""
HERE = f"() => {{ {MARK} const e = document.activeElement; return !e || e === document.body ? 0 : mark(e); }}"
REACHABLE = f"""() => {{ {MARK}
  const all = [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex]')]
    .filter((e) => e.checkVisibility({{ visibilityProperty: true }}) && e.tabIndex >= 0 && !e.disabled);
  const groups = new Set(); // of radio buttons, Tab comes to one
  return all.filter((e) => {{
    if (e.type !== 'radio') return true;
    const one = document.querySelector(`input[name="${{e.name}}"]:checked`) ?? e;
    if (groups.has(e.name) || one !== e) return false;
    groups.add(e.name);
    return true;
  }}).map((e) => [mark(e), e.textContent.trim().slice(0, 40) || e.id]);
}}"""


class Therapist:
    """`pace` 1 is a person's, 0 presses as fast as the page takes keys."""

    def __init__(self, page: Any, pace: float = 1.0) -> None:
        self.page = page
        self.pace = pace
        self.did: list[str] = []
        self.presses = 0
        self.spent_s = 0.0  # of thinking and typing

    @property
    def actions(self) -> int:
        return len(self.did)

    # ------------------------------------------------------------ actions

    def does(self, key: str) -> None:
        """One key that means something wherever the focus is."""
        self._decides(key)
        self._press(key)

    def chooses(self, name: str, key: str = "Enter", back: bool = False) -> None:
        """Tab (or Shift and Tab) to what is called so, and press `key` there."""
        self._decides(name)
        self.tabs_to(name, back)
        self._press(key)

    def types(self, text: str, end: str = "Enter") -> None:
        """A text where the focus is, and the key that ends it: two actions, and (as the model has it) thought of as one."""
        self._decides(f"types {text}")
        for letter in text:
            self._press(letter)
        self.did.append(end)
        self._press(end)

    def holds(self, key: str, seconds: float) -> None:
        """Keep a key down for so long, as a keyboard repeats it."""
        self._decides(f"holds {key}")
        self.presses += 1
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.page.keyboard.down(key)
            self.page.wait_for_timeout(33)
        self.page.keyboard.up(key)

    def _decides(self, what: str) -> None:
        self.did.append(what)
        self._takes(THINK_S)

    def _press(self, key: str) -> None:
        self.presses += 1
        self._takes(KEY_S)
        self.page.keyboard.press(key)

    def _takes(self, seconds: float) -> None:
        self.spent_s += self.pace * seconds
        self.page.wait_for_timeout(1000 * self.pace * seconds)

    # ------------------------------------------------------------ where the focus is

    def tabs_to(self, name: str, back: bool = False) -> None:
        """Tab until the focus is on what is called so."""
        met = [self.focus()]
        while met[-1] != name:
            assert len(met) <= MOST_TABS, f"Tab never came to {name!r}, only to {list(dict.fromkeys(met))}"
            self._press("Shift+Tab" if back else "Tab")
            met.append(self.focus())

    def focus(self) -> str:
        """What the focus stands on, as a screen reader would begin; "" for nothing, or for the title of the screen."""
        return self.page.evaluate(FOCUS)

    def arrives(self, screen: str, title: str, seconds: float = 10.0) -> None:
        """A screen is shown, and the focus is on its title."""
        self.page.wait_for_selector(f".screen-{screen} > *", timeout=1000 * seconds)
        found = self.page.evaluate("[document.activeElement.id, document.activeElement.textContent]")
        assert found == ["content", title], f"on {screen} the focus is on {found}"

    def goes_round(self) -> int:
        """Tab through everything and back again: nothing is left out, nothing holds the focus. How many there are."""
        for _ in range(MOST_ROUNDS):
            wanted = self.page.evaluate(REACHABLE)
            try:
                there, back = self._round("Tab", dict(wanted)), self._round("Shift+Tab", dict(wanted))
            except AssertionError:
                if self.page.evaluate(REACHABLE) == wanted:
                    raise
                continue  # the page itself changed meanwhile: a board went or came back
            at = back.index(there[-1])
            assert back[at:] + back[:at] == there[::-1], "the way back is another one"
            return len(there)
        raise AssertionError(f"the page changed in each of {MOST_ROUNDS} rounds")

    def _round(self, key: str, wanted: dict[int, str]) -> list[int]:
        """One round; between its end and its beginning the focus may be outside the page."""
        met: list[int] = []
        for _ in range(2 * MOST_TABS):
            self.page.keyboard.press(key)
            here = self.page.evaluate(HERE)
            if here and met and here == met[0]:
                break
            assert here not in met, f"{key} stays at {self.focus()!r}"
            met += [here] if here else []
        left_out = [text for number, text in wanted.items() if number not in met]
        assert not left_out and len(met) == len(wanted), f"{key} leaves out {left_out}"
        return met


class Listening:
    """What the page is told of a calibration, with when: how long each step lasted. To be made before the page is opened."""

    def __init__(self, page: Any) -> None:
        self.steps: list[tuple[float, str]] = []
        page.on("websocket", lambda socket: socket.on("framereceived", self._told))

    def _told(self, text: str | bytes) -> None:
        if '"reach"' not in str(text):
            return
        line = json.loads(text)
        if line.get("desk") == "reach":
            step = "done" if line.get("done") else line.get("step")
            if step:
                self.steps.append((time.monotonic(), step))

    @property
    def step(self) -> str:
        """The present one; "" before the first."""
        return self.steps[-1][1] if self.steps else ""

    def windows(self) -> list[tuple[str, float]]:
        """The steps in which the client was listened to, and how many seconds each took."""
        pairs = zip(self.steps, self.steps[1:], strict=False)
        return [(step, after - began) for (began, step), (after, _) in pairs if step in LISTENS]
