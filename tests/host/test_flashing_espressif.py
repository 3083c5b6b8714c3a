"""The real esptool against a stand-in for the ESP32-S3's boot mode on a pseudo-terminal.

A pseudo-terminal has no reset lines, and the stand-in cannot run the program that esptool loads into a real chip: so
`--before no-reset --after no-reset --no-stub`, which a real board does without.
"""

import errno
import fcntl
import os
import termios
import tty

import pytest

from reachnote.flashing import FlashProblem, espressif
from support.esp_rom_double import C3, EspRom

HERE = ("--before", "no-reset", "--after", "no-reset", "--no-stub", "--connect-attempts", "1")
IMAGE = bytes(range(256)) * 40 + b"end"


def written(rom, progress=lambda done, total: None, **more):
    espressif.write(rom.path, IMAGE, progress, options=HERE, **more)


@pytest.fixture
def terminal():
    """A serial port with nothing behind it: (its path, our end)."""
    master, slave = os.openpty()
    tty.setraw(slave)
    yield os.ttyname(slave), slave
    os.close(master)
    os.close(slave)


def test_the_command_line_is_that_of_esptool_5():
    line = espressif.words("/dev/ttyACM0", "image.bin")
    assert line[1:] == ["-u", "-m", "esptool", "--chip", "esp32s3", "--port", "/dev/ttyACM0", "write-flash", "0x0", "image.bin"]
    assert espressif.words("P", "I", erase_all=True)[-4:] == ["write-flash", "--erase-all", "0x0", "I"]


def test_every_byte_arrives_at_the_start_of_flash_and_progress_is_told():
    steps = []
    with EspRom() as rom:
        written(rom, lambda done, total: steps.append((done, total)))
    assert rom.complaints == []
    assert rom.flash[: len(IMAGE)] == IMAGE
    assert rom.erased == [(0, 12288)]
    assert rom.flash[12288:] == bytes(len(rom.flash) - 12288)
    assert steps[0] == (0, 10243) and steps[-1] == (10243, 10243)
    assert [done for done, _ in steps[1:11]] == [1024 * n for n in range(1, 11)]


def test_another_chip_is_refused_by_its_number_before_anything_is_erased():
    with EspRom(chip=C3) as rom, pytest.raises(FlashProblem, match="has an ESP32-C3, not an ESP32-S3, so nothing was written"):
        written(rom)
    assert rom.erased == [] and rom.blocks == 0


def test_a_chip_that_keeps_something_else_is_told():
    class Forgetful(EspRom):
        def _answer(self, command, data=b"", reason=0, value=0):
            if command == 0x13:
                data = b"0" * 32
            super()._answer(command, data, reason, value)

    with Forgetful() as rom, pytest.raises(FlashProblem, match="did not keep what was written"):
        written(rom)


def test_a_board_pulled_on_the_way_is_told_and_a_second_run_completes(tmp_path, monkeypatch):
    (tmp_path / "esptool.cfg").write_text("[esptool]\nconnect_attempts = 1\n")  # else it waits 7 s for the board's return
    monkeypatch.setenv("ESPTOOL_CFGFILE", str(tmp_path / "esptool.cfg"))
    with EspRom(vanish_after=4) as rom:
        with pytest.raises(FlashProblem, match=r"went away before it was finished.*hold the button marked BOOT, press RESET"):
            written(rom)
        assert rom.flash[: len(IMAGE)] != IMAGE
    with EspRom(flash=rom.flash) as again:
        written(again)
    assert again.complaints == [] and again.flash[: len(IMAGE)] == IMAGE


def test_a_port_where_no_chip_answers_says_how_to_make_it_wait(terminal):
    with pytest.raises(FlashProblem, match=r"does not answer as an ESP32-S3 that waits.*BOOT"):
        espressif.write(terminal[0], IMAGE, lambda done, total: None, options=HERE)


def test_a_port_that_another_program_holds_is_told(terminal):
    path, slave = terminal
    fcntl.flock(slave, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.ioctl(slave, termios.TIOCEXCL)
    with pytest.raises(FlashProblem, match=f"{path} is in use by .*Close that program"):
        espressif.write(path, IMAGE, lambda done, total: None, options=HERE)


def test_a_port_that_is_not_there_is_told():
    with pytest.raises(FlashProblem, match=r"There is no port /dev/no-such-port any more\. Plug the board in"):
        espressif.write("/dev/no-such-port", IMAGE, lambda done, total: None, options=HERE)


def test_without_permission_the_sentence_has_the_command():
    denied = (
        f"Could not open P, the port is busy or doesn't exist.\n([Errno {errno.EACCES}] could not open port P: Permission denied)"
    )
    assert "Type: sudo usermod -a -G dialout $USER" in espressif.why_not("P", denied)


def test_without_esptool_the_sentence_has_the_command(monkeypatch):
    monkeypatch.setattr(espressif.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(FlashProblem, match=r"is not installed\. Type: pip install 'reachnote\[maker\]'"):
        espressif.write("P", IMAGE, lambda done, total: None)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("ImportError: No module named 'esptool.cmds'", "is not whole. Type: pip install --force-reinstall esptool"),
        ("A fatal error occurred: Can't access flash regions larger than detected flash size", "larger than this board's flash"),
        ("A fatal error occurred: Write failed, the written flash region is empty.", "did not keep what was written"),
        ("ERROR: A fatal error occurred: Something new.\n\n", "on P could not be written (Something new). To go on"),
        ("", "could not be written (esptool said nothing)"),
    ],
)
def test_what_esptool_says_becomes_a_sentence(said, words):
    assert words in espressif.why_not("P", said)
