"""Whether a vendor bulk link beside the console would beat serial.

    python3 tools/bench/usb_bulk.py [--seconds N]

One USB device has both: a CDC-ACM console and a vendor interface with two bulk pipes (PyPI `usbip`, full speed, 64-byte packets).
The host is a guest with Debian's own kernel (tests/support/guest.py), so that the drivers are real; it reads the console as
`reachnote play` does and the bulk pipe through pyusb and libusb. Both take turns in one run. Prints JSON, milliseconds.

The guest is emulated and the bus is a socket: compare the two columns, take neither for the time of a real board.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import select
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT), str(ROOT / "tools" / "bench")]

VENDOR, PRODUCT, DOOR = 0x2E8A, 0x0005, 3240
CONSOLE = "/dev/ttyACM0"
BULK_IN, BULK_OUT = 0x84, 0x04
VHCI = Path("/sys/devices/platform/vhci_hcd.0")
LINE = 60  # bytes
RATE = 250  # lines a second
TRIPS = 100  # round trips a turn
TURNS = 3
START, END = b"<", b">"  # ask for the lines, and for quiet


class Way(NamedTuple):
    """One of the two: `read` waits at most a second for what has come."""

    name: str
    read: Callable[[], bytes]
    write: Callable[[bytes], object]


# ---------------------------------------------------------------- the device, a process of its own


def device() -> None:
    """Serve the device until stdin closes. Each pipe echoes, or sends lines with the time on them while they are asked for."""
    from usbip import In, Interface, Out, USBDevice
    from usbip.classes.device import CDCACM
    from usbip.transport import USBIP

    streaming: dict[object, threading.Event] = {}

    def take(write: Callable[[bytes], None], data: bytes) -> None:
        if data == START:
            streaming[write] = threading.Event()
            threading.Thread(target=lines, args=(write, streaming[write]), daemon=True).start()
        elif data == END:
            streaming.pop(write).set()
        else:
            write(data)

    def lines(write: Callable[[bytes], None], end: threading.Event) -> None:
        due = time.monotonic()
        while not end.is_set():
            write(f"{time.monotonic():.7f} ".ljust(LINE - 1, ".").encode() + b"\n")
            due += 1 / RATE
            time.sleep(max(0.0, due - time.monotonic()))

    class Bulk(Interface):
        bInterfaceClass = 0xFF
        pipe_in = In(BULK_IN, "bulk", mps=64)
        pipe_out = Out(BULK_OUT, "bulk", mps=64)

        def on_out(self, ep: object, data: bytes) -> None:
            take(self.pipe_in.write, bytes(data))

    board = USBDevice(VENDOR, PRODUCT, manufacturer="reachnote", product="Console and bulk", serial="0123456789abcdef")
    board.set_composite()
    board.add(CDCACM(on_rx=lambda port, data: take(port.in_ep.write, bytes(data))))
    board.add(Bulk())
    board.plug(via=USBIP("127.0.0.1", DOOR))
    print("here", flush=True)
    sys.stdin.read()


# ---------------------------------------------------------------- the host


def plug() -> object:
    """Give the device to the kernel; keep what is returned."""
    import usbip

    line = usbip.USBIP("127.0.0.1", DOOR).connect()
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else every answer waits 40 ms for an acknowledgement
    told = usbip.protocol.client_import(line, b"1-1")
    (VHCI / "attach").write_text(f"0 {line.fileno()} {told['busnum'] << 16 | told['devnum']} {told['speed']}")
    end = time.monotonic() + 20
    while not os.path.exists(CONSOLE):
        if time.monotonic() > end:
            raise TimeoutError("the kernel did not make a console of the device")
        time.sleep(0.05)
    time.sleep(1)
    return line


def ways() -> list[Way]:
    import libusb_package
    import serial
    import usb.core

    port = serial.Serial(CONSOLE, 115200, timeout=0, write_timeout=0, exclusive=True)
    os.set_blocking(port.fileno(), False)
    poll = select.poll()
    poll.register(port.fileno(), select.POLLIN)

    def read_console() -> bytes:
        return os.read(port.fileno(), 8192) if poll.poll(1000) else b""

    board = usb.core.find(idVendor=VENDOR, idProduct=PRODUCT, backend=libusb_package.get_libusb1_backend())
    for interface in board.get_active_configuration():
        if interface.bInterfaceClass == 0xFF:
            usb.util.claim_interface(board, interface.bInterfaceNumber)

    def read_bulk() -> bytes:
        try:
            return bytes(board.read(BULK_IN, 512, timeout=1000))
        except usb.core.USBTimeoutError:
            return b""

    return [
        Way("serial", read_console, lambda data: os.write(port.fileno(), data)),
        Way("bulk", read_bulk, lambda data: board.write(BULK_OUT, data, timeout=1000)),
    ]


def emptied(way: Way) -> None:
    while way.read():
        pass


def round_trips(way: Way) -> list[float]:
    """Milliseconds from writing a line to having it back."""
    took = []
    for n in range(TRIPS):
        line = f"{n} ".ljust(LINE - 1, ".").encode() + b"\n"
        back, began = b"", time.monotonic()
        way.write(line)
        while len(back) < LINE and time.monotonic() < began + 2:
            back += way.read()
        took.append(1000 * (time.monotonic() - began))
        if back != line:
            raise AssertionError(f"{way.name}: sent {line!r}, got {back!r}")
    return took


def arrivals(way: Way, seconds: float) -> list[tuple[float, float]]:
    """(sent, arrived) of every line of so many seconds, the first tenth left out."""
    found, rest = [], b""
    way.write(START)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        rest += way.read()
        now = time.monotonic()
        *lines, rest = rest.split(b"\n")
        found += [(float(line.split()[0]), now) for line in lines if line]
    way.write(END)
    emptied(way)
    return found[len(found) // 10 :]


def measure(seconds: float) -> dict:
    """Both ways in turn."""
    from latency import percentile

    line = plug()
    figures: dict = {}
    trips: dict[str, list[float]] = {}
    late: dict[str, list[float]] = {}
    gaps: dict[str, list[float]] = {}
    both = ways()
    for turn in range(TURNS):
        for way in both[:: -1 if turn % 2 else 1]:
            trips.setdefault(way.name, []).extend(round_trips(way))
            came = arrivals(way, seconds)
            late.setdefault(way.name, []).extend(1000 * (arrived - sent) for sent, arrived in came)
            gaps.setdefault(way.name, []).extend(abs((b[1] - a[1]) - (b[0] - a[0])) * 1000 for a, b in itertools.pairwise(came))
    for name in ("serial", "bulk"):
        figures[name] = {
            what: {"p50": percentile(values[name], 0.5), "p99": percentile(values[name], 0.99), "n": len(values[name])}
            for what, values in (("round_trip_ms", trips), ("one_way_ms", late), ("jitter_ms", gaps))
        }
    line.close()
    return figures


def inside(seconds: float) -> None:
    board = subprocess.Popen([sys.executable, __file__, "--device"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        board.stdout.readline()
        figures = measure(seconds)
        (Path(os.environ["REACHNOTE_OUT"]) / "figures.json").write_text(json.dumps(figures))
    finally:
        board.kill()
        board.wait()


def main() -> int:
    words = argparse.ArgumentParser(description="Serial and a bulk link, side by side, in a guest.")
    words.add_argument("--seconds", type=float, default=3.0, help=f"of lines in each of {TURNS} turns of either")
    words.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    words.add_argument("--device", action="store_true", help=argparse.SUPPRESS)
    choice = words.parse_args()
    if choice.device:
        device()
    elif choice.inside:
        inside(choice.seconds)
    else:
        return outside(choice.seconds)
    return 0


def outside(seconds: float) -> int:
    from latency import yardstick

    from support import guest
    from tools.micropython import Unavailable

    patience = 120 + 4 * TURNS * seconds
    with tempfile.TemporaryDirectory() as folder:
        try:
            words = ("--inside", "--seconds", str(seconds))
            done = guest.run(
                "tools/bench/usb_bulk.py", *words, out=Path(folder), modules=["vhci-hcd", "cdc-acm"], seconds=patience
            )
        except (Unavailable, TimeoutError) as why:
            print(why, file=sys.stderr)
            return 1
        if done.status:
            print(done.said, file=sys.stderr)
            return 1
        figures = json.loads((Path(folder) / "figures.json").read_text())
    print(json.dumps({"lines_a_second": RATE, "bytes_a_line": LINE, **figures, **yardstick()}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
