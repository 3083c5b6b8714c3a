"""The drive of a board in boot mode: found, written, and gone at the moment of success."""

import errno
import os
import struct

import pytest

from reachnote.flashing import FlashProblem, boot_mode, espressif, picoboot, volume
from reachnote.links.serial import UsbPort
from support.picoboot_double import BootRom, OverUsbip

# As the boot ROMs have it.
RP2040_INFO = "UF2 Bootloader v2.0\nModel: Raspberry Pi RP2\nBoard-ID: RPI-RP2\n"
RP2350_INFO = "UF2 Bootloader v1.0\nModel: Raspberry Pi RP2350\nBoard-ID: RP2350\n"
PIECE = 65536


def image(blocks=700):
    """A UF2 file of that many blocks."""
    made = []
    for number in range(blocks):
        head = struct.pack("<8I", 0x0A324655, 0x9E5D5157, 0x2000, 0x10000000 + number * 256, 256, number, blocks, 0xE48BFF56)
        made.append(head + bytes([number % 251]) * 256 + b"\0" * 220 + struct.pack("<I", 0x0AB16F30))
    return b"".join(made)


def drive(folder, info=RP2040_INFO):
    folder.mkdir(exist_ok=True)
    (folder / "INFO_UF2.TXT").write_bytes(info.encode())
    (folder / "INDEX.HTM").write_text("<html>")
    return folder


@pytest.fixture
def pico(tmp_path):
    return volume.find([drive(tmp_path / "RPI-RP2")])[0]


class Board:
    """Makes the file of a drive whose board takes UF2 blocks as they arrive and restarts after the last one: then the
    drive is gone, and whatever is still asked of it fails. `out_at` bytes later than the start the cable is pulled."""

    def __init__(self, volume, out_at=None, number=errno.EIO):
        self.volume, self.out_at, self.number = volume, out_at, number
        self.taken, self.heard, self.syncs = set(), 0, 0

    def __call__(self, path):
        assert path.parent == self.volume.root
        return self

    def write(self, data):
        self._there()
        for place in range(0, len(data), 512):
            if self.out_at is not None and self.heard >= self.out_at:
                self._go()
            number, count = struct.unpack_from("<2I", data, place + 20)
            self.taken.add(number)
            self.heard += 512
            if len(self.taken) == count:
                self._go(quiet=True)

    def sync(self):
        self.syncs += 1
        self._there()

    def close(self):
        self._there()

    def _there(self):
        if not (self.volume.root / "INFO_UF2.TXT").exists():
            raise OSError(self.number, os.strerror(self.number))

    def _go(self, quiet=False):
        (self.volume.root / "INFO_UF2.TXT").unlink()
        if not quiet:
            self._there()


# ---------------------------------------------------------------- found


def test_a_drive_is_known_by_the_board_id_in_its_info_file(tmp_path):
    drive(tmp_path / "RPI-RP2")
    drive(tmp_path / "RP2350", RP2350_INFO.replace("\n", "\r\n"))
    drive(tmp_path / "FTHR840BOOT", "UF2 Bootloader v3\nModel: Feather\nBoard-ID: NRF52-Feather\n")
    drive(tmp_path / "RPI-RP2-SPOOF", "Board-ID-old: RPI-RP2\nBoard-ID:\nRPI-RP2\n")
    (tmp_path / "holiday").mkdir()
    found = volume.find([*sorted(tmp_path.iterdir()), tmp_path / "nothing"])
    assert [(one.root.name, one.chip, one.port, one.device) for one in found] == [
        ("RP2350", "rp2350", "", ""),
        ("RPI-RP2", "rp2040", "", ""),
    ]


def test_an_info_file_of_any_size_and_content_is_read_within_bounds(tmp_path):
    root = drive(tmp_path / "huge")
    (root / "INFO_UF2.TXT").write_bytes(b"\xff\x00" * 5_000_000 + b"\nBoard-ID: RPI-RP2\n")
    assert volume.find([root]) == []


def test_a_drive_that_is_mounted_twice_is_one_and_one_that_was_pulled_is_none(tmp_path, monkeypatch):
    roots = [drive(tmp_path / name) for name in ("here", "there", "pulled")]
    (tmp_path / "link").symlink_to(roots[0])
    devices = ("/dev/null", "/dev/null", "/dev/no-such-drive1")
    monkeypatch.setattr(volume, "_mounts", lambda: dict(zip(map(str, roots), devices, strict=True)))
    assert [one.root.name for one in volume.find(roots)] == ["here"]
    monkeypatch.setattr(volume, "_mounts", dict)
    assert [one.root.name for one in volume.find([roots[0], tmp_path / "link"])] == ["here"]


def test_where_this_system_mounts_drives_can_be_looked_at():
    assert all(one.chip in ("rp2040", "rp2350") for one in volume.find())


def test_a_drive_that_is_not_on_usb_has_no_place_there():
    assert volume._port("") == "" and volume._port("/dev/null") == ""


# ---------------------------------------------------------------- written


def test_the_image_is_copied_whole_and_in_pieces(pico):
    steps = []
    volume.copy(image(), pico, lambda done, total: steps.append((done, total)))
    assert (pico.root / "REACHNOTE.UF2").read_bytes() == image()
    assert steps == [(done, 358400) for done in (0, 65536, 131072, 196608, 262144, 327680, 357888, 358400)]


def test_a_board_that_restarts_while_its_drive_is_closed_has_taken_it(pico):
    board = Board(pico)
    volume.copy(image(), pico, lambda done, total: None, board)
    assert board.taken == set(range(700)) and not (pico.root / "INFO_UF2.TXT").exists()


@pytest.mark.parametrize("number", [errno.EIO, errno.ENODEV, errno.ENXIO, errno.ENOENT])
@pytest.mark.parametrize("out_at", [0, 512, PIECE, 3 * PIECE, 698 * 512])
def test_a_board_pulled_while_it_is_written_is_told_and_a_second_run_works(pico, out_at, number):
    with pytest.raises(FlashProblem, match=r"went away when \d+ of 350 KiB were copied.*not broken.*BOOTSEL.*start again"):
        volume.copy(image(), pico, lambda done, total: None, Board(pico, out_at, number))
    drive(pico.root)
    board = Board(pico)
    volume.copy(image(), pico, lambda done, total: None, board)
    assert board.taken == set(range(700))


def test_pulled_at_the_last_block_it_cannot_be_told_from_success_so_the_board_must_come_back(pico):
    board = Board(pico, 699 * 512)
    volume.copy(image(), pico, lambda done, total: None, board)
    assert len(board.taken) == 699


def test_a_drive_is_gone_when_its_device_is_even_if_its_files_can_still_be_read(pico):
    stale = volume.Volume(pico.root, "rp2040", device="/dev/no-such-drive1")

    class Stale(Board):
        def _go(self, quiet=False):
            raise OSError(errno.EIO, "Input/output error")

    with pytest.raises(FlashProblem, match="went away when 64 of 350 KiB"):
        volume.copy(image(), stale, lambda done, total: None, Stale(stale, PIECE))


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "is full, which a board's own drive never is.*BOOTSEL"),
        (errno.EROFS, "may only be read: this computer's rules forbid"),
        (errno.EACCES, "may not write to the board's drive"),
        (errno.EPERM, "may not write to the board's drive"),
        (errno.EIO, "could not be written.*start again"),
        (errno.ENAMETOOLONG, "could not be written.*start again"),
    ],
)
def test_what_forbids_writing_is_said_with_the_next_step(pico, monkeypatch, number, words):
    monkeypatch.setattr(volume, "LOOKS", 1)

    def refuses(path):
        raise OSError(number, os.strerror(number))

    with pytest.raises(FlashProblem, match=words):
        volume.copy(image(), pico, lambda done, total: None, refuses)


def test_a_full_drive_is_told_by_the_real_system(pico):
    (pico.root / "REACHNOTE.UF2").symlink_to("/dev/full")
    with pytest.raises(FlashProblem, match="is full"):
        volume.copy(image(), pico, lambda done, total: None)


def test_a_drive_that_cannot_be_synced_at_the_end_for_another_reason_is_no_success(pico):
    class Full(Board):
        def sync(self):
            super().sync()
            if self.heard == len(image()):
                raise OSError(errno.ENOSPC, "No space left on device")

        def _go(self, quiet=False):
            pass

    with pytest.raises(FlashProblem, match="is full"):
        volume.copy(image(), pico, lambda done, total: None, Full(pico))


# ---------------------------------------------------------------- each board once


def test_a_board_that_is_both_drive_and_device_is_listed_once_as_the_drive(tmp_path):
    with BootRom() as rom:
        found = boot_mode.find([drive(tmp_path / "RPI-RP2")], OverUsbip(rom), [])
    assert [(one.chip, one.way, one.where) for one in found] == [("rp2040", "copy", str(tmp_path / "RPI-RP2"))]


def test_drives_and_devices_are_paired_by_their_place_where_it_is_known(tmp_path, monkeypatch):
    monkeypatch.setattr(volume, "_mounts", lambda: {str(tmp_path / "RPI-RP2"): "/dev/null"})
    monkeypatch.setattr(volume, "_port", lambda device: "99-2")
    with BootRom(serial="A") as one, BootRom(serial="B") as two:
        found = boot_mode.find([drive(tmp_path / "RPI-RP2")], OverUsbip(one, two), [])
    assert [(one.way, one.serial, one.where) for one in found] == [
        ("copy", "B", str(tmp_path / "RPI-RP2")),
        ("picoboot", "A", "USB 99-1"),
    ]


def test_a_drive_of_one_chip_never_hides_a_board_with_another(tmp_path):
    with BootRom("rp2350") as rom, BootRom() as hidden, BootRom() as shown:
        found = boot_mode.find([drive(tmp_path / "RPI-RP2")], OverUsbip(rom, hidden, shown), [])
    assert [(one.chip, one.way) for one in found] == [("rp2040", "copy"), ("rp2350", "picoboot"), ("rp2040", "picoboot")]


def test_only_ports_that_an_esp32_s3_has_in_boot_mode_are_listed(monkeypatch):
    ports = [
        UsbPort("/dev/ttyACM0", 0x2E8A, 0x0005, "e661"),
        UsbPort("/dev/ttyACM1", 0x303A, 0x1001, "F4:12:FA:00:00:01"),
        UsbPort("/dev/ttyACM2", 0x303A, 0x4001, "running"),
    ]
    (found,) = boot_mode.find([], OverUsbip(), ports)
    assert (found.chip, found.serial, found.way, found.where) == ("esp32s3", "F4:12:FA:00:00:01", "esptool", "/dev/ttyACM1")
    written = []
    monkeypatch.setattr(espressif, "write", lambda port, image, progress, erase_all: written.append((port, image, erase_all)))
    found.write(b"image", lambda done, total: None)
    found.write(b"image", lambda done, total: None, erase_all=True)
    assert written == [("/dev/ttyACM1", b"image", False), ("/dev/ttyACM1", b"image", True)]


def test_a_drive_is_enough_where_there_is_no_libusb(tmp_path, monkeypatch):
    def without(backend=None):
        raise picoboot.NoUsb("no libusb")

    monkeypatch.setattr(picoboot, "find", without)
    assert [one.way for one in boot_mode.find([drive(tmp_path / "RPI-RP2")], ports=[])] == ["copy"]
    monkeypatch.setattr(picoboot, "seen_by_kernel", lambda: False)
    assert boot_mode.find([], ports=[]) == []
    monkeypatch.setattr(picoboot, "seen_by_kernel", lambda: True)
    with pytest.raises(picoboot.NoUsb):
        boot_mode.find([], ports=[])


def test_a_found_drive_is_written_by_copying(tmp_path):
    (found,) = boot_mode.find([drive(tmp_path / "RPI-RP2")], OverUsbip(), [])
    found.write(image(3), lambda done, total: None)
    assert (tmp_path / "RPI-RP2" / "REACHNOTE.UF2").read_bytes() == image(3)


def test_an_image_for_another_chip_than_the_drive_s_is_refused_before_it_is_copied(tmp_path):
    (found,) = boot_mode.find([drive(tmp_path / "RP2350", RP2350_INFO)], OverUsbip(), [])
    with pytest.raises(FlashProblem, match=r"for a Pico \(RP2040\), the board is a Pico 2 \(RP2350\)"):
        found.write(image(3), lambda done, total: None)
    assert not (tmp_path / "RP2350" / "REACHNOTE.UF2").exists()
