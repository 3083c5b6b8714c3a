"""A made-up computer's files, as `reachnote.usb_places` reads them: what is plugged into USB, what runs, which rules there are."""

from __future__ import annotations

from pathlib import Path


class Tree:
    """A computer's files: what is plugged in, what runs, which rules there are."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "sys/bus/usb/devices").mkdir(parents=True)
        (root / "etc/udev/rules.d").mkdir(parents=True)
        (root / "dev").mkdir()

    def plug(self, place: str, vendor: str, number_of: str, number: int, port: str = "", how: str = "acm", **words: str) -> None:
        device = self.root / "sys/bus/usb/devices" / place
        interface = device / f"{place}:1.0"
        interface.mkdir(parents=True)
        (self.root / "sys/bus/usb/devices" / f"{place}:1.0").symlink_to(interface)
        words = {"bDeviceClass": "ef", "busnum": "1", "devnum": str(number), **words}
        for key, text in {"idVendor": vendor, "idProduct": number_of, **words}.items():
            (device / key).write_text(f"{text}\n")
        if port:
            (interface / (f"tty/{port}" if how == "acm" else f"{port}/tty/{port}")).mkdir(parents=True)

    def runs(self, number: int, name: str) -> None:
        (self.root / f"proc/{number}").mkdir(parents=True)
        (self.root / f"proc/{number}/comm").write_text(f"{name}\n")
