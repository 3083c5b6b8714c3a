"""The captures in the guides: whole, narrow enough, and what the programs print."""

from __future__ import annotations

import re

import pytest

from tools import captures, micropython

PLAIN = """# A page

1. Step.

   <!-- capture: sums -->
   <!-- /capture -->

<!-- capture: other -->
```text
$ other
```
<!-- /capture -->
"""
SUMS = ["$ reachnote sums", "", "  one and one is two"]


def standing() -> dict[str, list[str]]:
    return {name: lines for page in captures.pages() for name, lines in captures.shown(page.read_text("utf-8")).items()}


# ---------------------------------------------------------------- what stands in the guides


def test_every_capture_stands_in_a_guide_and_none_is_asked_for_in_vain():
    assert set(standing()) == set(captures.CAPTURES)


@pytest.mark.parametrize("name", captures.CAPTURES)
def test_a_capture_shows_its_command_and_fits_80_columns(name):
    lines = standing()[name]
    assert re.match(r"\$ reachnote \w", lines[0]) and len(lines) > 4
    assert all(len(line) <= 80 for line in lines)
    assert not any("/tmp" in line or "--link" in line or "\x1b" in line for line in lines)


def test_nobody_forgot_the_end_of_one():
    for page in captures.pages():
        text = page.read_text("utf-8")
        assert len(captures.shown(text)) == text.count("<!-- capture:") == text.count("<!-- /capture -->"), page


# ---------------------------------------------------------------- how they get there


def test_a_page_takes_captures_at_their_depth_and_keeps_the_rest():
    page = captures.with_captures(PLAIN, {"sums": SUMS})
    assert "\n   ```text\n   $ reachnote sums\n\n     one and one is two\n   ```\n   <!-- /capture -->\n" in page
    assert captures.shown(page) == {"sums": SUMS, "other": ["$ other"]}
    assert captures.with_captures(page, {"sums": SUMS}) == page
    assert page.endswith(PLAIN[PLAIN.index("<!-- capture: other") :]) and page.startswith("# A page\n\n1. Step.\n")


@pytest.mark.parametrize(
    ("line", "again", "alike"),
    [
        ("Program 93ddde82, MicroPython 1.25.0.", "Program 2e4a762d, MicroPython 1.29.1.", True),
        ("computer ──── /dev/ttyACM0 ──── Two", "computer ──── /dev/cu ──── Two", True),
        ("  ·····   10 s", "  ·····   9 s", True),
        ("  1 note · movement to note 0.3 ms", "  12 notes · movement to note 11.0 ms", True),
        ("  left  ███··  C5", "  left  █████  C5", True),
        ("  left  ███··  C5", "  left  ·····  C5", False),
        ("  left  ███··  C5", "  left  ███··  D5", False),
        ("  good   left: It rests.", "  noisy  left: It jumps.", False),
    ],
)
def test_what_counts_as_the_same(line, again, alike):
    assert captures.same([line], [again]) is alike


def test_a_line_that_was_written_over_shows_what_stands_there_last():
    assert captures.printed("\x1b[2K\r\n  Restart   0 %\r  Restart 100 %\r\n\r\nReady.  \r\n\r\n") == [
        "  Restart 100 %",
        "",
        "Ready.",
    ]


def test_a_line_that_is_too_wide_is_no_capture(tmp_path):
    assert captures.cleaned([f"{tmp_path}/dev/ttyACM0"], tmp_path) == ["/dev/ttyACM0"]
    with pytest.raises(captures.Missed, match="wider than 80"):
        captures.cleaned(["x" * 81], tmp_path)


def test_a_check_names_the_page_and_the_line_and_writing_mends_just_that(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(captures, "ROOT", tmp_path)
    page = tmp_path / "README.md"
    made = {"sums": SUMS, "other": ["$ other"]}
    page.write_text(PLAIN, "utf-8")
    assert captures.checked({page: PLAIN}, made) == 1
    said = capsys.readouterr().out
    assert said.startswith("README.md shows another sums than is printed now") and "+  one and one is two" in said
    assert captures.written({page: PLAIN}, made) == 0
    assert capsys.readouterr().out == "README.md: sums\n"
    text = page.read_text("utf-8")
    assert captures.checked({page: text}, made) == 0
    assert captures.checked({page: text}, made | {"other": ["$ other", "more"]}) == 1
    page.write_text("not touched", "utf-8")
    assert captures.written({page: text}, made) == 0 and page.read_text("utf-8") == "not touched"


# ---------------------------------------------------------------- the programs


def test_the_capture_without_a_board_is_what_is_printed_now():
    assert captures.same(captures.made("doctor-nothing"), standing()["doctor-nothing"])


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", [name for name in captures.CAPTURES if name != "doctor-nothing"])
def test_a_capture_is_what_is_printed_now(name):
    if micropython.find(prepare=True) is None:
        pytest.skip(micropython.why_not())
    now = captures.made(name)
    assert captures.same(now, standing()[name]), "python3 tools/captures.py mends it\n" + "\n".join(now)
