"""The ESP32-S3 ROM's serial boot mode on a pseudo-terminal, for the real esptool to write.

    with EspRom() as rom: ... esptool --port rom.path --before no-reset --after no-reset --no-stub ...
    rom.flash[:100]

It stands in for a board in boot mode: frames, checksums, the commands that esptool needs with --no-stub, and flash that is
erased before it is written, as Espressif's "Serial Protocol" describes. It does not stand in for what needs lines that a
pseudo-terminal has not (the reset) nor for the stub program that esptool otherwise loads into the chip. Every command that
it does not know, and every frame with a wrong sum, is refused as the ROM refuses it and remembered in `complaints`.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import struct
import threading
import tty

S3, C3 = 9, 5  # chip numbers
END, ESCAPE = 0xC0, 0xDB
FLASH_BEGIN, FLASH_DATA, SYNC, WRITE_REG, READ_REG = 0x02, 0x03, 0x08, 0x09, 0x0A
SPI_SET_PARAMS, SPI_ATTACH, SPI_FLASH_MD5, SECURITY_INFO = 0x0B, 0x0D, 0x13, 0x14
SPI = 0x60002000  # the controller of the flash; its registers
SPI_CMD, SPI_USR2, SPI_W0 = SPI + 0x00, SPI + 0x20, SPI + 0x58
FLASH_ID = 0x17_40_EF  # 8 MiB of Winbond
JEDEC, UNIQUE, SFDP = 0x9F, 0x4B, 0x5A
INVALID, WRONG_SUM = 0x05, 0x07  # the ROM's reasons
MIB = 1024 * 1024


class EspRom:
    """Flash of 8 MiB; `chip` is what it says it is; it falls silent for good, as if unplugged, after `vanish_after` blocks."""

    def __init__(self, chip: int = S3, vanish_after: int | None = None, flash: bytearray | None = None):
        self.flash = flash if flash is not None else bytearray(b"\x00" * (8 * MIB))
        self.complaints: list[str] = []
        self.blocks = 0
        self.erased: list[tuple[int, int]] = []
        self._chip, self._vanish_after = chip, vanish_after
        self._registers: dict[int, int] = {}
        self._place = self._left = self._number = 0
        self._master, slave = os.openpty()
        tty.setraw(slave)
        self.path = os.ttyname(slave)
        self._slave: int | None = slave  # held, so that the terminal is there before esptool opens it
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> EspRom:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._unplug()
        self._thread.join(5)

    def _unplug(self) -> None:
        if self._slave is not None:
            slave, self._slave = self._slave, None
            os.write(slave, b"")
            os.close(slave)
            with contextlib.suppress(OSError):
                os.close(self._master)

    # ------------------------------------------------------------ frames

    def _serve(self) -> None:
        held = bytearray()
        with contextlib.suppress(OSError):
            while chunk := os.read(self._master, 65536):
                held += chunk
                while (end := held.find(END, 1)) > 0:
                    frame, held = held[held.find(END) + 1 : end], held[end:]
                    if len(frame) >= 8:
                        held = held[1:]
                        self._frame(bytes(frame).replace(b"\xdb\xdc", b"\xc0").replace(b"\xdb\xdd", b"\xdb"))

    def _frame(self, frame: bytes) -> None:
        direction, command, size, summed = struct.unpack_from("<BBHI", frame)
        data = frame[8:]
        if direction != 0 or size != len(data):
            self.complaints.append(f"frame {frame[:8].hex()} with {len(data)} bytes of data")
            return self._answer(command, b"", INVALID)
        if command == SYNC:
            for _ in range(8):
                self._answer(command, value=0x20120707)
            return None
        try:
            done = _COMMANDS[command](self, data, summed)
        except KeyError:
            self.complaints.append(f"command {command:#04x} is not in the ROM")
            return self._answer(command, b"", INVALID)
        except _Refused as why:
            self.complaints.append(str(why))
            return self._answer(command, b"", WRONG_SUM)
        if done is None:
            return self._unplug()
        return self._answer(command, *done)

    def _answer(self, command: int, data: bytes = b"", reason: int = 0, value: int = 0) -> None:
        data += bytes((1 if reason else 0, reason, 0, 0))
        frame = struct.pack("<BBHI", 1, command, len(data), value) + data
        frame = frame.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc")
        os.write(self._master, b"\xc0" + frame + b"\xc0")

    # ------------------------------------------------------------ commands

    def _security(self, _data: bytes, _sum: int):
        return struct.pack("<I8BII", 0, *bytes(8), self._chip, 0), 0, 0

    def _read(self, data: bytes, _sum: int):
        (address,) = struct.unpack("<I", data)
        return b"", 0, self._registers.get(address, 0)

    def _write(self, data: bytes, _sum: int):
        address, value, mask, _delay = struct.unpack("<4I", data[:16])
        self._registers[address] = self._registers.get(address, 0) & ~mask | value & mask
        if address == SPI_CMD and value & 1 << 18:
            told = {JEDEC: FLASH_ID, UNIQUE: 0x1234, SFDP: 0}
            self._registers[SPI_W0] = told.get(self._registers[SPI_USR2] & 0xFF, 0)
            self._registers[SPI_CMD] = 0
        return b"", 0, 0

    def _nothing(self, _data: bytes, _sum: int):
        return b"", 0, 0

    def _begin(self, data: bytes, _sum: int):
        size, blocks, block, place, _secret = struct.unpack("<5I", data)
        if place % 4096 or place + blocks * block > len(self.flash):
            raise _Refused(f"flash has no {blocks} blocks of {block} at {place:#x}")
        end = place + -(-size // 4096) * 4096
        self.flash[place:end] = b"\xff" * (end - place)
        self.erased.append((place, end))
        self._place, self._left, self._number = place, blocks, 0
        return b"", 0, 0

    def _data(self, data: bytes, summed: int):
        size, number = struct.unpack_from("<2I", data)
        content = data[16:]
        found = 0xEF
        for byte in content:
            found ^= byte
        if found != summed & 0xFF or size != len(content):
            raise _Refused(f"block {number} has sum {found:02x}, not {summed:02x}")
        if not self._left or number != self._number:
            raise _Refused(f"block {number} was not awaited")
        if any(byte != 0xFF for byte in self.flash[self._place : self._place + size]):
            raise _Refused(f"block {number} falls on flash that is not erased")
        self.flash[self._place : self._place + size] = content
        self._place, self._left, self._number = self._place + size, self._left - 1, number + 1
        self.blocks += 1
        return None if self.blocks == self._vanish_after else (b"", 0, 0)

    def _md5(self, data: bytes, _sum: int):
        place, size = struct.unpack_from("<2I", data)
        return hashlib.md5(self.flash[place : place + size]).hexdigest().encode(), 0, 0


class _Refused(Exception):
    pass


_COMMANDS = {
    SECURITY_INFO: EspRom._security,
    READ_REG: EspRom._read,
    WRITE_REG: EspRom._write,
    SPI_ATTACH: EspRom._nothing,
    SPI_SET_PARAMS: EspRom._nothing,
    FLASH_BEGIN: EspRom._begin,
    FLASH_DATA: EspRom._data,
    SPI_FLASH_MD5: EspRom._md5,
}
