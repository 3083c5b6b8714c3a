"""What this computer shows of its USB: boards, their ports, who may use them. Reads files, changes nothing.

Linux tells it in /sys; elsewhere only the ports are known (`links.serial.board_ports`). Every path is below a root that a
test may choose.
"""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
from pathlib import Path

from reachnote.doctor import Place

RULE = "70-reachnote.rules"
RULE_FOLDERS = ("etc/udev/rules.d", "run/udev/rules.d", "usr/local/lib/udev/rules.d", "usr/lib/udev/rules.d", "lib/udev/rules.d")
HUB = "09"


class Computer:
    """This computer, as its files tell."""

    def __init__(self, root: Path | str = "/") -> None:
        self._root = Path(root)

    def places(self) -> list[Place] | None:
        """Everything on USB but hubs; None where the system does not tell."""
        folder = self._root / "sys/bus/usb/devices"
        if not folder.is_dir():
            return None
        found = (self._place(path) for path in sorted(folder.iterdir()) if ":" not in path.name)
        return [place for place in found if place is not None]

    def may(self, path: str) -> bool:
        """Whether this user may read and write there."""
        return os.access(path, os.R_OK | os.W_OK)

    def rule(self, carried: Path) -> str:
        """Whether the udev rule is installed: "installed", "older" (another text), "missing", "" where there is no udev."""
        if not any((self._root / folder).is_dir() for folder in RULE_FOLDERS):
            return ""
        for folder in RULE_FOLDERS:
            with contextlib.suppress(OSError):
                text = (self._root / folder / RULE).read_bytes()
                return "installed" if text == carried.read_bytes() else "older"
        return "missing"

    def runs(self, program: str) -> bool:
        """Whether a program of that name runs (Linux; False elsewhere)."""
        for comm in self._root.glob("proc/[0-9]*/comm"):
            with contextlib.suppress(OSError):
                if comm.read_text().strip() == program:
                    return True
        return False

    def group(self, path: str) -> tuple[str, bool]:
        """(group that may use a port, whether this user is in it but not since this login); ("", False) without one."""
        try:
            found = os.stat(path)
            if not found.st_gid or found.st_mode & 0o060 != 0o060:
                return "", False
            entry = grp.getgrgid(found.st_gid)
            name = pwd.getpwuid(os.getuid()).pw_name
        except (OSError, KeyError):
            return "", False
        return entry.gr_name, name in entry.gr_mem and found.st_gid not in os.getgroups()

    def _place(self, path: Path) -> Place | None:
        words = {name: _line(path / name) for name in ("idVendor", "idProduct", "bDeviceClass", "busnum", "devnum")}
        try:
            vendor, product = int(words["idVendor"], 16), int(words["idProduct"], 16)
            node = f"dev/bus/usb/{int(words['busnum']):03d}/{int(words['devnum']):03d}"
        except ValueError:  # it was pulled out while it was looked at
            return None
        if words["bDeviceClass"] == HUB:
            return None
        ports = {port.name for pattern in ("*:*/tty/tty*", "*:*/tty*/tty/tty*") for port in path.glob(pattern)}
        return Place(
            vendor,
            product,
            _line(path / "manufacturer"),
            _line(path / "product"),
            _line(path / "serial"),
            str(self._root / node),
            tuple(str(self._root / "dev" / name) for name in sorted(ports)),
        )


def _line(path: Path) -> str:
    try:
        text = path.read_text("utf-8", "replace").strip()
    except OSError:
        return ""
    return "".join(c for c in text[:80] if c.isprintable())
