"""`reachnote play` with boards on USB and receivers at the ALSA sequencer, inside the guest.

    play.py found two replugged=5 ...     does these in turn and writes figures.json: {what: what came of it}

One session lasts for all of them: --link serial:auto, and three outputs (a pseudo-terminal that notes arrival times, a port of
our own, Pure Data's port). The session may not do all that root may: as for everybody else, a port that another program keeps
for itself stays shut.
"""

from __future__ import annotations

import contextlib
import ctypes
import glob
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from boards import UsbBoard, port_of, pressing
from receivers import OFF, ON, Aseqdump, FluidSynth, Midish, Note, PureData, clients, joined, settled

from support.boards import SWITCH, PtyBoard
from support.running import Heard, Receiver, Running, until

OUT = Path(os.environ["REACHNOTE_OUT"])
HERE = Path("/tmp/guest")
CHANNELS = {"A": 2, "B": 5}
"""Where each board's moving switch plays: A has the channels 2 and 3, B 4 and 5."""
LIMIT_S, ENDED_S, TRIES = 1.5, 8.0, 5
REOPENED_S = {"pure data": 4.0, "aseqdump": 4.0}
START_S, SOON_S = 120, 40  # on a machine that is busy with other things; alone it takes 10, and a moment
PR_CAPBSET_DROP, CAP_SYS_ADMIN = 24, 21


class Feed(threading.Thread):
    """The notes that the session says it sent."""

    def __init__(self, run: Running) -> None:
        super().__init__(daemon=True)
        self._run = run
        self.notes: list[Note] = []
        self.listens = threading.Event()
        self.start()
        assert self.listens.wait(SOON_S)

    def run(self) -> None:
        with self._run.session() as session:
            session.ask("feed", levels_hz=0)
            self.listens.set()
            for thing in session.follow():
                if thing and thing.get("feed") == "note":
                    self.notes.append((thing["note"], thing["channel"], thing["key"], thing["velocity"]))


class Room:
    """The session, two boards A and B, and everybody who listens. A is plugged in before the session starts, B is not yet."""

    def __init__(self) -> None:
        HERE.mkdir(exist_ok=True)
        self.boards = {"A": UsbBoard(0, "A", HERE / "A", pressing(HERE, "left", 0.1, 0.1))}
        self.pd = PureData(HERE)
        self.receiver = Receiver()
        self.run = Running(["serial:auto"], [self.receiver.spec, "midi:virtual", "midi:Pure Data"])
        self.run.ready(0, START_S)
        self.feed = Feed(self.run)
        self.dump = Aseqdump(HERE, "reachnote")
        until(lambda: "aseqdump" in joined("reachnote"), SOON_S, "aseqdump at our port")

    def news(self, what: str) -> list[str]:
        return [str(news.get("text")) for news in self.run.news() if news["news"] == what]

    def started(self, since: float, board: str) -> list[Heard]:
        """The notes that began since then where that board plays."""
        found = itertools.takewhile(lambda m: m.time >= since, reversed(self.receiver.heard))
        return [m for m in found if m.status == 0x90 and m.channel == CHANNELS[board]][::-1]

    def silent(self, board: str) -> None:
        until(lambda: not any(channel == CHANNELS[board] for channel, _ in self.receiver.sounding), SOON_S, f"{board} to end")

    def close(self) -> None:
        for board in self.boards.values():
            board.close()
        self.run.stop()
        for program in (self.dump, self.pd):
            program.close()
        self.receiver.close()


def ports() -> set[str]:
    return set(glob.glob("/dev/ttyACM*"))


def where(room: Room, name: str) -> dict:
    """Under which device a board is found, by its USB serial number and by the hello that the session got."""
    serial = room.boards[name].serial
    (told,) = [board for board in room.run.status()["boards"] if board["uid"] == serial]
    return {"board": name, "serial_number_at": port_of(serial), "hello_at": told["link"]}


def plugged(room: Room, name: str, plug: Callable[[], None] | None = None) -> dict:
    """Plug a board in and wait for its first note. Seconds: to the device, and from there to the note at the receiver."""
    before, began = ports(), time.monotonic()
    (plug or room.boards[name].plug)()
    until(lambda: ports() - before, SOON_S, f"{name} on USB")
    seen = time.monotonic()
    (port,) = ports() - before
    first = until(lambda: room.started(seen, name), SOON_S, f"a note of {name} (said: {room.run.said()[-500:]})")[0]
    times = {"device_s": round(seen - began, 3), "note_s": round(first.time - seen, 3)}
    return {"port": port, "channel": first.channel, **times, **where(room, name)}


def unplugged(room: Room, name: str) -> None:
    """Pull the plug and wait until the session knows it: what the board had said by then is still played."""
    serial = room.boards[name].serial
    room.boards[name].unplug()
    until(lambda: {board["uid"]: board["state"] for board in room.run.status()["boards"]}.get(serial) == "unplugged", SOON_S, f"{name} gone")
    room.silent(name)


@contextlib.contextmanager
def kept_open(path: str) -> Iterator[None]:
    """Somebody has the device open and does not notice that it goes."""
    kept = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        yield
    finally:
        os.close(kept)


# ---------------------------------------------------------------- USB


def found(room: Room, _: int) -> list[dict]:
    """A, which was there before the session, and B, which comes now."""
    until(lambda: room.started(0, "A"), SOON_S, f"a note of A (said: {room.run.said()[-500:]})")

    def plug() -> None:
        room.boards["B"] = UsbBoard(1, "B", HERE / "B", pressing(HERE, "right", 0.1, 0.1))

    return [{"channel": room.started(0, "A")[0].channel, **where(room, "A")}, plugged(room, "B", plug)]


def counted(room: Room, seconds: int) -> Counter[int]:
    """How many notes began on each channel in so many seconds."""
    since = time.monotonic()
    time.sleep(seconds)
    return Counter(m.channel for m in room.receiver.notes_on(since))


def two(room: Room, seconds: int) -> list[dict[int, int]]:
    """Nothing happens but that both boards play."""
    return measured(lambda: counted(room, seconds), lambda notes: steady(notes, seconds))


def measured(once: Callable[[], Any], good: Callable[[Any], bool]) -> list:
    """The machine may be busy with other things: what misses its limit is measured again, at most four times. All of them."""
    came = []
    while len(came) < TRIES and not (came and good(came[-1])):
        came.append(once())
    return came


def steady(notes: dict[int, int], seconds: int) -> bool:
    return all(notes[channel] >= 4 * seconds for channel in CHANNELS.values())


def replugged(room: Room, times: int) -> list[list[dict]]:
    """Each board in turn, while somebody keeps its old device open, so that it returns under another name."""
    names = ["AB"[n % 2] for n in range(times)]
    return [measured(lambda name=name: _replugged(room, name), lambda came: came["note_s"] <= LIMIT_S) for name in names]


def _replugged(room: Room, name: str) -> dict:
    old = port_of(room.boards[name].serial)
    with kept_open(old):
        unplugged(room, name)
        since = time.monotonic()
        time.sleep(0.25)
        alone = {m.channel for m in room.receiver.notes_on(since)}
        came = {"was": old, "meanwhile": sorted(alone), **plugged(room, name)}
    since, (other,) = time.monotonic(), set("AB") - {name}
    until(lambda: room.started(since, other), SOON_S, f"{other} to play on")
    return came


def swapped(room: Room, times: int) -> list[list[dict]]:
    """Both unplugged and plugged in the other way round, so that each has the other's device name."""
    came = []
    for _ in range(times):
        first, second = sorted("AB", key=lambda name: port_of(room.boards[name].serial), reverse=True)
        unplugged(room, first)
        unplugged(room, second)
        until(lambda: not ports(), SOON_S, "no device")
        came.append([plugged(room, first), plugged(room, second)])
    return came


@contextlib.contextmanager
def modem(manner: str) -> Iterator[subprocess.Popen]:
    process = subprocess.Popen([sys.executable, str(Path(__file__).with_name("modem.py")), manner], stdout=subprocess.PIPE)
    try:
        process.stdout.readline()
        yield process
    finally:
        process.kill()
        process.wait()


def asked(room: Room, _: int) -> list[dict]:
    """A modem's program writes to the ports before they are ours and while they are."""

    def once() -> dict:
        unplugged(room, "A")
        with modem("writes"):
            return {**plugged(room, "A"), "during": counted(room, 1)}

    return measured(once, lambda came: came["note_s"] <= LIMIT_S and steady(came["during"], 1))


def echoed(room: Room, _: int) -> list[dict]:
    """Noise comes out of a board between its lines."""

    def babble(stop: threading.Event) -> None:
        while not stop.wait(0.02):
            room.boards["A"].babble(b"AT+GCAP\r\r\nERROR\r\n")

    def once() -> dict:
        stop = threading.Event()
        thread = threading.Thread(target=babble, args=(stop,))
        thread.start()
        during = counted(room, 1)
        stop.set()
        thread.join()
        (told,) = [board for board in room.run.status()["boards"] if board["uid"] == room.boards["A"].serial]
        return {"during": during, **{key: told[key] for key in ("noise", "damaged", "lost", "state")}}

    return measured(once, lambda came: steady(came["during"], 1))


def robbed(room: Room, times: int) -> list[float]:
    """A modem's program takes away what a board says. Seconds from its end until the board plays."""
    took = []
    for _ in range(times):
        unplugged(room, "A")
        with modem("reads"):
            room.boards["A"].plug()
            until(lambda: len(ports()) == 2, SOON_S, "A on USB")
            time.sleep(3)
        ended = time.monotonic()
        until(lambda ended=ended: room.started(ended, "A"), SOON_S, "A after the modem's program has gone")
        took.append(round(room.started(ended, "A")[0].time - ended, 3))
    return took


def kept(room: Room, _: int) -> dict:
    """A modem's program keeps the port for itself for a while. Seconds from its end until the board plays."""
    unplugged(room, "A")
    with modem("alone"):
        since = time.monotonic()
        room.boards["A"].plug()
        until(lambda: any("in use" in text for text in room.news("problem") if text), SOON_S, "a sentence about the port")
        time.sleep(1)
        played = len(room.started(since, "A"))
    ended = time.monotonic()
    until(lambda: room.started(ended, "A"), SOON_S, "A after the modem's program has gone")
    said = [text for text in room.news("problem") if "in use" in text]
    return {"said": said, "played_meanwhile": played, "note_s": round(room.started(ended, "A")[0].time - ended, 3)}


# ---------------------------------------------------------------- ALSA


def compared(room: Room, _: int) -> dict[str, list[Note]]:
    """Everything so far, as the session tells it and as each receiver got it, once all are at rest."""
    for name in room.boards:
        unplugged(room, name)
    names = {0x90: ON, 0x80: OFF}
    arrived = [(names[m.status], m.channel, m.a, m.b) for m in room.receiver.heard if m.status in names]
    time.sleep(0.2)
    return {"feed": list(room.feed.notes), "raw": arrived, "aseqdump": settled(room.dump), "pure data": settled(room.pd)}


def named(room: Room, _: int) -> dict:
    return {"clients": clients(), "joined": sorted(joined("reachnote"))}


def reopened(room: Room, times: int) -> list[list[dict]]:
    """Both receivers ended at once and started again while a board plays. Seconds from the start to the first note."""
    if not ports():
        plugged(room, "A")
    quick = REOPENED_S.items()
    return [measured(lambda: _reopened(room), lambda came: all(came[key] <= most for key, most in quick)) for _ in range(times)]


def _reopened(room: Room) -> dict:
    result: dict = {}
    for key, program in (("pure data", room.pd), ("aseqdump", room.dump)):
        program.close()
        before, told = len(program.notes()), room.news("output")
        if program is room.pd:
            until(lambda told=told: room.news("output") != told, SOON_S, "a sentence about it")
        started = time.monotonic()
        program.open()
        until(lambda program=program, before=before: len(program.notes()) > before, SOON_S, f"notes at {key} again")
        result[key] = round(time.monotonic() - started, 3)
    until(lambda: "Pure Data" in joined("reachnote"), SOON_S, "Pure Data at our port")
    until(lambda: room.news("output")[-1] == "The output is back.", SOON_S, "a sentence about it")
    return result | {"said": room.news("output")[-2:]}


def killed(room: Room, times: int) -> list[list[dict]]:
    """The outlet killed while a note sounds, `times` in a row. Seconds until each receiver has its end, the press going on."""
    for name in room.boards:
        unplugged(room, name)
    room.boards["B"].moved_by(pressing(HERE, "right", 12.0, 0.5))
    return measured(
        lambda: [_killed(room) for _ in range(times)], lambda batch: all({"raw", "pure data"} <= came.keys() for came in batch)
    )


def _killed(room: Room) -> dict:
    plugged(room, "B")
    time.sleep(1.5)  # a joined receiver is noticed within a second
    until(lambda: room.receiver.sounding, SOON_S, "a note")
    (note,) = room.receiver.sounding
    for program in (room.dump, room.pd):
        until(lambda program=program: note in program.sounding(), SOON_S, f"{note} at {program.client}")
    ended = {
        "raw": lambda: note not in room.receiver.sounding,
        "aseqdump": lambda: note not in room.dump.sounding(),
        "pure data": lambda: note not in room.pd.sounding(),
    }
    began = time.monotonic()
    os.kill(room.run.worker(), signal.SIGKILL)
    took: dict = {}
    while len(took) < len(ended) and time.monotonic() < began + ENDED_S:
        took |= {key: round(time.monotonic() - began, 3) for key, true in ended.items() if key not in took and true()}
        time.sleep(0.05)
    took["clients"] = clients()
    unplugged(room, "B")
    if "aseqdump" not in joined("reachnote"):
        room.dump.close()
        room.dump.open()
        until(lambda: "aseqdump" in joined("reachnote"), SOON_S, "aseqdump at our port")
    return took


def synthesized(room: Room, times: int) -> dict:
    """A session of another name plays a synthesizer that is ended and started again; what it made is in OUT/N.raw."""
    board = PtyBoard("b1", [SWITCH])
    board.stream(250)
    synth = FluidSynth(HERE, OUT / "0.raw")
    receiver = Receiver()
    keys = []
    with Running([f"serial:{board.path}"], [receiver.spec, "midi:virtual", "midi:FLUID Synth"], "--name", "Drums") as run:
        run.ready(1, START_S)
        names = clients()
        for n in range(1, times + 1):
            until(lambda: "FLUID Synth" in {name.partition(" (")[0] for name in joined("Drums")}, SOON_S, "the synthesizer joined")
            for pressed in (True, False):
                board.press(0, pressed)
                time.sleep(1)
            keys.append(receiver.notes_on()[-1].a)
            synth.close()
            if n < times:
                until(lambda: run.news()[-1].get("text", "").startswith("There is no MIDI port 'FLUID Synth'"), SOON_S, "a sentence")
                synth = FluidSynth(HERE, OUT / f"{n}.raw")
    board.unplug()
    receiver.close()
    return {"keys": keys, "clients": names}


def sequenced(room: Room, count: int) -> dict:
    """midish records at least `count` notes of board B, and saves a file: its notes, and those that left meanwhile."""
    import mido

    room.boards["B"].moved_by(pressing(HERE, "right", 0.1, 0.1))
    if len(ports()) < 2:
        plugged(room, "B")
    since = time.monotonic()
    sequencer = Midish("reachnote", HERE / "recorded.mid")
    joins = time.monotonic()
    until(lambda: len(room.receiver.notes_on(joins)) > count, SOON_S + 3.0 * count, f"{count} notes")
    sequencer.end()
    found = [m for m in mido.MidiFile(HERE / "recorded.mid") if m.type == "note_on" and m.velocity]
    return {
        "recorded": [[m.channel + 1, m.note, m.velocity] for m in found],
        "left": [[m.channel, m.a, m.b] for m in room.receiver.notes_on(since)],
    }


SCENARIOS = (found, two, replugged, swapped, asked, echoed, robbed, kept, compared, named, reopened, killed, synthesized, sequenced)


def main(words: list[str]) -> None:
    known = {scenario.__name__: scenario for scenario in SCENARIOS}
    began = time.monotonic()
    figures: dict = {}
    ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_SYS_ADMIN, 0, 0, 0)
    room = Room()
    try:
        for word in words:
            name, _, count = word.partition("=")
            started = time.monotonic()
            try:
                figures[name] = known[name](room, int(count or 1))
            except Exception:
                figures[name] = {"failed": traceback.format_exc()}
            print(f"{started - began:6.1f} s: {name} took {time.monotonic() - started:.1f} s", flush=True)
        print(room.run.said(), *(board.problem() for board in room.boards.values()))
    finally:
        (OUT / "figures.json").write_text(json.dumps(figures, indent=1))
        room.close()


if __name__ == "__main__":
    main(sys.argv[1:])
