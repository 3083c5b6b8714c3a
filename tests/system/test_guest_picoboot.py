"""A board in boot mode for real: Debian's kernel with its USB stack, libusb and FAT between the flasher and the stand-in for
the boot ROM."""

import pytest

from support import guest
from tools import firmware_image
from tools.micropython import Unavailable

pytestmark = pytest.mark.long
VENDOR, DRIVE = ["vhci-hcd"], ["vhci-hcd", "usb-storage", "sd_mod", "vfat"]


def flashed(script, form, modules, out, seconds):
    """What the guest's script said; a failed test with its words unless everything in it held."""
    try:
        done = guest.run(f"tests/guest/{script}", form, out=out, modules=modules, seconds=seconds)
    except Unavailable as why:
        pytest.skip(str(why))
    print(done.said)
    assert done.status == 0 and done.said.endswith("all held\n"), done.said
    return done.said


def test_over_picoboot_a_board_is_written_unplugged_and_written_again(tmp_path):
    assert "unplugged at 3 of" in flashed("picoboot.py", "short", VENDOR, tmp_path, 110)


def test_on_its_drive_a_board_is_written_pulled_and_written_again(tmp_path):
    assert "gone 0.0 s after the last block" in flashed("drive.py", "short", DRIVE, tmp_path, 110)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_over_picoboot_the_whole_image_and_forty_cuts(tmp_path):
    said = flashed("picoboot.py", "long", VENDOR, tmp_path, 800)
    assert ("the whole MicroPython image" in said) == (firmware_image.cached() is not None)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_on_its_drive_the_whole_image_and_thirteen_cuts(tmp_path):
    said = flashed("drive.py", "long", DRIVE, tmp_path, 800)
    assert ("the whole MicroPython image" in said) == (firmware_image.cached() is not None)
