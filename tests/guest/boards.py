"""Boards on USB, inside the guest: the shipped firmware behind a CDC-ACM gadget of the kernel's own.

`modprobe dummy_hcd num=2` gives two host controllers with a device side each. What the firmware writes to /dev/ttyGS0 arrives at
/dev/ttyACM0, by way of the drivers that serve a real Pico.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tty
from pathlib import Path

from serial.tools import list_ports

from tools.simulate import ROOT, SimulatedBoard

GADGETS = Path("/sys/kernel/config/usb_gadget")
PICO = ("0x2e8a", "0x0005")  # vendor and product of a Pico that runs MicroPython


def pressing(folder: Path, sensor: str, pressed_s: float, released_s: float) -> dict:
    """What moves a board: its switch `sensor`, released and pressed in turn for ever."""
    path = folder / f"{sensor}-{pressed_s}-{released_s}.csv"
    end = released_s + pressed_s
    path.write_text(f"0,0\n{released_s},1\n{end},0\n{end + 0.001},0\n")
    return {sensor: {"file": [str(path)], "step": True}}


def serial_number(word: str) -> str:
    """The uid that a simulated board with that `uid` gives in its hello."""
    import zlib

    return b"desk".hex() + f"{zlib.crc32(word.encode()):08x}"


def port_of(serial: str) -> str | None:
    """The device under which the board of that serial number is there now."""
    return next((port.device for port in list_ports.comports() if port.serial_number == serial), None)


class UsbBoard(SimulatedBoard):
    """A two-switch box on controller `number`. As with a Pico its USB serial number is the uid of its hello."""

    def __init__(self, number: int, word: str, folder: Path, hands: dict) -> None:
        self.number, self.word, self.serial = number, word, serial_number(word)
        self._gadget = GADGETS / f"board{number}"
        self.console = self._make()
        super().__init__(ROOT / "hardware" / "two-switch-box", hands, uid=word, folder=folder)

    def moved_by(self, hands: dict) -> None:
        """What moves it from its next start on."""
        (self.folder / "hands.json").write_text(json.dumps({"uid": self.word, **hands}))

    def plug(self) -> None:
        """Power: the firmware starts, and the host sees the device."""
        console = os.open(self.console, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(console)
        os.set_blocking(console, False)
        argv = [*self._argv, str(ROOT / "firmware" / "desktop" / "start.py"), str(self.folder)]
        with open(self.folder / "stderr.txt", "ab") as log:
            self._process = subprocess.Popen(argv, stdin=console, stdout=console, stderr=log)
        os.close(console)
        (self._gadget / "UDC").write_text(f"dummy_udc.{self.number}")

    def unplug(self) -> None:
        """Pull the cable: the device is gone, and without power so is the firmware."""
        if self._process is not None:
            (self._gadget / "UDC").write_text("\n")
            self._process.kill()
            self._process.wait()
            self._process = None

    close = unplug

    def babble(self, text: bytes) -> None:
        """Something other than the firmware writes on the board's console."""
        console = os.open(self.console, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
        try:
            with contextlib.suppress(BlockingIOError):
                os.write(console, text)
        finally:
            os.close(console)

    def _make(self) -> str:
        """Describe the gadget to the kernel; its console on the board's side."""
        words = self._gadget / "strings" / "0x409"
        function = self._gadget / "functions" / f"acm.board{self.number}"
        configuration = self._gadget / "configs" / "c.1"
        self._gadget.mkdir()
        for folder in (words, function, configuration):
            folder.mkdir(parents=True)
        for name, text in zip(("idVendor", "idProduct"), PICO, strict=True):
            (self._gadget / name).write_text(text)
        for name, text in (("serialnumber", self.serial), ("manufacturer", "MicroPython"), ("product", "Board in FS mode")):
            (words / name).write_text(text)
        (configuration / "acm").symlink_to(function)
        return f"/dev/ttyGS{int((function / 'port_num').read_text())}"
