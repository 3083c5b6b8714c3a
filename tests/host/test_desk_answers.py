"""What the desk answers by itself, and in which order: clients, and a page's requests one after the other (no network)."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from reachnote import profiles
from reachnote.ask import NotRunning
from reachnote.desk.answers.clients import Clients, symbol
from reachnote.desk.answers.music import Music
from reachnote.desk.answers.places import LAST, UNKNOWN, Places, offered
from reachnote.desk.answers.recordings import Recordings
from reachnote.desk.answers.steers import Steers
from reachnote.desk.relay import WAITING, Page, Relay
from reachnote.desk.server import MOST_ASKED, SURPRISE, TOO_MANY, Asked
from reachnote.profile import new_profile, with_setting

DATE = "2031-03-04T10:15:00"


class Session(Relay):
    """A relay whose session answers everything well, or is not there."""

    def __init__(self, runs: bool = True) -> None:
        super().__init__()
        self.runs = runs
        self.asked: list[dict] = []
        self.status: dict = {"client": "k7", "outputs": [{"name": "page", "spec": "page:"}, {"name": "midi", "spec": "midi:virtual,api=jack"}]}

    def tell(self, thing: dict) -> None:
        self.asked.append(thing)

    async def inquire(self, thing: dict) -> dict:
        if not self.runs:
            raise NotRunning
        self.asked.append(thing)
        return {"id": 1, "ok": True, "status": self.status}

    async def order(self, thing: dict) -> dict:
        if not self.runs:
            raise NotRunning
        self.asked.append(thing)
        if thing["order"] == "outputs":
            self.status["outputs"] = [dict(zip(("name", "spec"), said.split("=", 1), strict=True)) for said in thing["outputs"] if "=" in said]
        return {"ok": True, "text": "Done."}


@pytest.fixture
def kept(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("REACHNOTE_CLIENTS", str(tmp_path / "clients"))
    monkeypatch.setenv("REACHNOTE_STATE", str(tmp_path / "state"))
    for code, scene in (("k7", "storm"), ("m2", ""), ("p1", "a scene that is gone")):
        profile = new_profile(code, "Squeeze ball", DATE)
        profiles.save(with_setting(profile, "music", {"scene": scene} if scene else {}, DATE))
    return tmp_path / "clients"


def replies(kind: Clients | Music | Places | Recordings | Steers, *things: dict) -> list[dict]:
    page = Page(1)

    async def run() -> None:
        for thing in things:
            assert await kind.answer(page, thing)

    asyncio.run(run())
    return [json.loads(text) for text in page.take()]


# ---------------------------------------------------------------- where the sound goes


def test_what_is_on_comes_first_and_nothing_is_offered_twice():
    present = [{"name": "midi", "spec": "midi:virtual,api=jack"}, {"name": "file", "spec": "file:take.mid"}]
    assert [(place["spec"], place["kind"], place["name"], place["on"]) for place in offered(present, ["FLUID Synth"], True)] == [
        ("midi:virtual,api=jack", "virtual", "", True),
        ("file:take.mid", "other", "take.mid", True),
        ("page:", "page", "", False),
        ("sound:", "sound", "", False),
        ("midi:FLUID Synth", "port", "FLUID Synth", False),
    ]


@pytest.fixture
def no_ports(monkeypatch):
    monkeypatch.setattr("reachnote.midi_ports.ask", lambda: [])


def test_a_place_is_added_and_taken_away_and_the_others_stay(no_ports):
    session = Session()
    replies(Places(session), {"id": 1, "do": "place", "spec": "midi:FLUID Synth", "on": True})
    assert session.asked[-2] == {"order": "outputs", "outputs": ["page=page:", "midi=midi:virtual,api=jack", "midi:FLUID Synth"]}
    replies(Places(session), {"id": 2, "do": "place", "spec": "page:", "on": False})
    assert session.asked[-2] == {"order": "outputs", "outputs": ["midi=midi:virtual,api=jack"]}
    assert replies(Places(session), {"id": 3, "do": "place", "spec": "midi:virtual,api=jack", "on": False}) == [{"id": 3, "ok": False, "text": LAST}]


def test_what_is_no_place_is_refused(no_ports):
    assert replies(Places(Session()), {"id": 1, "do": "place", "spec": 5, "on": True}) == [{"id": 1, "ok": False, "text": UNKNOWN}]
    said = replies(Places(Session(runs=False)), {"id": 2, "do": "places"})
    assert said == [{"id": 2, "ok": False, "text": "No session is running just now."}]


# ---------------------------------------------------------------- recordings, switches that steer


def test_a_recording_has_its_minute_as_name_and_never_takes_the_place_of_another(tmp_path, monkeypatch):
    monkeypatch.setenv("REACHNOTE_RECORDINGS", str(tmp_path / "kept"))
    session = Session()
    (said,) = replies(Recordings(session), {"id": 1, "do": "record-begin"})
    assert said["ok"] and said["folder"] == str(tmp_path / "kept")
    path = Path(session.asked[-1]["path"])
    assert session.asked[-1] == {"do": "record", "path": str(tmp_path / "kept" / said["path"])}
    path.touch()
    (again,) = replies(Recordings(session), {"id": 2, "do": "record-begin"})
    assert again["ok"] and again["path"] != said["path"]


def test_where_nothing_can_be_kept_that_is_said(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("REACHNOTE_RECORDINGS", str(tmp_path / "file" / "kept"))
    session = Session()
    (said,) = replies(Recordings(session), {"id": 1, "do": "record-begin"})
    assert not said["ok"] and "nothing is recorded" in said["text"] and session.asked == []


def test_a_switch_that_steers_is_kept_for_the_client_and_given_back(kept):
    session = Session()
    where = {"do": "steer", "board": "Squeeze ball", "sensor": "button"}
    (said,) = replies(Steers(session), {"id": 1, **where, "action": "softer"})
    assert (said["ok"], said["kept"]) == (True, True)
    assert session.asked[0] == {"order": "steer", "board": "Squeeze ball", "sensor": "button", "action": "softer"}
    assert profiles.load("k7", "Squeeze ball").settings.music == {"scene": "storm", "steers": {"Squeeze ball/button": "softer"}}
    replies(Steers(session), {"id": 2, **where, "action": ""})
    assert profiles.load("k7", "Squeeze ball").settings.music == {"scene": "storm"}


def test_for_nobody_in_particular_it_lasts_for_the_session(kept):
    session = Session()
    session.status["client"] = ""
    (said,) = replies(Steers(session), {"id": 1, "do": "steer", "board": "Squeeze ball", "sensor": "button", "action": "stop"})
    assert (said["ok"], said["kept"]) == (True, False)


def test_a_switch_of_a_board_without_a_calibration_is_kept_as_well(kept):
    replies(Steers(Session()), {"id": 1, "do": "steer", "board": "Two switches", "sensor": "left", "action": "softer"})
    assert profiles.load("k7", "Two switches").settings.music["steers"] == {"Two switches/left": "softer"}


def test_what_was_chosen_for_a_client_is_kept_for_next_time(kept):
    session = Session()
    assert replies(Music(session), {"id": 1, "do": "music-keep", "scene": "sliding", "limits": "child"}) == [{"id": 1, "ok": True, "kept": True}]
    assert profiles.load("k7", "Squeeze ball").settings.music == {"scene": "sliding", "limits": "child"}
    assert session.asked[-1] == {"do": "order", "order": "client", "music": {"scene": "sliding", "limits": "child"}}
    session.asked.clear()
    replies(Clients(session), {"id": 2, "do": "client-play", "code": "k7"})
    assert {"do": "order", "order": "limits", "preset": "child"} in session.asked
    assert {"do": "order", "order": "scene", "name": "sliding"} in session.asked


def test_stage_is_never_kept_and_nobody_in_particular_keeps_nothing(kept):
    session = Session()
    assert replies(Music(session), {"id": 1, "do": "music-keep", "limits": "stage"}) == [{"id": 1, "ok": True, "kept": False}]
    session.status["client"] = ""
    assert replies(Music(session), {"id": 2, "do": "music-keep", "scene": "storm"}) == [{"id": 2, "ok": True, "kept": False}]


def test_a_client_without_a_calibration_has_a_profile_from_the_first_choice_on(kept):
    session = Session()
    session.status |= {"client": "new1", "boards": [{"name": "Pointer", "link": "page:"}, {"name": "Two switches", "link": "serial:/x"}]}
    replies(Music(session), {"id": 1, "do": "music-keep", "scene": "storm"})
    assert profiles.load("new1", "Two switches").settings.music == {"scene": "storm"}


# ---------------------------------------------------------------- clients


def test_a_code_has_its_symbol_for_ever():
    assert symbol("k7") == {"shape": "diamond", "colour": "pink"}
    assert len({tuple(symbol(f"k{n}").values()) for n in range(500)}) == 64


def test_clients_have_their_instruments_and_new_ones_none(kept):
    clients = Clients(Session())
    new, told = replies(clients, {"id": 1, "do": "client-new", "code": "A1"}, {"id": 2, "do": "clients"})
    assert (new["ok"], new["code"]) == (True, "a1")
    assert [(client["code"], client["instruments"]) for client in told["clients"]] == [
        ("a1", []), ("k7", ["Squeeze ball"]), ("m2", ["Squeeze ball"]), ("p1", ["Squeeze ball"]),
    ]  # fmt: skip
    profiles.save(new_profile("a1", "Reach beam", DATE))
    assert [c["instruments"] for c in replies(clients, {"id": 3, "do": "clients"})[0]["clients"] if c["code"] == "a1"] == [["Reach beam"]]


def test_a_profile_that_cannot_be_read_is_said_and_the_others_are_there(kept):
    (kept / "m2" / "squeeze-ball.json").write_text("{")
    (told,) = replies(Clients(Session()), {"id": 1, "do": "clients"})
    texts = {client["code"]: client.get("text", "") for client in told["clients"]}
    assert "squeeze-ball.json" in texts["m2"] and texts["k7"] == texts["p1"] == ""


def test_clients_that_cannot_be_looked_for_are_a_sentence(kept, monkeypatch):
    (kept.parent / "file").write_text("")
    monkeypatch.setenv("REACHNOTE_CLIENTS", str(kept.parent / "file"))
    (told,) = replies(Clients(Session()), {"id": 1, "do": "clients"})
    assert told["ok"] is False and told["text"].startswith("The profiles cannot be read")


def test_playing_with_a_client_puts_their_scene_on(kept):
    session = Session()
    (told,) = replies(Clients(session), {"id": 1, "do": "client-play", "code": "K7"})
    assert told == {"id": 1, "ok": True, "code": "k7", "symbol": {"shape": "diamond", "colour": "pink"}}
    assert session.asked == [{"do": "client", "code": "k7"}, {"do": "order", "order": "scene", "name": "storm"}]


@pytest.mark.parametrize("code", ["m2", "z9", ""])
def test_without_a_scene_of_their_own_what_plays_goes_on(kept, code):
    session = Session()
    assert replies(Clients(session), {"id": 1, "do": "client-play", "code": code})[0]["ok"]
    assert session.asked == [{"do": "client", "code": code}]


def test_a_scene_that_is_gone_is_said_and_the_client_plays(kept):
    session = Session()
    (told,) = replies(Clients(session), {"id": 1, "do": "client-play", "code": "p1"})
    assert told["ok"] and told["text"].startswith("There is no scene 'a scene that is gone'")
    assert session.asked == [{"do": "client", "code": "p1"}]


def test_without_a_session_nobody_plays(kept):
    (told,) = replies(Clients(Session(runs=False)), {"id": 1, "do": "client-play", "code": "k7"})
    assert told == {"id": 1, "ok": False, "text": "No session is running just now."}


# ---------------------------------------------------------------- one after the other


def in_turn(story) -> list[dict]:
    """Run `story(asked, gate)`: a word "slow" is answered when the gate opens, "broken" never, others at once."""
    page = Page(1)

    async def run() -> None:
        gate = asyncio.Event()

        async def answer(page: Page, thing: dict) -> bool:
            if thing["do"] == "slow":
                await gate.wait()
            if thing["do"] == "broken":
                raise KeyError("something")
            page.say(json.dumps({"id": thing["id"], "ok": True}))
            return True

        asked = Asked(Relay(), (answer,), page)
        await story(asked, gate)
        for _ in range(200):
            await asyncio.sleep(0)

    asyncio.run(run())
    return [json.loads(text) for text in page.take()]


def ask(asked: Asked, number: int, do: str) -> None:
    asked.take(json.dumps({"id": number, "do": do}))


def test_answers_keep_their_order_and_neither_silence_nor_the_pointer_waits():
    async def story(asked: Asked, gate: asyncio.Event) -> None:
        for number, do in enumerate(("slow", "quick", "pointer", "silence", "quick")):
            ask(asked, number, do)
        for _ in range(20):
            await asyncio.sleep(0)
        gate.set()

    assert [(reply["id"], reply["ok"]) for reply in in_turn(story)] == [(3, False), (2, True), (0, True), (1, True), (4, True)]


def test_a_surprise_is_a_sentence_and_the_next_request_is_answered(capsys):
    async def story(asked: Asked, gate: asyncio.Event) -> None:
        ask(asked, 1, "broken")
        ask(asked, 2, "quick")

    assert in_turn(story) == [{"id": 1, "ok": False, "text": SURPRISE}, {"id": 2, "ok": True}]
    assert "KeyError: 'something'" in capsys.readouterr().err


def test_more_than_can_wait_is_refused():
    async def story(asked: Asked, gate: asyncio.Event) -> None:
        for number in range(MOST_ASKED + 2):
            ask(asked, number, "slow")
        gate.set()

    found = in_turn(story)
    assert [reply["id"] for reply in found if not reply["ok"]] == [64, 65]
    assert {reply["text"] for reply in found if not reply["ok"]} == {TOO_MANY} and len(found) == 66


def test_a_page_that_does_not_take_its_messages_is_gone_and_holds_no_more():
    page = Page(1)
    for n in range(WAITING + 100):
        page.say(str(n))
        page.level(f"level {n}")
    assert page.gone and page.take() == [*map(str, range(WAITING)), f"level {WAITING + 99}"]
