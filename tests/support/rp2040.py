"""A real RP2040 MicroPython image on an emulated chip, driven step by step in simulated time (PyPI `rp2040py`).

    with Pico(image) as p:
        print(p.exec("print(1 + 1)"))            # '2\\n'
        p.put("main.py", text); p.reboot()       # or p.launch(text): starts it, returns
        p.adc(0, 1234); p.pin(15, 0); p.at(0.2, lambda: p.pin(15, 1))
        p.run(0.5); p.output                     # [(simulated second, bytes), ...]

All times are simulated seconds since power-on, from the emulator's clock; nothing here reads a wall clock. The core
runs at 125 MHz with the RP2040's cycle counts, but flash costs no wait states, so a real board is somewhat slower.
"""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import Protocol

from rp2040py.boards import BoardSpec
from rp2040py.device.base_device import BaseDevice
from rp2040py.execute_batch import execute_batch
from rp2040py.gpio_pin import GPIOPinState
from rp2040py.memory_map import FLASH_START_ADDRESS
from rp2040py.peripherals.i2c import RPI2C

PACKET_US = 50  # one 64-byte bulk packet on a quiet full-speed bus (USB 2.0, 5.8.4: at most 19 in a 1 ms frame)
FLASH_BYTES = 2 * 1024 * 1024  # of a Pico; the emulator keeps room for 16
RAW_REPL = b"raw REPL; CTRL-B to exit\r\n>"


class BoardError(Exception):
    """The firmware raised an exception or did not answer in time; str() holds its own words."""


class I2CDevice(Protocol):
    """What sits at one bus address. `start(reading)` may refuse (False = no acknowledge)."""

    def start(self, reading: bool) -> bool: ...
    def write(self, value: int) -> bool: ...
    def read(self) -> int: ...
    def stop(self) -> None: ...


class RegisterDevice:
    """An I2C device of 256 one-byte registers and a self-advancing pointer; `registers[n]` is what a sensor shows."""

    def __init__(self, registers: dict[int, int] | None = None):
        self.registers = bytearray(256)
        for number, value in (registers or {}).items():
            self.registers[number] = value
        self.pointer, self._first = 0, True

    def start(self, reading: bool) -> bool:
        self._first = not reading
        return True

    def write(self, value: int) -> bool:
        if self._first:
            self.pointer, self._first = value, False
        else:
            self.registers[self.pointer] = value
            self.pointer = (self.pointer + 1) & 255
        return True

    def read(self) -> int:
        value = self.registers[self.pointer]
        self.pointer = (self.pointer + 1) & 255
        return value

    def stop(self) -> None:
        pass


class I2CBus:
    """Answers one of the chip's I2C peripherals from {address: device}; every byte takes nine bit times.

    Address scans (zero-length writes) are bit-banged on the pins and never reach this: I2C.scan() sees nothing.
    """

    def __init__(self, peripheral: RPI2C, clock, devices: dict[int, I2CDevice]):
        self.peripheral, self.devices, self.device = peripheral, devices, None
        self._then: Callable[[], None] = peripheral.complete_stop
        self._alarm = clock.create_alarm(lambda: self._then())
        peripheral.on_connect, peripheral.on_write_byte = self._connect, self._write
        peripheral.on_read_byte, peripheral.on_stop = self._read, self._stop

    def _later(self, then: Callable[[], None]) -> None:
        bit_ns = 8 * (self.peripheral.scl_high_period + self.peripheral.scl_low_period)  # 125 MHz cycles
        self._then = then
        self._alarm.schedule(9 * bit_ns)

    def _connect(self, address: int, mode: int) -> None:
        self.device = self.devices.get(address)
        answer = self.device is not None and self.device.start(bool(mode))
        self._later(lambda: self.peripheral.complete_connect(answer))

    def _write(self, value: int) -> None:
        answer = self.device.write(value)
        self._later(lambda: self.peripheral.complete_write(answer))

    def _read(self, _more: bool) -> None:
        value = self.device.read() & 0xFF
        self._later(lambda: self.peripheral.complete_read(value))

    def _stop(self) -> None:
        if self.device is not None:
            self.device.stop()
        self.peripheral.complete_stop()


class Pico:
    """One emulated board. Use as a context manager; it is booted, enumerated and idle at the prompt when entered."""

    def __init__(self, image: pathlib.Path | str, boot: bool = True, flash: bytes | None = None):
        self.output: list[tuple[float, bytes]] = []
        self._device = BaseDevice(board=BoardSpec(image=str(image)))
        self._mcu, self._simulator, self._clock = self._device.mcu, self._device.simulator, self._device.simulator.clock
        self._to_board, self._wanted = bytearray(), 0
        self._reading, self._held, self._owed = True, [], 0
        self._sources: dict[int, Callable[[float], int]] = {}
        self._alarm = self._clock.create_alarm(self._simulator.stop)
        self._connected = False
        self._take_over_usb()
        self._mcu.adc.on_adc_read = self._convert
        if flash is not None:
            self._mcu.flash[: len(flash)] = flash
        if boot:
            self.boot()

    def __enter__(self) -> Pico:
        return self

    def __exit__(self, *_error: object) -> None:
        self._simulator.stop()

    # time

    @property
    def now(self) -> float:
        """Simulated seconds since power-on."""
        return self._clock.nanos / 1e9

    def run(self, seconds: float) -> None:
        """Let the chip run for that much simulated time (exact to one instruction)."""
        self._run(self._clock.nanos + seconds * 1e9, None)

    def run_until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Run until the condition, looked at whenever output comes, holds; False after that many seconds."""
        return self._run(self._clock.nanos + seconds * 1e9, condition)

    def at(self, seconds: float, call: Callable[[], None]) -> None:
        """Call something at that simulated second (since power-on) during a later run()."""
        self._clock.create_alarm(call).schedule(max(0.0, seconds * 1e9 - self._clock.nanos))

    def _run(self, end_ns: float, condition: Callable[[], bool] | None) -> bool:
        self._alarm.schedule(max(0.0, end_ns - self._clock.nanos))
        while self._clock.nanos < end_ns:
            if condition and condition():
                self._alarm.cancel()
                return True
            self._simulator.stopped = False
            while not self._simulator.stopped:
                execute_batch(self._simulator, 1)
        self._alarm.cancel()
        return bool(condition and condition())

    # power and console

    def boot(self) -> None:
        """Power on and wait until the host has enumerated the board and the prompt is there."""
        self._device.cdc.on_device_connected = self._on_connected
        self._mcu.core.pc = FLASH_START_ADDRESS
        if not self.run_until(lambda: self._connected, 10):
            raise BoardError("The emulated board did not appear on USB within 10 simulated seconds: is this an RP2040 image?")
        self.run(0.01)

    def reboot(self, run_main: bool = True) -> None:
        """Soft reset: frees the heap and, with run_main, starts boot.py and main.py; returns as it restarts."""
        self.send(b"\x03\x03\x02" if run_main else b"\x03\x03\x01")
        self.run(0.02)
        self.output.clear()
        self.send(b"\x04")
        self.run_until(lambda: b"soft reboot" in self.text(), 2)
        self.output.clear()

    def text(self) -> bytes:
        """Everything in `output`, joined."""
        return b"".join(chunk for _, chunk in self.output)

    def send(self, data: bytes) -> None:
        """Queue bytes for the board's USB console; delivered in 64-byte packets as the board takes them."""
        self._to_board += data
        self._deliver()

    def host_reads(self, reading: bool) -> None:
        """False: the host stops taking packets, as when a program holds the port open but never reads."""
        self._reading = reading
        while reading and self._held:
            self._arrived(self._held.pop(0))

    def connected(self, dtr: bool) -> None:
        """A program on the host opens (True) or closes (False) the port."""
        self._device.cdc.set_control_lines(dtr=dtr, rts=dtr)

    # firmware

    def launch(self, source: str) -> None:
        """Start a script through the raw REPL and return at once; what it prints lands in `output`."""
        self.send(b"\x03\x03\x01")
        if not self.run_until(lambda: self.text().endswith(RAW_REPL), 5):
            raise BoardError(f"The board gave no raw prompt: it said {self.text()[-200:]!r}.")
        self.output.clear()
        self.send(source.encode() + b"\x04")
        if not self.run_until(lambda: len(self.text()) >= 2, 10):
            raise BoardError("The board took the script but did not start it within 10 simulated seconds.")
        first = self.text()
        self.output[:] = [(self.now, first[2:])] if first[2:] else []

    def exec(self, source: str, seconds: float = 30) -> str:
        """Run a script to its end and return what it printed, newlines as \\n; BoardError with its traceback if any.

        `output` holds nothing of this afterwards. Stops whatever was running.
        """
        self.launch(source)
        if not self.run_until(lambda: self.text().count(b"\x04") >= 2, seconds):
            raise BoardError(
                f"The script did not end within {seconds} simulated seconds; so far it printed {self.text()[-300:]!r}."
            )
        printed, error = self.text().split(b"\x04")[:2]
        self.output.clear()
        if error:
            raise BoardError(error.decode(errors="replace").replace("\r\n", "\n"))
        return printed.decode(errors="replace").replace("\r\n", "\n")

    def put(self, name: str, content: str | bytes) -> None:
        """Write one file into the board's flash file system, making its folders."""
        data = content.encode() if isinstance(content, str) else content
        parts = name.strip("/").split("/")
        folders = ["/".join(parts[:n]) for n in range(1, len(parts))]
        self.exec(
            f"import os\nfor d in {folders!r}:\n try: os.mkdir(d)\n except OSError: pass\n"
            f"f = open({name!r}, 'wb')\n"
            + "".join(f"f.write({data[i : i + 512]!r})\n" for i in range(0, len(data), 512))
            + "f.close()\n"
        )

    def put_folder(self, folder: pathlib.Path, target: str = "") -> None:
        """Copy every .py and .mpy file below a folder into the board's file system, below `target`."""
        for path in sorted(folder.rglob("*")):
            if path.suffix in (".py", ".mpy"):
                self.put(f"{target}/{path.relative_to(folder).as_posix()}".strip("/"), path.read_bytes())

    def flash(self) -> bytes:
        """The board's flash with all its files: Pico(image, flash=...) starts another board that carries them."""
        return bytes(self._mcu.flash[:FLASH_BYTES])

    # sensors and pins

    def adc(self, channel: int, value: int | Callable[[float], int]) -> None:
        """Set channel 0-3 (GPIO 26-29) to a 12-bit value 0..4095, or to a function of the simulated second."""
        self._sources[channel] = value if callable(value) else lambda _time: value

    def pin(self, number: int, level: int | None) -> None:
        """Drive a GPIO input low (0) or high (1) from outside, or let go of it (None: its own pull decides)."""
        gpio = self._mcu.gpio[number]
        if level is None:
            gpio.release_input()
        elif not getattr(gpio, "_driven", True) or gpio.input_value != bool(level):
            gpio.set_input_value(bool(level))

    def watch(self, number: int) -> list[tuple[float, int]]:
        """A list that grows by (simulated second, 0 or 1) whenever the firmware changes an output pin."""
        changes: list[tuple[float, int]] = []
        self._mcu.gpio[number].add_listener(lambda value, _old: changes.append((self.now, int(value == GPIOPinState.HIGH))))
        return changes

    def i2c(self, bus: int, devices: dict[int, I2CDevice]) -> I2CBus:
        """Attach devices by 7-bit address to I2C(0) or I2C(1)."""
        return I2CBus(self._mcu.i2c[bus], self._clock, devices)

    def _convert(self, channel: int) -> None:
        adc = self._mcu.adc
        if channel in self._sources:
            adc.channel_values[channel] = self._sources[channel](self.now) & 0xFFF
        adc.current_channel = channel
        adc.sample_alarm.schedule(adc.sample_time * 1000)

    # USB: the emulator's own host sends endless empty packets and confirms writes at once; a real host does neither

    def _take_over_usb(self) -> None:
        usb, cdc = self._mcu.usb_ctrl, self._device.cdc
        usb.write_delay_microseconds = usb.read_delay_microseconds = PACKET_US
        standard_read, self._confirm = usb.on_endpoint_read, usb._indicate_buffer_ready

        def read(endpoint: int, size: int) -> None:
            if endpoint == 0 or endpoint != cdc._out_endpoint:
                standard_read(endpoint, size)
            else:
                self._wanted = size
                self._deliver()

        def buffer_ready(endpoint: int, out: bool) -> None:
            if out or endpoint == 0 or endpoint != cdc._in_endpoint:
                self._confirm(endpoint, out)
            else:
                self._owed += 1

        usb.on_endpoint_read, usb._indicate_buffer_ready = read, buffer_ready
        cdc.on_serial_data = lambda data: self._arrived(bytes(data)) if self._reading else self._held.append(bytes(data))

    def _deliver(self) -> None:
        if self._wanted and self._to_board:
            packet = bytes(self._to_board[: self._wanted])
            del self._to_board[: self._wanted]
            self._wanted = 0
            self._mcu.usb_ctrl.endpoint_read_done(self._device.cdc._out_endpoint, packet)

    def _arrived(self, data: bytes) -> None:
        if data:
            self.output.append((self.now, data))
        if self._owed:
            self._owed -= 1
            self._confirm(self._device.cdc._in_endpoint, False)
        self._simulator.stop()

    def _on_connected(self) -> None:
        self._connected = True
        self._simulator.stop()
