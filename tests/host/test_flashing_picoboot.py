"""PICOBOOT against a stand-in for the boot ROM that checks every command and every page, over pyusb without a kernel."""

import errno

import pytest
import usb.core

from reachnote.flashing import FlashProblem, boot_mode, picoboot, uf2
from reachnote.flashing.chips import BOARDS, RP2040_FAMILY, RP2350_ARM_FAMILY
from reachnote.flashing.picoboot import Command, packed, place, restart, unpacked
from support.picoboot_double import FLASH_BYTES, PAGE, PRODUCT, SECTOR, START, BootRom, OverUsbip

OLD = 0x5A  # what the flash holds before


def image(pages=40, chip="rp2040", gap=()):
    family = RP2040_FAMILY if chip == "rp2040" else RP2350_ARM_FAMILY
    numbers = [number for number in range(pages) if number not in gap]
    return uf2.Image(family, chip, tuple((START + number * PAGE, bytes([number % 251 + 1]) * PAGE) for number in numbers))


def flashed(rom, new, progress=lambda done, total: None):
    (device,) = picoboot.find(OverUsbip(rom))
    picoboot.write(device, new, progress)


def holds(rom, new):
    return all(rom.flash[address - START : address - START + PAGE] == page for address, page in new.pages)


def blank():
    return bytearray([OLD]) * FLASH_BYTES


# ---------------------------------------------------------------- bytes


def test_a_command_is_32_bytes_with_magic_token_number_and_padded_arguments():
    assert packed(Command.EXIT_XIP, 7) == bytes.fromhex("0bd11f43 07000000 06 00 0000 00000000" + "00" * 16)
    assert packed(Command.READ, 258, place(0x10001000, 512), 512) == bytes.fromhex(
        "0bd11f43 02010000 84 08 0000 00020000 00100010 00020000" + "00" * 8
    )


def test_each_chip_has_its_own_way_to_restart():
    assert restart("rp2040") == (0x02, bytes.fromhex("00000000 00200420 f4010000"))
    assert restart("rp2350") == (0x0A, bytes.fromhex("00000000 f4010000 00000000 00000000"))


def test_a_status_says_which_command_it_is_about_and_how_it_went():
    status = unpacked(bytes.fromhex("07000000 05000000 05 01" + "00" * 6))
    assert (status.token, status.code, status.command, status.busy) == (7, 5, 5, True)


# ---------------------------------------------------------------- a board


@pytest.mark.parametrize("chip", ["rp2040", "rp2350"])
def test_every_page_of_the_image_is_in_flash_and_the_board_restarts(chip):
    new, steps = image(chip=chip), []
    with BootRom(chip) as rom:
        flashed(rom, new, lambda done, total: steps.append((done, total)))
    assert rom.complaints == []
    assert holds(rom, new) and rom.restarted
    assert steps == [(0, 10240), (4096, 10240), (6144, 10240), (10240, 10240)]


def test_only_the_sectors_of_the_image_are_erased():
    with BootRom(flash=blank()) as rom:
        flashed(rom, image(17))
    assert rom.erased == {0x10000000, 0x10001000}
    assert rom.flash[17 * PAGE : 2 * SECTOR] == b"\xff" * (15 * PAGE)
    assert rom.flash[2 * SECTOR :] == bytes([OLD]) * (FLASH_BYTES - 2 * SECTOR)


def test_an_image_with_gaps_is_written_around_them():
    new = image(40, gap=(3, 4, 16, 17, 31))
    with BootRom() as rom:
        flashed(rom, new)
    assert rom.complaints == [] and holds(rom, new)
    assert rom.flash[3 * PAGE : 5 * PAGE] == b"\xff" * (2 * PAGE)


def test_every_byte_is_read_back():
    with BootRom(damage=0x10001234) as rom, pytest.raises(FlashProblem, match=r"did not keep what was written \(at 4 KiB\)"):
        flashed(rom, image())
    assert not rom.restarted


def test_an_image_for_the_other_chip_is_refused_before_the_first_command():
    with BootRom("rp2350") as rom, pytest.raises(FlashProblem, match=r"for a Pico \(RP2040\), the board is a Pico 2 \(RP2350\)"):
        flashed(rom, image(chip="rp2040"))
    assert rom.commands == [] and rom.erased == set()


def test_a_board_that_refuses_is_quoted_and_can_be_written_afterwards():
    with BootRom(flash=(flash := blank()), wrong_status=10) as rom:
        with pytest.raises(FlashProblem, match=r"refused to go on \(WRITE: it is locked against that\).*BOOTSEL"):
            flashed(rom, image())
        assert rom.exclusive == 0  # INTERFACE_RESET was sent: the drive works again
    with BootRom(flash=flash) as again:
        flashed(again, image())
    assert again.complaints == [] and holds(again, image())


def test_what_an_earlier_program_left_half_done_does_not_stop_the_next():
    with BootRom() as rom:
        usb_device = usb.core.find(backend=OverUsbip(rom))
        usb_device.write(3, packed(Command.EXIT_XIP, 9))
        with pytest.raises(usb.core.USBError):
            usb_device.write(3, b"no command")
        usb.util.dispose_resources(usb_device)
        rom.complaints.clear()
        flashed(rom, image())
    assert rom.complaints == [] and holds(rom, image())


def test_a_board_without_its_drive_has_the_interface_elsewhere():
    with BootRom(drive=False) as rom:
        flashed(rom, image())
    assert rom.complaints == [] and holds(rom, image())


def test_unplugged_at_any_transfer_it_says_so_and_a_second_run_completes():
    new = image(34)
    with BootRom() as whole:
        flashed(whole, new)
    for cut in range(whole.transfers):
        flash = blank()
        with BootRom(flash=flash, vanish_after=cut) as rom:
            try:
                flashed(rom, new)
                assert holds(rom, new), cut  # only the restart was missing
            except FlashProblem as problem:
                assert "went away before it was finished" in str(problem)
                assert "hold the button marked BOOTSEL" in str(problem)
                first = bytes(flash[:SECTOR])
                # Old, or no program at all: never a half one that starts.
                assert flash == blank() or first == b"\xff" * SECTOR or holds(rom, new)
        assert rom.complaints == [], cut
        with BootRom(flash=flash) as again:
            flashed(again, new)
        assert again.complaints == [] and again.restarted and holds(again, new), cut
    assert whole.transfers > 30


# ---------------------------------------------------------------- what stands in the way


class Unwilling(OverUsbip):
    """A backend whose devices do not open."""

    number = errno.EACCES

    def open_device(self, rom):
        raise usb.core.USBError("Access denied (insufficient permissions)", -3, self.number)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EACCES, r"may not use the board in boot mode yet\. Type: sudo cp \S*70-reachnote.rules /etc/udev.*trigger"),
        (errno.EBUSY, "Another program is using the board"),
        (errno.ETIMEDOUT, "stopped answering"),
        (errno.ENOSYS, "cannot be used"),
    ],
)
def test_a_board_that_cannot_be_opened_is_listed_and_says_why_when_written(number, words):
    with BootRom() as rom:
        backend = Unwilling(rom)
        backend.number = number
        (device,) = picoboot.find(backend)
        assert device.serial == ""
        with pytest.raises(FlashProblem, match=words):
            picoboot.write(device, image(), lambda done, total: None)
    assert rom.commands == []


def test_without_libusb_the_sentence_has_the_command(monkeypatch):
    monkeypatch.setattr(picoboot.usb.backend.libusb1, "get_backend", lambda: None)
    monkeypatch.setitem(__import__("sys").modules, "libusb_package", None)
    with pytest.raises(picoboot.NoUsb, match=r"lacks libusb.*Type: (sudo apt install libusb-1.0-0|pip install libusb-package)"):
        picoboot.find()


def test_the_package_libusb_package_stands_in_for_a_system_without_libusb(monkeypatch):
    real = picoboot.usb.backend.libusb1.get_backend
    of_system = lambda find_library=None: real(find_library) if find_library else None  # noqa: E731
    monkeypatch.setattr(picoboot.usb.backend.libusb1, "get_backend", of_system)
    assert isinstance(picoboot.find(), list)


# ---------------------------------------------------------------- which boards there are


def test_two_boards_are_told_apart_by_their_place_since_their_serials_are_the_same():
    with BootRom() as one, BootRom() as two, BootRom("rp2350") as three:
        found = picoboot.find(OverUsbip(one, two, three))
        picoboot.write(found[1], image(2), lambda done, total: None)
    assert [(device.chip, device.serial, device.port) for device in found] == [
        ("rp2040", "E0C9125B0D9B", "99-1"),
        ("rp2040", "E0C9125B0D9B", "99-2"),
        ("rp2350", "4B7F1A2C9D3E5F60", "99-3"),
    ]
    assert (one.restarted, two.restarted, three.restarted) == (False, True, False)


def test_other_devices_of_the_same_maker_are_no_boards_in_boot_mode(monkeypatch):
    monkeypatch.setitem(PRODUCT, "rp2040", (0x0005, "Board in FS mode", "e6614c311b7f6a2d"))
    with BootRom() as rom:
        assert picoboot.find(OverUsbip(rom)) == []


def test_a_blank_board_is_written_through_what_boot_mode_finds(tmp_path):
    data = uf2_file(image(5))
    with BootRom() as rom:
        (found,) = boot_mode.find([tmp_path], OverUsbip(rom), [])
        assert (found.chip, found.way, found.where, found.serial) == ("rp2040", "picoboot", "USB 99-1", "E0C9125B0D9B")
        found.write(data, lambda done, total: None)
    assert rom.complaints == [] and holds(rom, image(5))


def uf2_file(new):
    """An image as the file that it came from."""
    import struct

    blocks = []
    for number, (address, page) in enumerate(new.pages):
        head = struct.pack("<8I", 0x0A324655, 0x9E5D5157, 0x2000, address, 256, number, len(new.pages), new.family)
        blocks.append(head + page + b"\0" * 220 + struct.pack("<I", 0x0AB16F30))
    return b"".join(blocks)


def test_the_boards_of_an_instrument_are_those_that_flashing_knows():
    from reachnote.instrument import BOARDS as NAMES

    assert tuple(BOARDS) == NAMES
