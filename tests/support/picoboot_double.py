"""A Pico in boot mode as a virtual USB device: PICOBOOT and the drive of the boot ROM, answering as its published source does.

    with BootRom(flash=bytearray(b"\\x5a" * FLASH_BYTES)) as rom:
        picoboot.find(OverUsbip(rom))                  # in this process, no kernel, no root
    BootRom().plug(via=usbip.USBIP("127.0.0.1"))       # for a kernel's vhci-hcd, a real libusb and a real pyusb

It stands in for the chip: descriptors, commands, tokens, stalls, status, flash that keeps what was written and loses it by
erasing. It is stricter than the ROM, which programs flash that is not erased, takes commands without exclusive access and,
on an RP2040, acknowledges an erase that it did not do: such a thing is refused here, and whatever a right flasher never does
stands in `complaints`. It does not stand in for the time that flash takes, nor for packets and data toggles (USB/IP has
neither). The drive's files are what the ROM makes up; what is written is taken where it is a UF2 block and forgotten otherwise.
"""

from __future__ import annotations

import errno
import struct
import threading
from collections.abc import Iterator
from types import SimpleNamespace

import usb.backend
import usb.core
import usbip
from usbip import In, Interface, Out, Stall, USBDevice
from usbip.classes.device.msc import MSC

START, SECTOR, PAGE = 0x10000000, 4096, 256
FLASH_BYTES = 2 * 1024 * 1024
MAGIC, RESET, STATUS = 0x431FD10B, 0x41, 0x42
EXCLUSIVE, REBOOT, ERASE, WRITE, EXIT_XIP, ENTER_XIP, REBOOT2, READ = 1, 2, 3, 5, 6, 7, 0x0A, 0x84
OK, UNKNOWN_CMD, BAD_ARGS, BAD_LENGTH, BAD_ADDRESS, BAD_ALIGNMENT, ERROR, BAD_STATE = 0, 1, 2, 3, 4, 5, 8, 9
ARGS = {EXCLUSIVE: 1, ERASE: 8, WRITE: 8, READ: 8, EXIT_XIP: 0, ENTER_XIP: 0}  # bytes of arguments
OWN = {"rp2040": {REBOOT: 12}, "rp2350": {REBOOT2: 16}}
PRODUCT = {"rp2040": (0x0003, "RP2 Boot", "E0C9125B0D9B"), "rp2350": (0x000F, "RP2350 Boot", "4B7F1A2C9D3E5F60")}


RP2040_INFO = b"UF2 Bootloader v2.0\nModel: Raspberry Pi RP2\nBoard-ID: RPI-RP2\n"
RP2350_INFO = b"UF2 Bootloader v1.0\nModel: Raspberry Pi RP2350\nBoard-ID: RP2350\n"
WELCOME = b"<html><head></head><body>Redirecting</body></html>"
FAMILY = {"rp2040": (0xE48BFF56,), "rp2350": (0xE48BFF57, 0xE48BFF59)}


class Vanished(OSError):
    """Ends the connection as a pulled cable does."""


class _Drive(MSC):
    in_ep, out_ep = In(0x81, "bulk", mps=64), Out(0x02, "bulk", mps=64)


class Disk:
    """The ROM's virtual disk of 128 MiB (virtual_disk.c): one FAT16 partition with an INFO_UF2.TXT."""

    num_blocks, block_size = 0x40000, 512
    CLUSTERS, PER_CLUSTER, ROOT_BLOCKS = 32768, 8, 32
    PER_FAT = 2 * (CLUSTERS + 511) // 512
    FAT, ROOT, DATA = 2, 2 + 2 * PER_FAT, 2 + 2 * PER_FAT + ROOT_BLOCKS

    def __init__(self, rom: BootRom):
        self._rom = rom
        label, info = ("RPI-RP2", RP2040_INFO) if rom.chip == "rp2040" else ("RP2350", RP2350_INFO)
        table = bytes(446) + struct.pack("<B3xB3xII", 0, 0x0E, 1, self.num_blocks - 1) + bytes(48) + b"\x55\xaa"
        layout = (512, self.PER_CLUSTER, 1, 2, 512, 0, 0xF8, self.PER_FAT, 1, 1, 1, self.num_blocks - 1)
        boot = b"\xeb\x3c\x90MSWIN4.1" + struct.pack("<HBHBHHBHHHII", *layout) + b"\0\0\x29" + b"\1\2\3\4"
        boot += label.encode().ljust(11) + b"FAT16   \xeb\xfe"
        fat = struct.pack("<4H", 0xFFF8, 0xFFFF, 0xFFFF, 0xFFFF)
        names = struct.pack("<11sB20x", label.encode().ljust(11), 0x28)
        names += struct.pack("<11sB14xHI", b"INDEX   HTM", 0x21, 2, len(WELCOME))
        names += struct.pack("<11sB14xHI", b"INFO_UF2TXT", 0x21, 3, len(info))
        self._blocks = {0: table, 1: boot.ljust(510, b"\0") + b"\x55\xaa", self.FAT: fat, self.FAT + self.PER_FAT: fat}
        self._blocks |= {self.ROOT: names, self.DATA: WELCOME, self.DATA + self.PER_CLUSTER: info}

    def read(self, first: int, count: int) -> bytes:
        return b"".join(self._blocks.get(number, b"").ljust(512, b"\0") for number in range(first, first + count))

    def write(self, _first: int, _count: int, data: bytes) -> None:
        for place in range(0, len(data), 512):
            self._rom.uf2_block(bytes(data[place : place + 512]))


class _Picoboot(Interface):
    bInterfaceClass, bInterfaceSubClass, bInterfaceProtocol = 0xFF, 0, 0
    from_host, to_host = Out(0x03, "bulk", mps=64), In(0x84, "bulk", mps=64)

    def __init__(self, rom: BootRom):
        super().__init__()
        self.rom = rom

    def on_out(self, _endpoint, data):
        self.rom.arrived(bytes(data))

    def on_control(self, setup, data=b""):
        return self.rom.asked(setup)

    def on_reset(self):
        self.rom.start_over()


class BootRom(USBDevice):
    """One board. After `vanish_after` transfers of the flasher's the cable is out, `gone` is set; `damage` is an address
    whose byte flips whenever it is written; `wrong_status` is answered to every write instead of doing it."""

    def __init__(self, chip="rp2040", flash=None, vanish_after=None, drive=True, serial=None, damage=None, wrong_status=0):
        product, name, rom_serial = PRODUCT[chip]
        super().__init__(0x2E8A, product, manufacturer="Raspberry Pi", product=name, serial=serial or rom_serial, bcdUSB=0x0110)
        self.chip, self.flash = chip, bytearray(b"\x5a" * FLASH_BYTES) if flash is None else flash
        self.complaints: list[str] = []
        self.commands: list[tuple[int, bytes]] = []
        self.erased: set[int] = set()
        self.written: set[int] = set()
        self.restarted = self.gone = False
        self.transfers = 0
        self.last_transfer = False
        self._vanish_after, self._damage, self._wrong_status = vanish_after, damage, wrong_status
        self._token = 0
        self._status = (0, OK, 0, 0)
        self.power_off = self.unplug  # what happens when the chip restarts by itself
        self.restart_s = 1.0  # how long after the last block of an image it does
        self.out_after: int | None = None  # the cable is out when the drive has taken so many blocks
        self.blocks: set[int] = set()
        self.block_count = 0
        if drive:
            self.add(_Drive(Disk(self)))
        self._line = self.add(_Picoboot(self))
        self.start_over()

    def __enter__(self) -> BootRom:
        self.loopback = usbip.Loopback()
        self.plug(via=self.loopback)
        return self

    def __exit__(self, *_error: object) -> None:
        self.unplug()

    def handle_urb(self, urb, respond=None):
        """Every transfer passes here; those of the flasher's count, not those with which a system looks at a new device."""
        if urb.ep in (3, 4) or (not urb.ep and urb.setup[0] & 0x60 == 0x40):
            self.transfers += 1
            if self.last_transfer or (self._vanish_after is not None and self.transfers > self._vanish_after):
                self.gone = True
        if self.gone:
            raise Vanished
        done = super().handle_urb(urb, respond)
        if self.restarted and urb.ep == 4:
            self.last_transfer = True
        return done

    # ------------------------------------------------------------ drive

    def uf2_block(self, data: bytes) -> None:
        """One block written to the drive; the ROM takes it if it is one of an image for it, and else does nothing."""
        first, second, flags, address, size, number, count, family = struct.unpack_from("<8I", data)
        if (first, second) != (0x0A324655, 0x9E5D5157) or data[508:] != b"\x30\x6f\xb1\x0a":
            return
        place = address - START
        fits = 0 <= place <= len(self.flash) - PAGE and not place % PAGE and number < count
        if flags & 0x2001 != 0x2000 or family not in FAMILY[self.chip] or size != PAGE or not fits or self.exclusive:
            return
        if count != self.block_count:
            self.blocks, self.block_count, self.erased = set(), count, set()
        # An RP2040 goes by the block's number, an RP2350 by its place.
        sector = (number * PAGE if self.chip == "rp2040" else place) // SECTOR
        if sector not in self.erased:
            self.erased.add(sector)
            self.flash[place - place % SECTOR : place - place % SECTOR + SECTOR] = b"\xff" * SECTOR
        self.flash[place : place + PAGE] = bytes(
            a & b for a, b in zip(self.flash[place : place + PAGE], data[32:288], strict=True)
        )
        if len(self.blocks) == self.out_after:
            self.gone = True
            raise Vanished
        self.blocks.add(number)
        if len(self.blocks) == count and not self.restarted:
            self.restarted = True
            threading.Timer(self.restart_s, self.power_off).start()

    # ------------------------------------------------------------ control requests

    def start_over(self) -> None:
        """INTERFACE_RESET, and what setting the configuration does."""
        self.exclusive = 0
        self.ready = False  # EXIT_XIP was done
        self._state, self._held, self._command = "command", bytearray(), (0, b"", 0)
        self._status = (0, OK, 0, 0)
        for endpoint in (self._line.from_host, self._line.to_host) if hasattr(self, "_line") else ():
            endpoint.reset()

    def asked(self, setup) -> bytes:
        if setup.wIndex != self._line.interface_number or setup.wValue:
            self.complaints.append(f"control request to interface {setup.wIndex}")
            raise Stall
        if (setup.bmRequestType, setup.bRequest, setup.wLength) == (0x41, RESET, 0):
            self.start_over()
            return b""
        if (setup.bmRequestType, setup.bRequest, setup.wLength) == (0xC1, STATUS, 16):
            return struct.pack("<IIBB6x", *self._status)
        self.complaints.append(f"control request {setup}")
        raise Stall

    # ------------------------------------------------------------ commands

    def arrived(self, data: bytes) -> None:
        """What comes over the OUT endpoint: a command, its data, or the empty packet that ends a READ."""
        if self._state == "ack":
            if data:
                return self._refuse(ERROR, f"{len(data)} bytes where the empty packet was awaited")
            self._state = "command"
            return None
        if self._state == "data":
            return self._more(data)
        if len(data) != 32 or struct.unpack_from("<I", data)[0] != MAGIC:
            self._status = (0, UNKNOWN_CMD, 0, 0)
            return self._refuse(UNKNOWN_CMD, f"{len(data)} bytes that are no command")
        _, token, command, size, unused, length, args = struct.unpack("<IIBBHI16s", data)
        self._status = (token, OK, command, 0)
        self.commands.append((command, args[:size]))
        return self._begin(token, command, size, unused, length, args)

    def _begin(self, token: int, command: int, size: int, unused: int, length: int, args: bytes) -> None:
        known = {**ARGS, **OWN[self.chip]}
        if command not in known:
            return self._refuse(UNKNOWN_CMD, f"command {command:#x} is not in the ROM of {self.chip}")
        if size != known[command] or any(args[size:]) or unused:
            return self._refuse(BAD_ARGS, f"command {command:#x} with {size} bytes of arguments")
        if token in (0, self._token):
            return self._refuse(ERROR, f"token {token} again")
        self._token = token
        address, extent = struct.unpack_from("<II", args)
        if length != (extent if command in (READ, WRITE) else 0):
            return self._refuse(BAD_LENGTH, f"command {command:#x} announces {length} bytes")
        if command in (ERASE, READ, WRITE):
            wrong = self._wrong_place(command, address, extent)
            if wrong:
                return self._refuse(*wrong)
        if command == WRITE:
            self._state, self._command = "data", (command, args, length)
            return None
        if command == READ:
            self._state = "ack"
            return self._line.to_host.write(bytes(self.flash[address - START : address - START + extent]))
        return self._simple(command, args, address, extent)

    def _wrong_place(self, command: int, address: int, extent: int) -> tuple[int, str] | None:
        grain = SECTOR if command == ERASE else PAGE
        if not self.ready:
            return BAD_STATE, f"command {command:#x} before EXIT_XIP"
        if command != READ and not self.exclusive:
            return BAD_STATE, f"command {command:#x} without exclusive access"
        if address % grain or extent % grain or not extent:
            return BAD_ALIGNMENT, f"command {command:#x} at {address:#x} for {extent}"
        if not START <= address <= address + extent <= START + len(self.flash):
            return BAD_ADDRESS, f"command {command:#x} at {address:#x} for {extent}"
        for page in range(address, address + extent, PAGE) if command == WRITE else ():
            if any(byte != 0xFF for byte in self.flash[page - START : page - START + PAGE]):
                return ERROR, f"page {page:#x} is not erased"
        return None

    def _simple(self, command: int, args: bytes, address: int, extent: int) -> None:
        if command == EXCLUSIVE:
            if args[0] > 2:
                return self._refuse(ERROR, f"exclusive access {args[0]}")
            self.exclusive = args[0]
        elif command == EXIT_XIP:
            self.ready = True
        elif command == ENTER_XIP:
            self.ready = False
        elif command == ERASE:
            place = address - START
            self.flash[place : place + extent] = b"\xff" * extent
            self.erased.update(range(address, address + extent, SECTOR))
        else:
            self._restart(command, args)
        return self._acknowledge()

    def _restart(self, command: int, args: bytes) -> None:
        first, second, third, fourth = struct.unpack("<4I", args)
        delay = third if command == REBOOT else second
        started = (first, second) if command == REBOOT else (first, third, fourth)
        if started not in ((0, 0x20042000), (0, 0, 0)) or not 100 <= delay <= 1000:
            self.complaints.append(f"restarts with {args.hex()}")
        self.restarted = True

    def _more(self, data: bytes) -> None:
        self._held += data
        _, args, length = self._command
        if not data or len(self._held) > length:
            return self._refuse(ERROR, f"{len(self._held)} bytes of {length}")
        if len(self._held) < length:
            return None
        if self._wrong_status:
            return self._refuse(self._wrong_status, "", expected=True)
        (address,) = struct.unpack_from("<I", args)
        self.flash[address - START : address - START + length] = self._held
        if self._damage is not None and address <= self._damage < address + length:
            self.flash[self._damage - START] ^= 0x10
        self.written.update(range(address, address + length, PAGE))
        self._state, self._held = "command", bytearray()
        return self._acknowledge()

    def _acknowledge(self) -> None:
        self._line.to_host.write(b"")

    def _refuse(self, status: int, why: str, expected: bool = False) -> None:
        """Both endpoints stall until they are cleared."""
        if not expected:
            self.complaints.append(why)
        token, _, command, _ = self._status
        self._status = (token, status, command, 0)
        self._state, self._held = "command", bytearray()
        self._line.to_host.stall()
        self._line.from_host.halted = True
        raise Stall


# ---------------------------------------------------------------- pyusb without a kernel


class OverUsbip(usb.backend.IBackend):
    """pyusb's backend over USB/IP within this process. Bus 99: no real device is looked up by mistake."""

    def __init__(self, *roms: BootRom):
        self.roms = roms

    def enumerate_devices(self) -> Iterator[BootRom]:
        return (rom for rom in self.roms if not rom.gone and not rom.last_transfer)

    def get_device_descriptor(self, rom):
        port = self.roms.index(rom) + 1
        place = {"bus": 99, "address": port + 1, "port_number": port, "port_numbers": (port,), "speed": 2}
        return _Fields(rom.device_descriptor(), bLength=18, bDescriptorType=1, **place)

    def get_configuration_descriptor(self, rom, config):
        if config:
            raise IndexError
        whole = usbip.ConfigurationDescriptor.parse(rom.config_bytes())
        return _Fields(whole, bLength=9, bDescriptorType=2, extra_descriptors=[])

    def get_interface_descriptor(self, rom, interface, alternate, config):
        if alternate:
            raise IndexError
        described = usbip.InterfaceDescriptor.parse(rom.interfaces[interface].descriptor_block())
        return _Fields(described, bLength=9, bDescriptorType=4, extra_descriptors=[])

    def get_endpoint_descriptor(self, rom, endpoint, interface, alternate, config):
        block = rom.interfaces[interface].descriptor_block()[9:]
        described = usbip.EndpointDescriptor.parse(block[7 * endpoint : 7 * endpoint + 7])
        return _Fields(described, bLength=7, bDescriptorType=5, bRefresh=0, bSynchAddress=0, extra_descriptors=[])

    def open_device(self, rom):
        handle = self._try(usbip.open, rom.vid, rom.pid, busid="1-1", transport=rom.loopback)
        handle.conn.sock.settimeout(5)
        return handle

    def close_device(self, handle):
        handle.close()

    def get_configuration(self, handle):
        return 1

    def set_configuration(self, handle, value):
        pass

    def claim_interface(self, handle, interface):
        pass

    def release_interface(self, handle, interface):
        pass

    def clear_halt(self, handle, endpoint):
        self._try(handle.clear_halt, endpoint)

    def bulk_write(self, handle, endpoint, interface, data, timeout):
        return self._try(handle.bulk_out, endpoint, data.tobytes())

    def bulk_read(self, handle, endpoint, interface, buffer, timeout):
        found = self._try(handle.bulk_in, endpoint, len(buffer))
        buffer[: len(found)] = type(buffer)("B", found)
        return len(found)

    def ctrl_transfer(self, handle, kind, request, value, index, data, timeout):
        if not kind & 0x80:
            return self._try(handle.control, kind, request, value, index, data.tobytes())
        found = self._try(handle.control, kind, request, value, index, len(data))
        data[: len(found)] = type(data)("B", found)
        return len(found)

    @staticmethod
    def _try(transfer, *words, **more):
        """The errors of libusb, as pyusb raises them."""
        try:
            return transfer(*words, **more)
        except usbip.Stall:
            raise usb.core.USBError("Pipe error", -9, errno.EPIPE) from None
        except TimeoutError:
            raise usb.core.USBTimeoutError("Operation timed out", -7, errno.ETIMEDOUT) from None
        except (usbip.USBError, OSError):
            raise usb.core.USBError("No such device (it may have been disconnected)", -4, errno.ENODEV) from None


class _Fields(SimpleNamespace):
    """A descriptor with the fields that usbip leaves out."""

    def __init__(self, descriptor, **more):
        super().__init__(**vars(descriptor), **more)
