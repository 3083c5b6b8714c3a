"""The tools that find or build real MicroPython, and the emulated board, tested against the real things."""

import subprocess

import pytest

from tools import firmware_image, micropython


def long(test):
    """Needs the image, whose first build takes about a minute, and two with the compiler's installation."""
    return pytest.mark.long(pytest.mark.timeout(900)(test))


def run_on(argv, source):
    done = subprocess.run([*argv, "-c", source], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def unix():
    argv = micropython.find(prepare=True)
    return argv or pytest.skip(micropython.why_not())


@pytest.fixture(scope="module")
def unix_32bit():
    argv = micropython.find_32bit(prepare=True)
    return argv or pytest.skip(micropython.why_not(32))


def test_unix_interpreter_is_micropython_with_what_the_firmware_uses(unix):
    source = "import sys, select, binascii, asyncio, time; print(sys.implementation[0], binascii.crc32(b'123456789'))"
    assert run_on(unix, source) == f"micropython {0xCBF43926}"


def test_32bit_interpreter_allocates_for_a_full_crc_and_heap_lock_sees_it(unix_32bit, tmp_path):
    script = tmp_path / "lock.py"
    script.write_text(
        "import binascii, micropython\nsaid = ''\nmicropython.heap_lock()\n"
        "try:\n binascii.crc32(b'123456789')\n said = 'silent'\nexcept MemoryError:\n said = 'caught'\n"
        "micropython.heap_unlock()\nprint(said)\n"
    )
    done = subprocess.run([*unix_32bit, str(script)], capture_output=True, text=True, timeout=30)
    assert done.stdout.strip() == "caught"


def test_find_without_prepare_touches_nothing_and_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("REACHNOTE_CACHE", str(tmp_path))
    monkeypatch.setattr(micropython.shutil, "which", lambda _name: None)
    assert micropython.find() is None
    assert "run python3 tools/micropython.py" in micropython.why_not()
    assert list(tmp_path.iterdir()) == []


DEB822 = (
    "Types: deb\n# a note\nURIs: SCHEME://mirror/debian\nSuites: old old-updates\nComponents: main\nSigned-By: /k.gpg\n"
)
ONE_LINE = "deb [signed-by=/k.gpg] SCHEME://mirror/debian old main\ndeb SCHEME://mirror/security old-security main\n"


@pytest.mark.parametrize("name, text", [("sources.list.d/debian.sources", DEB822), ("sources.list", ONE_LINE)])
def test_the_private_entry_keeps_the_machines_own_mirror_and_key(tmp_path, monkeypatch, name, text):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(text)
    monkeypatch.setattr(micropython, "own_suite", lambda: "old")
    _, entry = micropython.own_entry(tmp_path)
    assert "SCHEME://mirror/debian" in entry and "/k.gpg" in entry and "SUITE_HERE" in entry and "deb-src" in entry
    assert "old" not in entry.split() and "security" not in entry


def test_a_machine_without_apt_is_told_so_in_a_sentence(tmp_path):
    with pytest.raises(micropython.Unavailable, match="put it on PATH"):
        micropython.own_entry(tmp_path)


def test_uf2_blocks_are_512_bytes_and_carry_address_and_family():
    blocks = firmware_image.uf2(bytes(range(256)) + b"tail")
    assert len(blocks) == 1024
    assert int.from_bytes(blocks[512 + 12 : 512 + 16], "little") == 0x10000100
    assert int.from_bytes(blocks[28:32], "little") == 0xE48BFF56
    assert blocks[32:288] == bytes(range(256)) and blocks[508:512] == bytes.fromhex("306fb10a")


@pytest.fixture(scope="module")
def image():
    pytest.importorskip("rp2040py", reason="the RP2040 emulator is not installed: pip install rp2040py")
    try:
        return firmware_image.build()
    except micropython.Unavailable as error:
        pytest.skip(str(error))


@pytest.fixture
def board(image):
    from support.rp2040 import Pico

    with Pico(image) as pico:
        yield pico


@long
def test_a_second_build_comes_from_the_cache(image):
    assert firmware_image.cached() == image == firmware_image.build()


@long
def test_emulated_board_runs_code_and_reports_exceptions(board):
    from support.rp2040 import BoardError

    assert board.exec("import sys; print(sys.platform)") == "rp2\n"
    with pytest.raises(BoardError, match="ZeroDivisionError"):
        board.exec("1 / 0")


@long
def test_board_clock_agrees_with_simulated_time(board):
    board.launch("import time\nwhile True:\n print(time.ticks_us())\n time.sleep_ms(20)\n")
    board.run(0.5)
    rows = [(time, int(data)) for time, data in board.output if data.strip().isdigit()]
    simulated_us = (rows[-1][0] - rows[0][0]) * 1e6
    assert len(rows) > 20 and abs(rows[-1][1] - rows[0][1] - simulated_us) < 100


@long
def test_viper_runs_and_shifts_unsigned_words_logically(board):
    source = "@micropython.viper\ndef shift(x: uint) -> uint:\n return x >> 4\nprint(hex(shift(0xF0000000)))"
    assert board.exec("import micropython\n" + source) == "0xf000000\n"


@long
def test_pins_adc_and_i2c_reach_the_firmware(board):
    from support.rp2040 import RegisterDevice

    board.adc(0, 2048)
    board.pin(15, 1)
    board.i2c(0, {0x68: RegisterDevice({0x75: 0x68})})
    board.exec(
        "from machine import ADC, I2C, Pin\nimport time\nhits = []\npin = Pin(15, Pin.IN)\n"
        "pin.irq(lambda p: hits.append(p.value()), Pin.IRQ_FALLING)"
    )
    assert board.exec("print(ADC(26).read_u16() >> 4, pin.value())") == "2048 1\n"
    assert board.exec("print(I2C(0, sda=Pin(4), scl=Pin(5), freq=400000).readfrom_mem(0x68, 0x75, 1)[0])") == "104\n"
    board.at(board.now + 0.02, lambda: board.pin(15, 0))
    assert board.exec("time.sleep_ms(50)\nprint(hits)") == "[0]\n"


@long
def test_files_main_and_console_input_work(board, tmp_path):
    (tmp_path / "kit").mkdir()
    (tmp_path / "kit" / "words.py").write_text("GREETING = 'hello'\n")
    board.put_folder(tmp_path)
    board.put("main.py", "import sys\nfrom kit.words import GREETING\nprint(GREETING, sys.stdin.readline().strip())\n")
    board.reboot()
    board.send(b"board\n")
    assert board.run_until(lambda: b"hello board" in board.text(), 1)


@long
def test_a_host_that_stops_reading_holds_the_board_up_and_loses_no_delivered_byte(board):
    board.launch("import sys\nfor k in range(20):\n sys.stdout.buffer.write(b'%059d\\n' % k)\n")
    board.output.clear()
    board.host_reads(False)
    board.run(0.4)
    assert board.output == []
    board.host_reads(True)
    board.run(0.5)
    assert [int(line) for line in board.text().split(b"\n")[:10]] == list(range(10))
