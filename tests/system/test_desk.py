"""The desk as a process behind its door, over loopback, beside a session that sounds (protocols/desk.md)."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from reachnote import desk_command, programme
from reachnote.desk.gate import Gate
from support.asking import place
from support.desks import ADDRESS, Busy, Desk, Door, Page, address_of
from support.hostile import Request, Requests
from support.running import ROOT, percentile, resident_kib, until

pytestmark = pytest.mark.long  # it kills, freezes and counts: beside the timed tests it would disturb them

DOC = (ROOT / "protocols" / "desk.md").read_text("utf-8")
READY_S = 3.0
OVER_THE_WIRE = 500
HURT = 10  # how often a desk is killed, and frozen, while a note sounds


@pytest.fixture(scope="module")
def desk(tmp_path_factory) -> Iterator[Desk]:
    desk = Desk(tmp_path_factory.mktemp("desk"))
    desk.ready(2, 40)
    yield desk
    desk.stop()


@pytest.fixture(scope="module")
def door(desk) -> Door:
    return desk.door()


@pytest.fixture
def own(tmp_path) -> Iterator[Desk]:
    """A desk that may be hurt."""
    desk = Desk(tmp_path)
    desk.ready(2, 40)
    yield desk
    desk.stop()


# ---------------------------------------------------------------- starting


def test_reachnote_opens_a_page_with_a_session_within_three_seconds(tmp_path):
    note = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$@" >> {note}\n')
    browser.chmod(0o700)
    took = []
    for n in range(3):
        (tmp_path / str(n)).mkdir()
        note.unlink(missing_ok=True)
        desk = Desk(tmp_path / str(n), browser=f"{browser} %s")
        try:
            address = until(lambda: note.exists() and note.read_text().strip(), 15, "the browser to be opened")
            door = Door(*address_of(str(address)))
            assert door.get("/")[0] == 200
            with door.page() as page:
                page.until(lambda line: line.get("desk") == "session" and line["there"])
                page.until(lambda line: line.get("id") == "status" and line["status"].get("boards"))
                took.append(time.monotonic() - desk.began)
            assert door.get(str(address).partition(door.host)[2], cookie=False)[0] == 403, "a ticket opened the door twice"
            secrets = {json.loads((desk.folder / "run" / "desk").read_text())["token"], door.cookie.partition("=")[2]}
            for pid, words in desk.pids().items():
                told = " ".join(words) + Path(f"/proc/{pid}/environ").read_text(errors="replace")
                assert not any(secret in told for secret in secrets), words
            assert not any(secret in str(address) for secret in secrets)
        finally:
            desk.stop()
    print(f"ready after {', '.join(f'{s:.2f}' for s in took)} s")
    assert sorted(took)[1] <= READY_S, took


def test_reachnote_without_a_word_plays_with_what_this_computer_has(tmp_path):
    env = place(tmp_path, BROWSER="")
    env |= {"DISPLAY": "", "WAYLAND_DISPLAY": ""}
    with open(tmp_path / "said", "w+") as said:
        alone = subprocess.Popen([sys.executable, "-m", "reachnote"], env=env, stdout=said, stderr=subprocess.STDOUT)
        try:
            found = until(lambda: ADDRESS.search((tmp_path / "said").read_text()), 15, "the address, where there is no browser")
            with Door(int(found[1]), found[2]).page() as page:  # type: ignore[index]
                status = page.until(lambda line: line.get("id") == "status")["status"]
                assert status["links"] == ["serial:auto", "page:"]
                assert [out["spec"] for out in status["outputs"]] in (["page:", "sound:"], ["page:", "midi:virtual"], ["page:"])
                assert page.ask("stop")["ok"]
            assert alone.wait(15) == 0
        finally:
            alone.kill()
            alone.wait()


def test_reachnote_typed_twice_opens_another_page_of_the_first(desk, door):
    again = desk.command("desk", "--no-browser", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    out, err = again.communicate(timeout=20)
    assert (again.returncode, err) == (0, "")
    assert out.splitlines()[0] == "The desk is open already; this opens another page of it."
    assert address_of(out) == (door.port, door.token)


def test_a_desk_opens_beside_a_session_and_leaves_it_running(tmp_path):
    desk = Desk(tmp_path, first="play", browser="unused")
    try:
        desk.ready(1, 40)
        said = open(tmp_path / "beside", "w+")  # noqa: SIM115
        beside = desk.command("desk", "--no-browser", stdout=said, stderr=subprocess.STDOUT)
        found = until(lambda: ADDRESS.search((tmp_path / "beside").read_text()), 15, "the address")
        with Door(int(found[1]), found[2]).page() as page:  # type: ignore[index]
            page.until(lambda line: line.get("id") == "status" and line["status"]["pid"] == desk.engine())
            assert page.ask("pointer", x=0, y=0, down=False)["text"] == (
                "This session does not listen to pointers of pages. End it and start it with: reachnote"
            )
        beside.send_signal(signal.SIGINT)
        assert beside.wait(10) == 0
        said.close()
        assert (tmp_path / "beside").read_text().splitlines()[0].startswith("A session is running already; the desk is open beside it.")
        assert desk.status()["pid"] == desk.engine() and not (desk.folder / "run" / "desk").read_text()
    finally:
        desk.stop()


def test_the_desk_ends_with_reachnote_however_that_ends(own):
    door, desk = own.door(), own.desk()
    own.play.kill()
    until(lambda: desk not in own.pids(), 5, "the desk's end")
    with pytest.raises(OSError):
        door.get("/")


def test_a_desk_that_never_opens_is_said_once_and_leaves_the_door_to_another(tmp_path, monkeypatch):
    monkeypatch.setenv("REACHNOTE_RUNTIME", str(tmp_path))
    monkeypatch.setattr(sys, "executable", "/bin/false")
    monkeypatch.setattr(desk_command, "RESTART_S", 0.01)
    said: list[str] = []
    one = desk_command.Desk(desk_command.claim(), said.append)
    assert desk_command.claim() is None
    one.start(lambda: said.append("ready"))
    until(lambda: said, 10, "a sentence")
    until(lambda: (free := desk_command.claim()) is not None and os.close(free) is None, 5, "the door to be free")
    one.end()
    assert said == [f"The desk does not open; playing goes on without it. What happened is written in {tmp_path}/trouble.txt"]


# ---------------------------------------------------------------- the door


def listening(pids: dict[int, list[str]]) -> set[str]:
    """The TCP addresses (hexadecimal, as the kernel tells them) on which these processes listen."""
    inodes = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            for fd in Path(f"/proc/{pid}/fd").iterdir():
                with contextlib.suppress(OSError):
                    status = fd.stat()
                    if stat.S_ISSOCK(status.st_mode):
                        inodes.add(str(status.st_ino))
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            cells = line.split()
            if cells[3] == "0A" and cells[9] in inodes:
                found.add(cells[1])
    return found


def test_only_this_computer_is_listened_to(desk, door):
    assert listening(desk.pids()) == {f"0100007F:{door.port:04X}"}
    with socket.create_server(("0.0.0.0", 0)) as wide:
        port = wide.getsockname()[1]
        assert listening({os.getpid(): []}) >= {f"00000000:{port:04X}"}, "a wide socket would be seen"


def test_a_page_gets_its_files_and_what_it_may_do(door):
    status, headers, body = door.get("/")
    assert status == 200 and b"<html" in body
    assert headers["content-security-policy"].startswith("default-src 'self';") and "set-cookie" not in headers
    assert door.get("/desk.js")[1]["content-type"].startswith("text/javascript")
    assert door.get("/nothing.js")[0] == 404
    assert "server" not in headers


def test_the_door_file_is_for_its_owner_alone(desk, door):
    assert (desk.folder / "run" / "desk").stat().st_mode & 0o777 == 0o600


def over_the_wire(door: Door, request: Request) -> bytes:
    """The first line that comes back for a request as it is, byte by byte."""
    headers = list(request.headers)
    if request.socket:
        headers += [(b"upgrade", b"websocket"), (b"connection", b"Upgrade"), (b"sec-websocket-version", b"13")]
        headers.append((b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="))
    else:
        headers.append((b"connection", b"close"))
    target = request.path + (f"?{request.query}" if request.query else "")
    head = f"GET {target} HTTP/1.1\r\n".encode() + b"".join(name + b": " + value + b"\r\n" for name, value in headers) + b"\r\n"
    with socket.create_connection(("127.0.0.1", door.port), timeout=10) as sock:
        sock.sendall(head)
        with contextlib.suppress(ConnectionResetError):
            return sock.recv(4096).partition(b"\r\n")[0]
    return b""


def test_hostile_requests_are_refused_over_the_wire_and_right_ones_are_not(door):
    gate = Gate(door.port, door.token, door.cookie.partition("=")[2])
    requests = Requests(gate, time.monotonic(), 20261122)
    refused: dict[bytes, int] = {}
    for n in range(OVER_THE_WIRE):
        request = requests.wrong()
        line = over_the_wire(door, request)
        assert line in (b"HTTP/1.1 403 Forbidden", b"HTTP/1.1 400 Bad Request", b""), (line, request)
        refused[line] = refused.get(line, 0) + 1
        if n % 10 == 0:
            request = requests.right()
            wanted = b"101" if request.socket else b"303" if request.path == "/enter" else b"200"
            assert over_the_wire(door, request).split()[1] == wanted, request
    print(refused)
    assert refused[b"HTTP/1.1 403 Forbidden"] > OVER_THE_WIRE * 3 // 4


# ---------------------------------------------------------------- talking


def blocks() -> list[tuple[str, dict | None]]:
    lines = [line for block in re.findall(r"^```desk\n(.*?)^```$", DOC, re.M | re.S) for line in block.splitlines()]
    found: list[tuple[str, dict | None]] = []
    for line in lines:
        if line[0] == ">":
            found.append((line[2:], None))
        else:
            found[-1] = (found[-1][0], json.loads(line[2:]))
    return found


def test_the_conversation_of_the_page_goes_as_it_is_written(own):
    with own.door().page() as page:
        page.until(lambda line: line.get("id") == "status")
        for said, wanted in blocks():
            page.socket.send(said)
            number = wanted["id"] if wanted else json.loads(said)["id"]
            reply = page.until(lambda line, number=number: "id" in line and line["id"] == number and "feed" not in line)
            assert reply == wanted if wanted else reply["ok"], (said, reply)
        assert len(blocks()) == 12


def test_a_page_is_told_first_that_there_is_a_session_and_then_what_it_is(desk, door):
    with door.page() as first:
        first.until(lambda line: line.get("id") == "status")  # the desk has met the session by now
    with door.page() as page:
        assert page.hear(5) == {"desk": "session", "there": True}
        status = page.until(lambda line: "feed" not in line)
        assert status["id"] == "status" and status["status"]["pid"] == desk.engine()


def test_the_scenes_are_those_of_the_command(door):
    with door.page() as page:
        assert page.ask("scenes")["scenes"] == programme.listing()


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("", "That is no request, so nothing was done. Send one JSON object."),
        ("[1, 2]", "That is no request, so nothing was done. Send one JSON object."),
        ('{"id": 1, "do": "order", "bpm": NaN}', "That is no request, so nothing was done. Send one JSON object."),
        ('{"id": ' + "[" * 5000, "That is no request, so nothing was done. Send one JSON object."),
        (b"\0\1\2", "That is no request, so nothing was done. Send one JSON object."),
        ('{"id": 1, "do": "' + "x" * 20_000 + '"}', "That request is longer than 15000 letters, so nothing was done. Ask for less at once."),
        ('{"id": 1, "do": "order", "name": "' + "é" * 5_000 + '"}', "That is too much at once, so nothing was done. Ask for less."),
        ('{"id": 1, "do": "feed", "levels_hz": 1}', "The desk does not know what that is."),
        ('{"id": 1}', "The desk does not know what that is."),
        ('{"id": 1, "do": ["silence"]}', "The desk does not know what that is."),
    ],
)  # fmt: skip
def test_what_is_no_request_gets_a_sentence_and_the_page_goes_on(door, said, text):
    with door.page() as page, door.page() as other:
        page.socket.send(said)
        reply = page.until(lambda line: line.get("ok") is False)
        assert reply["text"] == text
        assert page.ask("silence")["ok"] and other.ask("status")["ok"]


@pytest.mark.parametrize("code", ["<script>alert(1)</script>", "../../etc", "x" * 300, "con", "", "Anna Smith", "k7\u202e", 7, None, ["k7"]])
def test_what_is_no_code_is_refused_in_a_sentence(door, code):
    with door.page() as page:
        reply = page.ask("client-new", code=code)
        assert reply["ok"] is False and reply["text"].endswith(("such as k7.",)) and len(reply["text"]) < 250
        assert page.ask("clients")["ok"]


def test_a_client_is_known_on_every_page_and_plays(desk, door):
    with door.page() as page, door.page() as other:
        new = page.ask("client-new", code="M3")
        assert (new["ok"], new["code"]) == (True, "m3")
        assert "There is a client m3 already." in other.ask("client-new", code="m3")["text"]
        assert new["symbol"] == next(c["symbol"] for c in other.ask("clients")["clients"] if c["code"] == "m3")
        assert page.ask("client-play", code="m3")["ok"]
        other.until(lambda line: line.get("news") == "client" and line.get("client") == "m3")
        until(lambda: desk.status()["client"] == "m3", 5, "the session's client")
        assert page.ask("client-play", code="")["ok"]
        until(lambda: desk.status()["client"] == "", 5, "nobody in particular")


def test_two_pages_hear_the_same_and_only_who_asked_is_answered(desk, door):
    with door.page() as one, door.page() as two:
        for page in (one, two):
            page.until(lambda line: line.get("id") == "status")
        one.say({"id": "a:b", "do": "status"})
        assert one.until(lambda line: line.get("id") == "a:b")["ok"]
        desk.board.press(0)
        keys = [page.until(lambda line: line.get("feed") == "note" and line["note"] == "on")["key"] for page in (one, two)]
        assert keys[0] == keys[1]
        one.socket.close()
        desk.board.press(0, False)
        assert two.until(lambda line: line.get("feed") == "note")["note"] == "off"
        assert not any(line.get("id") == "a:b" for line in two.lines)
        desk.receiver.wait_sounding(0)


def upgrade(door: Door, sock: socket.socket) -> None:
    """Make a WebSocket of a plain one, which then nobody reads."""
    head = f"GET /talk HTTP/1.1\r\nHost: {door.host}\r\nOrigin: http://{door.host}\r\nCookie: {door.cookie}\r\nUpgrade: websocket\r\n"
    head += "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    sock.sendall(head.encode())
    assert sock.recv(12) == b"HTTP/1.1 101"


def frame(text: str) -> bytes:
    """A text frame of a browser, masked with zeros; up to 125 letters."""
    return bytes((0x81, 0x80 | len(text), 0, 0, 0, 0)) + text.encode()


def test_a_page_that_does_not_read_is_let_go_of_and_nobody_waits_for_it(desk, door):
    pid = desk.desk()
    with socket.socket() as deaf, door.page() as page:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        deaf.settimeout(2.0)
        deaf.connect(("127.0.0.1", door.port))
        upgrade(door, deaf)
        until(lambda: len(connections(pid, door.port)) == 2, 5, "both pages")
        before = resident_kib(pid)
        with contextlib.suppress(OSError):
            for n in range(3000):
                deaf.sendall(frame(f'{{"id": {n}, "do": "scenes"}}'))
        took = []
        for _ in range(50):
            asked = time.monotonic()
            assert page.ask("status")["ok"]
            took.append((time.monotonic() - asked) * 1000)
        until(lambda: len(connections(pid, door.port)) == 1, 15, "the deaf page to be let go of")
        grown = resident_kib(pid) - before
        print(f"others answered within {percentile(took, 0.95):.0f} ms (p95); the desk grew by {grown} KiB")
        assert percentile(took, 0.95) < 250 and grown < 16 * 1024


def connections(pid: int, port: int) -> list[str]:
    """The TCP connections to this port that a process holds."""
    inodes = set()
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            inodes.add(str(fd.stat().st_ino))
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return [cells[1] for cells in lines if cells[1] == f"0100007F:{port:04X}" and cells[3] != "0A" and cells[9] in inodes]


# ---------------------------------------------------------------- hurt


def killed_and_frozen(own: Desk, door: Door) -> float:
    """Once each, with a page open; how long a page needed to come back, in seconds."""
    with door.page() as page:
        page.until(lambda line: line.get("id") == "status")
        killed = time.monotonic()
        os.kill(own.desk(), signal.SIGKILL)
        with pytest.raises(ConnectionClosed):
            while True:
                page.hear(5)
    with door.page(open_timeout=15) as page:  # the same port, the same cookie
        page.until(lambda line: line.get("id") == "status")
        back = time.monotonic() - killed
        os.kill(own.desk(), signal.SIGSTOP)
        time.sleep(0.3)
        assert own.ask("status")["ok"]
        os.kill(own.desk(), signal.SIGCONT)
        assert page.ask("status")["ok"]
    return back


def held(own: Desk) -> int:
    """Hold the switch anew; how many messages came until then."""
    own.board.press(0, False)
    own.receiver.wait_sounding(0)
    time.sleep(0.3)
    own.board.press(0)
    own.receiver.wait_sounding(1)
    return len(own.receiver.heard)


def test_a_desk_that_is_killed_or_frozen_changes_no_note_and_its_page_comes_back(own):
    door = own.door()
    busy, back, void = Busy(), [], 0
    heard = held(own)
    try:
        while len(back) < HURT:
            busy.most()
            took = killed_and_frozen(own, door)
            if len(own.receiver.heard) == heard and len(own.receiver.sounding) == 1:
                back.append(took)
                continue
            assert busy.most() > 0.04, own.receiver.heard[heard:]
            void += 1  # whoever let go did so because this computer had no time for it
            assert void <= 2 * HURT, "this computer is too busy for a board to send in time"
            heard = held(own)
    finally:
        busy.close()
    own.board.press(0, False)
    own.receiver.wait_sounding(0)
    assert own.receiver.ons == own.receiver.offs
    print(f"{HURT} times killed and frozen, {void} void; a page was back after {percentile(back, 0.5):.2f} s, at most {max(back):.2f} s")
    assert own.said().count("The desk stopped by surprise") <= 1 + (HURT + void) // 5


def test_silence_works_while_the_desk_is_frozen(own):
    own.door()
    own.board.press(0)
    own.receiver.wait_sounding(1)
    os.kill(own.desk(), signal.SIGSTOP)
    asked = time.monotonic()
    assert own.ask("silence")["ok"]
    took = own.receiver.ended_at() - asked
    os.kill(own.desk(), signal.SIGCONT)
    print(f"silent after {took * 1000:.1f} ms")
    assert took < 0.1
    own.board.press(0, False)


def test_a_stale_page_is_told_of_the_next_session_and_goes_on_with_the_same_client(own):
    with own.door().page() as page:
        page.until(lambda line: line.get("id") == "status")
        page.ask("client-new", code="k9")
        page.ask("client-play", code="k9")
        until(lambda: any(line.get("client") == "k9" for line in page.lines) or (page.hear(0.1) and None), 5, "news of the client")
        before = own.engine()
        os.kill(before, signal.SIGKILL)
        assert page.until(lambda line: line.get("desk") == "session") == {"desk": "session", "there": False}
        assert page.ask("silence") == {"id": 103, "ok": False, "text": "No session is running just now."}
        assert page.until(lambda line: line.get("desk") == "session") == {"desk": "session", "there": True}
        status = page.until(lambda line: line.get("id") == "status")["status"]
        assert status["pid"] != before and status["client"] == "k9"
        own.ready(2, 40)
        own.board.press(0)
        page.until(lambda line: line.get("feed") == "note" and line["note"] == "on")
        own.board.press(0, False)
        own.receiver.wait_sounding(0)


# ---------------------------------------------------------------- the pointer


def pressed(desk: Desk, page: Page, down: bool = True) -> None:
    page.say({"do": "pointer", "x": 0, "y": 0, "down": down})
    desk.receiver.wait_sounding(1 if down else 0)


def test_a_page_plays_by_its_pointer(desk, door):
    with door.page() as page:
        took = []
        for _ in range(20):
            time.sleep(0.15)  # sooner, it would be taken for a bounce of the same press
            asked = time.monotonic()
            pressed(desk, page)
            took.append((desk.receiver.notes_on()[-1].time - asked) * 1000)
            pressed(desk, page, False)
        print(f"from the socket to the note: {percentile(took, 0.5):.1f} ms in the middle, {percentile(took, 0.95):.1f} ms p95")
        assert any(board["name"] == "Pointer" and board["state"] == "ready" for board in desk.status()["boards"])


def test_a_held_pointer_sounds_as_long_as_its_page_says_so(desk, door):
    with door.page() as page:
        pressed(desk, page)
        for _ in range(6):
            time.sleep(0.5)
            page.say({"do": "pointer", "x": 0, "y": 0, "down": True})
            assert len(desk.receiver.sounding) == 1
        silent = time.monotonic()
        took = desk.receiver.ended_at() - silent
        assert 1.2 < took < 2.2, "what is not said again is let go of"


def test_a_pointer_is_let_go_of_when_its_page_goes(desk, door):
    page = door.page()
    pressed(desk, page)
    gone = time.monotonic()
    page.socket.close()
    assert desk.receiver.ended_at() - gone < 0.5


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_pointer_is_let_go_of_when_the_desk_dies_or_hangs(own, how):
    with own.door().page() as page:
        pressed(own, page)
        hurt = time.monotonic()
        pid = own.desk()
        os.kill(pid, how)
        took = own.receiver.ended_at() - hurt
        os.kill(pid, signal.SIGCONT) if how == signal.SIGSTOP else None
        print(f"silent after {took:.2f} s")
        assert took < 0.6
