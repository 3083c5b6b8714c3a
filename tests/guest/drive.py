"""A Pico in boot mode written by copying onto its drive, by the kernel's USB storage and FAT, inside the guest.

    tests/guest/drive.py short|long      with the modules vhci-hcd, usb-storage, sd_mod, vfat

The board is `support.picoboot_double` behind USB/IP. Prints one line for each thing shown; status 0 if all of them held.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reachnote.flashing import boot_mode, uf2, volume
from support.picoboot_double import FLASH_BYTES, PAGE, START, BootRom
from support.vhci import Plugged, refused, said, there, wait_for
from tools import firmware_image

NOBODY = 65534
DESK = Path("/run/media/root")  # where a desktop mounts drives


@contextmanager
def mounted(name: str, options: str = "flush") -> Iterator[Path]:
    """The one drive that there is, as a desktop mounts it."""
    wait_for(lambda: list(Path("/dev").glob("sd?1")), "the kernel to see the drive")
    root = DESK / name
    root.mkdir(parents=True, exist_ok=True)
    (device,) = Path("/dev").glob("sd?1")
    subprocess.run(["mount", "-t", "vfat", "-o", options, str(device), str(root)], check=True)
    try:
        yield root
    finally:
        subprocess.run(["umount", "-l", str(root)], check=True)


def made(kib: int) -> bytes:
    return firmware_image.uf2(b"".join(n.to_bytes(2, "little") * (PAGE // 2) for n in range(kib * 4)))


def holds(rom: BootRom, data: bytes) -> bool:
    return all(rom.flash[address - START : address - START + PAGE] == page for address, page in uf2.read(data).pages)


def nothing(_done: int, _total: int) -> None: ...


def copied(data: bytes, options: str, restart_s: float) -> None:
    """The board is found once, as a drive; it restarts `restart_s` after its last block and has every page then."""
    rom = BootRom(flash=bytearray(b"\x5a") * FLASH_BYTES)
    rom.restart_s = restart_s
    with Plugged(rom), mounted("RPI-RP2", options) as root:
        (found,) = boot_mode.find(ports=[])
        assert (found.chip, found.way, found.where, found.serial) == ("rp2040", "copy", str(root), "E0C9125B0D9B"), found
        steps: list[tuple[int, int]] = []
        found.write(data, lambda done, total: steps.append((done, total)))
        wait_for(lambda: not there(), "the board to restart")
        assert steps[0] == (0, len(data)) and steps[-1] == (len(data), len(data)), steps
    assert rom.restarted and holds(rom, data)


def pulled(data: bytes, blocks: int) -> None:
    """The cable is out when the board has taken `blocks` blocks; a second run completes."""
    rom = BootRom()
    rom.out_after = blocks
    with Plugged(rom), mounted("RPI-RP2"), refused("went away when", "KiB were copied", "BOOTSEL"):
        boot_mode.find(ports=[])[0].write(data, nothing)
    assert not rom.restarted
    copied(data, "flush", 1.0)


def in_the_way(data: bytes) -> None:
    with Plugged(BootRom()) as rom, mounted("RPI-RP2", "ro"), refused("may only be read: this computer's rules forbid"):
        boot_mode.find(ports=[])[0].write(data, nothing)
    assert not rom.blocks
    with Plugged(BootRom()) as rom, mounted("RPI-RP2"):
        os.seteuid(NOBODY)
        try:
            with refused("may not write to the board's drive"):
                boot_mode.find(ports=[])[0].write(data, nothing)
        finally:
            os.seteuid(0)
    assert not rom.blocks


def paired() -> None:
    """Of two boards with one serial number, the one whose drive is not mounted is listed as a device."""
    with Plugged(BootRom(), 0), mounted("RPI-RP2"), Plugged(BootRom(drive=False), 1):
        drive = volume.find()[0]
        found = boot_mode.find(ports=[])
        assert [one.way for one in found] == ["copy", "picoboot"], found
        assert drive.port and found[1].where.startswith("USB ") and drive.port not in found[1].where, (drive, found)


def main(form: str) -> None:
    short = form == "short"
    data = made(64 if short else 192)
    count = len(data) // 512
    more = () if short else (("flush", 1.0), ("sync", 0.5), ("flush", 0.0))
    for options, restart_s in (("sync", 0.0), *more):
        with said(f"{count // 4} KiB copied, mounted {options}, gone {restart_s} s after the last block"):
            copied(data, options, restart_s)
    with said("read only, no permission"):
        in_the_way(data)
    with said("two boards, one of them mounted"):
        paired()
    for blocks in (count // 3,) if short else range(0, count - 1, 59):  # not the last one: see volume.copy
        with said(f"pulled after {blocks} of {count} blocks, then a second run"):
            pulled(data, blocks)
    cached = firmware_image.cached() if form == "long" else None
    if cached is not None:
        with said("the whole MicroPython image"):
            copied(cached.read_bytes(), "flush", 1.0)
    print("all held", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
