"""In real time: what a page says of its pointer is said again for it, and it is let go of when the page falls silent."""

from __future__ import annotations

import asyncio
import json
import socket

import pytest

from reachnote.desk.answers.pointer import Pointers
from reachnote.desk.relay import Page, Relay
from reachnote.links.page import unpack

pytestmark = pytest.mark.long  # how often it is said again is a matter of time


def test_a_state_is_said_again_until_its_page_falls_silent(tmp_path, monkeypatch):
    monkeypatch.setenv("REACHNOTE_RUNTIME", str(tmp_path))
    session = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    session.bind(str(tmp_path / "page"))

    async def run() -> list[tuple | None]:
        page, found = Page(1), []
        assert await Pointers(Relay()).answer(page, {"id": 7, "do": "pointer", "x": 0.5, "y": 0.5, "down": True})
        assert page.take() == [json.dumps({"id": 7, "ok": True})]
        for _ in range(10):
            await asyncio.sleep(0.2)  # a socket holds about ten datagrams
            session.setblocking(False)
            try:
                while True:
                    found.append(unpack(session.recv(64)))
            except BlockingIOError:
                pass
        return found

    try:
        found = asyncio.run(run())
    finally:
        session.close()
    assert 15 <= len(found) <= 32 and found[-1] == (1, 0, 0, False)
    assert set(found[:-1]) == {(1, 2048, 2048, True)}
