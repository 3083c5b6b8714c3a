"""Who is let in to the desk: the gate alone, and the whole application behind its door, without a network."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reachnote.desk.gate import Gate
from reachnote.desk.relay import Relay
from reachnote.desk.server import REFUSED, app
from support.hostile import Request, Requests

PORT = 8417
TOKEN, PASS = "token-of-this-launch", "value-of-the-cookie"
COOKIE = (b"cookie", b"reachnote-desk-8417=value-of-the-cookie")
HOST = (b"host", b"127.0.0.1:8417")
ORIGIN = (b"origin", b"http://127.0.0.1:8417")
HOSTILE, RIGHT, SEED = 10_000, 2_000, 20261121


def gate() -> Gate:
    return Gate(PORT, TOKEN, PASS)


def word(address: str) -> str:
    return address.partition("token=")[2]


# ---------------------------------------------------------------- the gate alone


def test_the_address_and_the_cookie_are_as_the_page_of_protocols_says():
    assert gate().address == "http://127.0.0.1:8417/enter?token=token-of-this-launch"
    assert gate().cookie == "reachnote-desk-8417=value-of-the-cookie; HttpOnly; SameSite=Strict; Path=/"


def test_every_launch_has_secrets_of_its_own():
    words = {word for _ in range(100) for word in (Gate(PORT).token, Gate(PORT).pass_)}
    assert len(words) == 200 and min(map(len, words)) >= 43  # 256 bits in base 64


def test_the_token_opens_the_door_again_and_again():
    one = gate()
    assert [one.opens(TOKEN, float(now)) for now in range(3)] == [True, True, True]


@given(st.text().filter(lambda text: text != TOKEN))
def test_no_other_word_opens_the_door(text):
    assert not gate().opens(text, 100.0)


def test_a_ticket_opens_the_door_once():
    one = gate()
    ticket = word(one.ticket(100.0))
    assert [one.opens(ticket, 101.0), one.opens(ticket, 101.0), one.opens(ticket, 500.0)] == [True, False, False]


@pytest.mark.parametrize(("now", "opens"), [(98.9, False), (100.0, True), (219.9, True), (220.1, False), (1e9, False)])
def test_a_ticket_is_good_for_two_minutes(now, opens):
    assert gate().opens(word(gate().ticket(100.0)), now) is opens


def test_a_ticket_says_nothing_of_the_token_and_no_two_are_alike():
    tickets = {word(gate().ticket(100.0)) for _ in range(100)}
    assert len(tickets) == 100 and not any(TOKEN in ticket for ticket in tickets)


@given(st.integers(0, 200), st.sampled_from("0123456789abcdef-x."))
def test_a_changed_ticket_opens_nothing(at, letter):
    ticket = word(gate().ticket(100.0))
    at %= len(ticket)
    changed = ticket[:at] + letter + ticket[at + 1 :]
    assert gate().opens(changed, 100.0) is (changed == ticket)


def test_a_used_ticket_stays_used_while_others_come():
    one = gate()
    first = word(one.ticket(100.0))
    assert one.opens(first, 100.0)
    for n in range(50):
        assert one.opens(word(one.ticket(100.0 + n)), 100.0 + n)
    assert not one.opens(first, 160.0)


@pytest.mark.parametrize(
    ("headers", "page", "socket"),
    [
        ([HOST], True, False),
        ([HOST, ORIGIN], True, True),
        ([(b"Host", HOST[1]), (b"ORIGIN", ORIGIN[1])], True, True),
        ([ORIGIN], False, False),
        ([HOST, HOST], False, False),
        ([HOST, ORIGIN, ORIGIN], False, False),
        ([HOST, (b"origin", b"null")], False, False),
        ([HOST, (b"origin", b"http://localhost:8417")], False, False),
        ([(b"host", b"localhost:8417"), (b"origin", b"http://localhost:8417")], False, False),
        ([(b"host", b"evil.example"), (b"origin", b"http://evil.example")], False, False),
    ],
)
def test_only_our_own_name_is_ours(headers, page, socket):
    assert (gate().ours(headers, False), gate().ours(headers, True)) == (page, socket)


@given(st.binary(max_size=60), st.booleans())
def test_any_other_host_or_origin_is_not_ours(value, host):
    headers = [(b"host", value)] if host else [HOST, (b"origin", value)]
    assert not gate().ours(headers, False) or value in (HOST[1], ORIGIN[1])


@pytest.mark.parametrize(
    ("cookie", "known"),
    [
        (b"reachnote-desk-8417=value-of-the-cookie", True),
        (b"a=b; reachnote-desk-8417=value-of-the-cookie; c=d", True),
        (b"reachnote-desk-8417=other; reachnote-desk-8417=value-of-the-cookie", True),
        (b"reachnote-desk-8418=value-of-the-cookie", False),
        (b"reachnote-desk=value-of-the-cookie", False),
        (b"a=reachnote-desk-8417=value-of-the-cookie", False),
        (b"reachnote-desk-8417=value-of-the-cookiE", False),
        (b"reachnote-desk-8417=", False),
        (b"", False),
    ],
)
def test_the_cookie_is_known_byte_for_byte(cookie, known):
    assert gate().known([(b"cookie", cookie)]) is known


# ---------------------------------------------------------------- the application behind its door


class Answered:
    """What the application answered to one request."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.body = b""
        self.accepted = False

    @property
    def let_in(self) -> bool:
        """Anything else than the one refusal."""
        if self.request.socket:
            return self.accepted or self.status != 0
        return (self.status, self.body) != (403, REFUSED.encode()) or b"set-cookie" in self.headers


async def sent(desk, request: Request) -> Answered:
    """One request, as a server would hand it over; a WebSocket leaves as soon as it is accepted."""
    answer = Answered(request)
    heard = [{"type": "websocket.connect"} if request.socket else {"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> dict:
        if not heard and not request.socket:
            await asyncio.Event().wait()  # a browser stays until it has its answer
        return heard.pop() if heard else {"type": "websocket.disconnect", "code": 1001}

    async def send(message: dict) -> None:
        if message["type"] == "websocket.accept":
            answer.accepted = True
        elif message["type"] == "http.response.start":
            answer.status, answer.headers = message["status"], dict(message["headers"])
        elif message["type"] == "http.response.body":
            answer.body += message.get("body", b"")

    scope = {
        "type": "websocket" if request.socket else "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "root_path": "", "method": "GET",
        "scheme": "ws" if request.socket else "http", "path": request.path, "raw_path": request.path.encode(), "headers": request.headers,
        "query_string": request.query.encode(), "client": ("127.0.0.1", 50000), "server": ("127.0.0.1", PORT), "subprotocols": [],
    }  # fmt: skip
    await desk(scope, receive, send)
    return answer


@pytest.fixture
def page(tmp_path: Path) -> Path:
    (tmp_path / "index.html").write_text("<!doctype html><title>page</title>")
    return tmp_path


def everything(one: Gate, page: Path, hostile: int, right: int) -> list[Answered]:
    """The whole run, right requests among hostile ones."""
    requests = Requests(one, time.monotonic(), SEED)
    asked = [requests.wrong() for _ in range(hostile)]
    for n in range(right):
        asked.insert(n * (hostile + right) // right, requests.right())

    async def run() -> list[Answered]:
        desk = app(one, Relay(), page=page)
        return [await sent(desk, request) for request in asked]

    return asyncio.run(run())


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> list[Answered]:
    folder = tmp_path_factory.mktemp("page")
    (folder / "index.html").write_text("<!doctype html><title>page</title>")
    return everything(Gate(PORT), folder, HOSTILE, RIGHT)


def test_of_ten_thousand_hostile_requests_none_is_let_in(run):
    hostile = [answer for answer in run if answer.request.wrong]
    assert len(hostile) == 10_000
    assert [answer.request for answer in hostile if answer.let_in] == []
    assert len({(a.request.path, a.request.query, *sorted(a.request.headers)) for a in hostile}) > 5_000
    assert {(a.request.path, wrong) for a in hostile for wrong in a.request.wrong} == {
        *((path, wrong) for path in ("/", "/index.html", "/talk", "/sound") for wrong in ("host", "origin", "cookie")),
        *(("/enter", wrong) for wrong in ("host", "origin", "token")),
    }


def test_every_right_request_of_the_same_run_is_let_in(run):
    right = [answer for answer in run if not answer.request.wrong]
    assert len(right) == 2_000
    for answer in right:
        if answer.request.socket:
            assert answer.accepted, answer.request
        elif answer.request.path == "/enter":
            assert (answer.status, answer.headers[b"location"]) == (303, b"/"), answer.request
            assert b"HttpOnly; SameSite=Strict" in answer.headers[b"set-cookie"]
        else:
            assert answer.status == 200 and b"<title>page</title>" in answer.body, answer.request


def test_every_answer_of_the_run_says_what_a_page_may_do(run):
    for answer in run:
        if not answer.request.socket:
            assert answer.headers[b"content-security-policy"].startswith(b"default-src 'self'; ")
            assert answer.headers[b"x-content-type-options"] == b"nosniff" and answer.headers[b"cache-control"] == b"no-store"


class ComparesThemWithEachOther(Gate):
    """The usual mistake: whoever is called what he says he is."""

    def ours(self, headers, origin_needed: bool) -> bool:
        said = {name.lower(): value for name, value in headers}
        return said.get(b"origin", b"http://" + said.get(b"host", b"")) == b"http://" + said.get(b"host", b"")


class KnowsTheBeginning(Gate):
    def known(self, headers) -> bool:
        return any(value.startswith(self.cookie[:40].encode()) for name, value in headers if name == b"cookie")


class OpensToTickets(Gate):
    def opens(self, word: str, now: float) -> bool:
        return super().opens(word, now) or super().opens(word, now - 60.0)


@pytest.mark.parametrize("weak", [ComparesThemWithEachOther, KnowsTheBeginning, OpensToTickets])
def test_the_run_finds_a_weak_gate(weak, page):
    let_in = [answer for answer in everything(weak(PORT), page, 2_000, 1) if answer.request.wrong and answer.let_in]
    assert let_in


def let_in_by(headers: list[tuple[bytes, bytes]], path: str, page: Path, query: str = "") -> Answered:
    return asyncio.run(sent(app(gate(), Relay(), page=page), Request(False, path, query, headers, ())))


def test_a_page_with_the_cookie_enters_again_without_a_token(page):
    assert let_in_by([HOST, COOKIE], "/enter", page).status == 303
    assert let_in_by([HOST], "/enter", page).status == 403


@pytest.mark.parametrize("path", ["/../gate.py", "/..%2fgate.py", "//etc/passwd", "/%2e%2e/server.py", "/\x00", "/../../../pyproject.toml"])
def test_nothing_beside_the_pages_files_is_served(path, page):
    assert let_in_by([HOST, COOKIE], path, page).status == 404


def test_a_refusal_is_one_sentence_about_what_to_do(page):
    answer = let_in_by([HOST], "/", page)
    assert answer.status == 403
    assert answer.body == b"This page belongs to the person who started reachnote on this computer. Start it there: reachnote\n"
