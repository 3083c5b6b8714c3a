"""Images: what is whole and for this board is taken, everything else is a sentence before anything is written."""

import hashlib
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reachnote.flashing import FlashProblem, image
from reachnote.flashing.chips import BOARDS, first_of
from reachnote.flashing.uf2 import ImageProblem, read
from tools import firmware_image

RP2040, ABSOLUTE, DATA, ARM, RISCV, ARM_NS = (0xE48BFF56 + n for n in range(6))
PICO, PICO_W, PICO_2, ESP = (BOARDS[name] for name in ("pico", "pico-w", "pico-2", "esp32-s3"))


def block(number, count, address=None, family=RP2040, flags=0x2000, page=None, extension=b"", **wrong):
    """One block as it should be, but for what is said of it (`wrong`: size, magic, end)."""
    address = 0x10000000 + number * 256 if address is None else address
    page = bytes([number % 256]) * 256 if page is None else page
    size, magic, end = wrong.get("size", 256), wrong.get("magic", 0x9E5D5157), wrong.get("end", 0x0AB16F30)
    head = struct.pack("<8I", 0x0A324655, magic, flags, address, size, number, count, family)
    return head + page + extension.ljust(220, b"\0") + struct.pack("<I", end)


def whole(count=5, **more):
    return b"".join(block(number, count, **more) for number in range(count))


# ---------------------------------------------------------------- what is taken


def test_pages_are_ordered_by_address_whatever_the_order_of_the_blocks():
    found = read(b"".join(block(number, 4) for number in (2, 0, 3, 1)))
    assert (found.family, found.chip) == (0xE48BFF56, "rp2040")
    assert found.pages == tuple((0x10000000 + n * 256, bytes([n]) * 256) for n in range(4))


def test_an_image_knows_the_sectors_that_it_covers_and_the_pages_of_each():
    found = read(b"".join(block(n, 3, address=address) for n, address in enumerate((0x10003000, 0x10000F00, 0x10000000))))
    assert found.sectors == (0x10000000, 0x10003000)
    assert [address for address, _ in found.pages_of(0x10000000)] == [0x10000000, 0x10000F00]
    assert found.pages_of(0x10001000) == ()


def test_the_image_of_this_project_is_read_as_it_was_made():
    binary = bytes(range(256)) * 20 + b"end"
    found = read(firmware_image.uf2(binary), PICO)
    assert b"".join(page for _, page in found.pages) == binary.ljust(21 * 256, b"\0")


@pytest.mark.parametrize("extension", [b"", b"\x04\xe3\x57\x99"])
def test_the_block_against_erratum_e10_is_left_out(extension):
    flags = 0xA000 if extension else 0x2000
    filler = block(0, 2, address=0x10FFFF00, family=ABSOLUTE, flags=flags, page=b"\xef" * 256, extension=extension)
    found = read(filler + whole(family=ARM), PICO_2)
    assert (found.family, found.chip, len(found.pages)) == (0xE48BFF59, "rp2350", 5)


def test_a_first_block_that_only_looks_like_that_is_not_left_out():
    other = block(0, 2, address=0x10FFFF00, family=ABSOLUTE, flags=0xA000, page=b"\xef" * 256, extension=b"\x01\x02\x03\x04")
    with pytest.raises(ImageProblem, match="for several chips at once"):
        read(other + whole(family=ARM))


@pytest.mark.parametrize(("board", "family"), [(PICO, RP2040), (PICO_W, RP2040), (PICO_2, ARM), (PICO_2, ABSOLUTE)])
def test_each_board_takes_images_for_its_chip(board, family):
    assert read(whole(family=family), board).chip == board.chip


# ---------------------------------------------------------------- what is refused, in words


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"\x7fELF" + bytes(600), "not a UF2 image"),
        (b"<!DOCTYPE html><html>", "is a web page"),
        (b"\n", "not a UF2 image"),
        (b"PK\x03\x04" + bytes(600), "is a packed folder"),
        (b"\xe9\x04\x02\x20" + bytes(600), "is an image for an ESP32"),
        (whole()[:300], "cut off within its first block"),
        (whole()[: 3 * 512], "cut off: 3 of 5 blocks are there"),
        (whole()[: 4 * 512 + 100], "cut off: 4 of 5 blocks are there"),
        (whole() + b"more", "has 4 bytes too many at its end"),
        (block(0, 4) + block(1, 4) + block(3, 4), "block 3 of 4 is missing"),
        (block(1, 4) + block(2, 4) + block(3, 4), "block 1 of 4 is missing"),
        (block(0, 3) + block(1, 3) + block(1, 3), "block 2 of 3 twice"),
        (block(0, 2) + block(7, 2), "block 8 and says that it has 2"),
        (block(0, 0), "block 1 and says that it has 0"),
        (block(0, 2**32 - 1), "cut off: 1 of 4294967295 blocks"),
        (block(5, 2**32 - 1), "block 1 of 4294967295 is missing"),
        (block(0, 2) + block(1, 3), "put together from several"),
        (block(0, 2) + block(1, 2, magic=0x9E5D5156), "damaged at block 2"),
        (block(0, 2) + block(1, 2, end=0), "damaged at block 2"),
        (block(0, 2) + block(1, 2, family=ARM), r"several chips at once \(Pico \(RP2040\) and Pico 2 \(RP2350\)\)"),
        (whole(flags=0), "does not say which chip"),
        (whole(flags=0x2001), "not for the board's flash .block 1."),
        (block(0, 1, size=476), "has 476 bytes in block 1; a Pico takes 256"),
        (block(0, 1, size=0), "has 0 bytes in block 1"),
        (block(0, 1, address=0x10000080), "no place in the board's flash .block 1 is meant for 10000080"),
        (block(0, 1, address=0x0FFFFF00), "no place in the board's flash"),
        (block(0, 1, address=0x11000000), "no place in the board's flash"),
        (block(0, 1, address=0xFFFFFF00), "no place in the board's flash"),
        (block(0, 1, address=0x20000000), "is for the chip's memory and is gone without power"),
        (block(0, 2) + block(1, 2, address=0x10000000), "writes one place twice .10000000, block 2"),
        (whole(family=0xADA52840), "for another chip .UF2 family ada52840"),
        (block(0, 2, family=ABSOLUTE, page=b"\xef" * 256), "holds nothing"),
    ],
)
def test_what_is_wrong_with_an_image_is_said_in_a_sentence(data, words):
    with pytest.raises(ImageProblem, match=words):
        read(data)


@pytest.mark.parametrize(
    ("board", "family", "words"),
    [
        (PICO, ARM, r"This image is for a Pico 2 \(RP2350\), the board is a Pico \(RP2040\)\. Take the image named RPI_PICO\."),
        (PICO_W, ARM, r"for a Pico 2 \(RP2350\), the board is a Pico W \(RP2040\)\. Take the image named RPI_PICO_W\."),
        (PICO_2, RP2040, r"for a Pico \(RP2040\), the board is a Pico 2 \(RP2350\)\. Take the image named RPI_PICO2\."),
        (PICO_2, RISCV, "is a program for its RISC-V cores, not MicroPython for the Arm cores .* without RISCV in its name"),
        (PICO_2, ARM_NS, "is half of a program"),
        (PICO_2, DATA, "is data"),
        (PICO, 0xADA52840, r"for another chip .* Take one for a Pico \(RP2040\)"),
    ],
)
def test_an_image_for_another_chip_names_both(board, family, words):
    with pytest.raises(ImageProblem, match=words):
        read(whole(family=family), board)


def test_an_image_that_needs_more_flash_than_the_board_has_says_how_much():
    end = block(0, 1, address=0x10200000)
    with pytest.raises(ImageProblem, match=r"needs 2049 KiB of flash and a Pico \(RP2040\) has 2048"):
        read(end, PICO)
    with pytest.raises(ImageProblem, match=r"needs 15360 KiB of flash and a Pico 2 \(RP2350\) has 4096"):
        read(block(0, 1, address=0x10EFFF00, family=ARM), PICO_2)
    assert read(block(0, 1, address=0x101FFF00), PICO)


def test_a_file_larger_than_any_flash_is_not_looked_into():
    with pytest.raises(ImageProblem, match="larger than any board's flash"):
        read(bytes(33 * 1024 * 1024))


def test_the_largest_image_is_read_and_a_doubled_last_block_in_it_is_found():
    found = read(b"".join(block(n, 65536) for n in range(65536)))
    assert len(found.pages) == 65536 and len(found.sectors) == 4096
    with pytest.raises(ImageProblem, match="block 65536 of 65536 twice"):
        read(b"".join(block(n, 65536) for n in (*range(65535), 65535, 65535))[512:])


# ---------------------------------------------------------------- anything at all

heads = st.tuples(
    st.sampled_from([0x0A324655, 0]),
    st.sampled_from([0x9E5D5157, 1]),
    st.integers(0, 2**32 - 1) | st.sampled_from([0x2000, 0xA000, 0x2001]),
    st.integers(0, 2**32 - 1) | st.sampled_from([0x10000000, 0x10000100, 0x20000000]),
    st.sampled_from([256, 0, 476]) | st.integers(0, 2**32 - 1),
    st.integers(0, 4) | st.integers(0, 2**32 - 1),
    st.integers(0, 4) | st.integers(0, 2**32 - 1),
    st.sampled_from([RP2040, ABSOLUTE, ARM, RISCV, 7]),
)


@given(st.lists(heads, min_size=1, max_size=6), st.binary(max_size=20), st.sampled_from([None, *BOARDS.values()]))
@settings(max_examples=300, deadline=None)
def test_any_heads_are_an_image_or_a_sentence(words, rest, board):
    data = b"".join(struct.pack("<8I", *head) + b"\xef" * 256 + bytes(220) + struct.pack("<I", 0x0AB16F30) for head in words)
    check_one(data + rest, board)


@given(st.binary(max_size=2000), st.sampled_from([None, *BOARDS.values()]))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_an_image_or_a_sentence(data, board):
    check_one(data, board)


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_an_image_with_one_byte_changed_is_refused_or_has_every_page_in_its_place(data):
    good = bytearray(whole(4))
    place = data.draw(st.integers(0, len(good) - 1))
    good[place] ^= data.draw(st.integers(1, 255))
    try:
        found = read(bytes(good), PICO)
    except ImageProblem:
        return
    assert len(found.pages) == 4 and all(0x10000000 <= address < 0x10200000 for address, _ in found.pages)


def check_one(data, board):
    try:
        found = read(data, board)
    except ImageProblem as problem:
        assert len(str(problem)) < 300 and str(problem).endswith(".")
        return
    addresses = [address for address, _ in found.pages]
    assert addresses == sorted(set(addresses)) and all(address % 256 == 0 for address in addresses)
    assert all(len(page) == 256 for _, page in found.pages)
    assert board is None or found.chip == board.chip


# ---------------------------------------------------------------- files


def test_a_file_is_loaded_and_its_sum_compared(tmp_path):
    path = tmp_path / "pico.uf2"
    path.write_bytes(whole())
    total = hashlib.sha256(whole()).hexdigest()
    assert image.load(path) == image.load(path, total) == image.load(str(path), f" {total.upper()}  pico.uf2\n") == whole()


@pytest.mark.parametrize(
    ("sum_", "words"),
    [
        (
            "ab" * 32,
            r"not the file that the sum belongs to: its SHA-256 is \w{8}….{4}, not abababab…abab\. .*Nothing was written",
        ),
        ("ab" * 31, "is not a SHA-256: that has 64 digits"),
        ("not a sum", "is not a SHA-256"),
        ("   ", "is not a SHA-256"),
    ],
)
def test_another_sum_is_told(tmp_path, sum_, words):
    path = tmp_path / "pico.uf2"
    path.write_bytes(whole())
    with pytest.raises(FlashProblem, match=words):
        image.load(path, sum_)


def test_a_file_that_cannot_be_read_is_told(tmp_path):
    with pytest.raises(FlashProblem, match="There is no file"):
        image.load(tmp_path / "nothing.uf2")
    with pytest.raises(FlashProblem, match="is a folder"):
        image.load(tmp_path)
    (tmp_path / "huge.uf2").touch()
    with open(tmp_path / "huge.uf2", "r+b") as file:
        file.truncate(40 * 1024 * 1024)
    with pytest.raises(FlashProblem, match="larger than any board's flash"):
        image.load(tmp_path / "huge.uf2")


# ---------------------------------------------------------------- ESP32-S3


def esp_program(chip=9, segments=(b"a" * 100, b"b" * 37)):
    """A program image with its own sum, as esp-idf builds it."""
    head = struct.pack("<BBBBI", 0xE9, len(segments), 2, 0x30, 0x40374000)
    extended = struct.pack("<B3sHBHH4sB", 0xEE, b"", chip, 0, 0, 0xFFFF, b"", 1)
    made = head + extended + b"".join(struct.pack("<II", 0x3C000000, len(data)) + data for data in segments)
    made += b"\0" * (15 - len(made) % 16) + b"\x55"
    return made + hashlib.sha256(made).digest()


def esp_flash(chip=9, program=None):
    """A whole flash image: boot program at 0, table of parts at 0x8000, program at 0x10000."""
    rows = struct.pack("<2sBBII16sI", b"\xaa\x50", 1, 2, 0x9000, 0x6000, b"nvs", 0)
    rows += struct.pack("<2sBBII16sI", b"\xaa\x50", 0, 0, 0x10000, 0x1F0000, b"factory", 0)
    boot = esp_program(chip).ljust(0x8000, b"\xff")
    return (boot + rows).ljust(0x10000, b"\xff") + (esp_program(chip) if program is None else program)


def test_a_whole_image_for_an_esp32_s3_is_taken():
    image.check(esp_flash(), ESP)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (esp_flash(chip=5), "for an ESP32-C3, the board is an ESP32-S3. Take the image named ESP32_GENERIC_S3"),
        (esp_flash(chip=0), "for an ESP32, the board is an ESP32-S3"),
        (esp_flash(chip=77), "for another chip .Espressif's number 77."),
        (esp_program(), "only part of a board's flash.*not in .app-bin"),
        (esp_flash()[:0x9000], "damaged|cut off"),
        (esp_flash()[:0x10000], "cut off"),
        (esp_flash()[:-1], "cut off"),
        (esp_flash()[:-60], "cut off"),
        (esp_flash()[:-100] + b"x" + esp_flash()[-99:], "damaged: its own sum is wrong|cut off"),
        (esp_flash(program=bytes(4096)), "damaged: there is no program where it says"),
        (whole(), "is for a Pico, the board is an ESP32-S3, which takes a file that ends in .bin"),
        (b"", "not an image for an ESP32-S3"),
        (b"\xe9", "not an image for an ESP32-S3"),
        (bytes(100), "not an image for an ESP32-S3"),
    ],
)
def test_what_is_wrong_with_an_esp32_image_is_said_in_a_sentence(data, words):
    with pytest.raises(FlashProblem, match=words):
        image.check(data, ESP)


def test_a_pico_is_told_that_an_esp32_image_is_none():
    with pytest.raises(FlashProblem, match="is an image for an ESP32, not for a Pico"):
        image.check(esp_flash(), PICO)
    image.check(whole(), PICO)


@given(st.binary(max_size=600), st.integers(0, 0x10000 + 300))
@settings(max_examples=200, deadline=None)
def test_any_bytes_in_an_esp32_image_are_an_image_or_a_sentence(data, place):
    good = bytearray(esp_flash())
    good[place : place + len(data)] = data
    for candidate in (bytes(good), data):
        try:
            image.check(candidate, ESP)
        except FlashProblem as problem:
            assert str(problem).endswith(".")


def test_esptool_agrees_that_the_esp32_image_of_these_tests_is_one(tmp_path):
    import subprocess
    import sys

    (tmp_path / "program.bin").write_bytes(esp_program())
    argv = [sys.executable, "-m", "esptool", "--chip", "esp32s3", "image-info", str(tmp_path / "program.bin")]
    said = subprocess.run(argv, capture_output=True, text=True).stdout
    assert "ESP32-S3" in said and "Validation hash" in said and "(valid)" in said, said


# ---------------------------------------------------------------- boards


def test_what_is_known_of_a_chip_fits_every_board_that_has_it():
    assert {board.chip: first_of(board.chip).board for board in BOARDS.values()} == {
        "rp2040": "pico",
        "rp2350": "pico-2",
        "esp32s3": "esp32-s3",
    }
    with pytest.raises(KeyError):
        first_of("rp2020")
    assert [board.flash_bytes // 1048576 for board in BOARDS.values()] == [2, 2, 4, 8]
    assert [board.march for board in BOARDS.values()] == ["armv6m", "armv6m", "armv7emsp", "xtensawin"]
