"""A Pico in boot mode written over PICOBOOT by the kernel's USB stack and the system's libusb, inside the guest.

    tests/guest/picoboot.py short|long      with the module vhci-hcd

The board is `support.picoboot_double` behind USB/IP; `long` writes the whole MicroPython image if it is in the cache. Prints
one line for each thing shown and ends with status 0 if all of them held.
"""

from __future__ import annotations

import os
import sys

import usb.core
import usb.util

from reachnote.flashing import FlashProblem, boot_mode, image, picoboot, uf2
from reachnote.flashing.chips import BOARDS, RP2350_ARM_FAMILY
from support.picoboot_double import FLASH_BYTES, PAGE, START, BootRom
from support.vhci import Plugged, refused, said, there
from tools import firmware_image

NOBODY = 65534


def nothing(_done: int, _total: int) -> None: ...


def made(kib: int, family: int = firmware_image.UF2_FAMILY_RP2040) -> uf2.Image:
    pages = tuple((START + n * PAGE, (n.to_bytes(2, "little") * (PAGE // 2))) for n in range(kib * 1024 // PAGE))
    return uf2.Image(family, "rp2040" if family == firmware_image.UF2_FAMILY_RP2040 else "rp2350", pages)


def holds(rom: BootRom, new: uf2.Image) -> bool:
    return all(rom.flash[address - START : address - START + PAGE] == page for address, page in new.pages)


def blank() -> bytearray:
    return bytearray(b"\x5a") * FLASH_BYTES


def whole(new: uf2.Image, rom: BootRom) -> int:
    """The board is found, written and restarted; the number of transfers."""
    (found,) = boot_mode.find([], ports=[])
    assert (found.chip, found.way, found.serial) == (rom.chip, "picoboot", rom._strings[rom.iSerialNumber]), found
    steps: list[tuple[int, int]] = []
    picoboot.write(there()[0], new, lambda done, total: steps.append((done, total)))
    assert rom.complaints == [] and rom.restarted and holds(rom, new), rom.complaints
    assert steps[-1] == (len(new.pages) * PAGE, len(new.pages) * PAGE) and steps == sorted(steps)
    return rom.transfers


def cuts(new: uf2.Image, transfers: int, count: int) -> None:
    """The cable out at `count` moments spread over all transfers; the second run completes each time."""
    seen: set[str] = set()
    for cut in sorted({round(n * (transfers - 1) / (count - 1)) for n in range(count)}):
        flash = blank()
        with Plugged(BootRom(flash=flash, vanish_after=cut)) as rom:
            try:
                picoboot.write(there()[0], new, nothing)
                assert holds(rom, new), cut  # only the restart was missing
            except FlashProblem as problem:
                assert "went away before it was finished" in str(problem), (cut, str(problem))
            seen.add(picoboot.Command(rom.commands[-1][0]).name if rom.commands else "plugging in")
            assert rom.complaints == [], (cut, rom.complaints)
        with Plugged(BootRom(flash=flash)) as again:
            whole(new, again)
    print(f"          the last of it was {', '.join(sorted(seen))}", flush=True)


def in_the_way(new: uf2.Image) -> None:
    """What the system itself refuses."""
    with Plugged(BootRom()) as rom:
        os.seteuid(NOBODY)
        try:
            (device,) = there()
            assert device.serial == "E0C9125B0D9B"  # read without opening it
            with refused("may not use the board in boot mode yet", "udevadm"):
                picoboot.write(device, new, nothing)
        finally:
            os.seteuid(0)
        other = usb.core.find(idVendor=0x2E8A, idProduct=0x0003)
        usb.util.claim_interface(other, 1)
        with refused("Another program is using the board"):
            picoboot.write(there()[0], new, nothing)
        usb.util.dispose_resources(other)
        assert rom.commands == [] and rom.flash == blank()
    with Plugged(BootRom("rp2350")) as rom:
        with refused("for a Pico (RP2040), the board is a Pico 2 (RP2350)"):
            picoboot.write(there()[0], new, nothing)
        assert rom.commands == [] and rom.flash == blank()


def two(new: uf2.Image) -> None:
    """Two boards whose serial numbers are the same: the one that was meant is written."""
    with Plugged(BootRom(), 0) as one, Plugged(BootRom(), 1) as other:
        found = sorted(there(), key=lambda device: device.port)
        assert len({device.port for device in found}) == 2 and len({device.serial for device in found}) == 1, found
        picoboot.write(found[1], new, nothing)
        assert holds(other, new) and other.restarted and one.flash == blank() and other.complaints == []


def main(form: str) -> None:
    new = made(64)
    with said("64 KiB onto an RP2040"), Plugged(BootRom()) as rom:
        transfers = whole(new, rom)
    with said("64 KiB onto an RP2350"), Plugged(BootRom("rp2350")) as rom:
        whole(made(64, RP2350_ARM_FAMILY), rom)
    with said("no permission, busy, wrong chip"):
        in_the_way(new)
    with said("two boards at once"):
        two(new)
    count = 40 if form == "long" else 3
    with said(f"unplugged at {count} of {transfers} transfers, each time a second run"):
        cuts(new, transfers, count)
    cached = firmware_image.cached() if form == "long" else None
    if cached is not None:
        data = image.load(cached)
        image.check(data, BOARDS["pico"])
        with said(f"the whole MicroPython image, {len(data) // 2048} KiB"), Plugged(BootRom()) as rom:
            whole(uf2.read(data), rom)
    print("all held", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
