"""Every example of protocols/osc.md, both ways."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "host"), str(ROOT / "protocols"), str(ROOT / "firmware")]

import reachnote_wire as wire  # noqa: E402
from reachnote import osc_bodies, osc_packet  # noqa: E402
from reachnote.model import Event, Kind  # noqa: E402
from reachnote.osc_packet import OscRefused, message, messages  # noqa: E402
from reachnote.outputs.osc import OscOutput  # noqa: E402
from reachnote_board.osc_link import OscLink, read_set  # noqa: E402

DOC = (ROOT / "protocols" / "osc.md").read_text("utf-8")


def blocks(kind):
    found = []
    for block in re.findall(rf"^```{kind}\n(.*?)^```$", DOC, re.M | re.S):
        fields = dict(re.findall(r"^(\w+):\s+(.*(?:\n +.*)*)$", block, re.M))
        fields["bytes"] = bytes.fromhex(fields["bytes"])
        found.append(fields)
    return found


EXAMPLES = blocks("osc")
NAMES = [f"{n} {json.loads(fields['message'])[0]}" for n, fields in enumerate(EXAMPLES)]


def with_field(name, *addresses):
    return [
        pytest.param(fields, id=label)
        for label, fields in zip(NAMES, EXAMPLES, strict=True)
        if name in fields and (not addresses or any(label.endswith(address) for address in addresses))
    ]


def test_the_page_has_an_example_of_every_address():
    told = set(re.findall(r"^\| `(/reachnote/\w+)`", DOC, re.M))
    assert told == {label.split()[1] for label in NAMES} and len(told) == 14


@pytest.mark.parametrize("fields", EXAMPLES, ids=NAMES)
def test_a_message_and_its_bytes(fields):
    address, tags, *values = json.loads(fields["message"])
    assert message(address, tags, *values) == fields["bytes"]
    assert messages(fields["bytes"]) == [(address, values)]


@pytest.mark.parametrize("fields", blocks("osc-refused"))
def test_what_is_refused(fields):
    with pytest.raises(OscRefused) as caught:
        osc_packet.check(fields["bytes"])
    assert caught.value.reason == fields["reason"]


@pytest.mark.parametrize("fields", blocks("osc-bundle"))
def test_what_a_bundle_gives(fields):
    assert messages(fields["bytes"]) == [(address, values) for address, *values in json.loads(fields["messages"])]


def test_every_reason_is_in_the_table():
    table = DOC.partition("## 2.")[0]
    assert set(osc_packet.REASONS) == set(re.findall(r"\| `(\w+)` \|$", table, re.M))


@pytest.mark.parametrize("fields", with_field("line", "/reading"))
def test_a_reading_says_what_its_serial_line_says(fields):
    kinds = json.loads(fields["kinds"])
    seq, body = osc_bodies.Reader(kinds).body("e66141", fields["bytes"])
    assert body == fields["line"].encode() and wire.read_line(body)[0] == seq


@pytest.mark.parametrize("fields", with_field("line", "/reading"))
def test_the_board_writes_a_reading_so(fields):
    sent = []

    class Socket:
        def readinto(self, buffer):
            return None

        def write(self, packet):
            sent.append(bytes(packet))
            return len(packet)

    sensors = [{"kind": kind} for kind in json.loads(fields["kinds"])]
    link = OscLink(Socket(), lambda: {"sensors": sensors}, None, "e66141", always=True)
    link.step(0)
    letter, text = fields["line"][0], fields["line"][1:]
    assert link.send(wire.frame(letter, text))
    assert sent[-1] == fields["bytes"]


@pytest.mark.parametrize("fields", with_field("line", "/silence"))
def test_silence_says_what_its_serial_line_says(fields):
    assert osc_bodies.silence(fields["bytes"]) == fields["line"].encode()
    link = OscLink(None, lambda: {"sensors": []}, None, "e66141")
    sent = []
    link._write = lambda packet: sent.append(bytes(packet)) or len(packet)
    link.silence(1)
    assert sent == [fields["bytes"]]


@pytest.mark.parametrize("fields", with_field("line", "/hello", "/error"))
def test_hello_and_error_say_what_their_serial_lines_say(fields):
    body = osc_bodies.error(fields["bytes"]) if "error" in fields["message"] else osc_bodies.hello(fields["bytes"])[2]
    assert body == fields["line"].encode()


@pytest.mark.parametrize("fields", with_field("line", "/keepalive", "/askhello", "/set"))
def test_host_lines_become_these_messages(fields):
    assert osc_bodies.to_board(fields["line"][0], fields["line"][1:]) == [fields["bytes"]]
    if "/set" in fields["message"]:
        assert {read_set(fields["bytes"])[0]: read_set(fields["bytes"])[1]} == json.loads(fields["line"][1:])


@pytest.mark.parametrize("fields", with_field("event"))
def test_events_become_these_messages(fields):
    told = json.loads(fields["event"])
    source = told.get("source", 0)
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(5)
        with contextlib.closing(OscOutput("127.0.0.1", listener.getsockname()[1], "reachnote")) as output:
            output.send(Event(Kind.NAME, 0, 0, 0, source, 0, 0.0), told["name"])
            if told["kind"] != "NAME":
                output.send(Event(Kind[told["kind"]], told["channel"], told["a"], told["b"], source, 0, 0.0))
                listener.recv(4096)
            assert listener.recv(4096) == fields["bytes"]
