"""Independent published drivers read the same device models over a thin bus, and agree with ours."""

import importlib
import sys
import types

import pytest

import bench
from hand import Still
from models.hcsr04 import Hcsr04
from models.hx711 import Hx711
from models.mprls import Mprls
from models.vl53l0x import Vl53l0x
from models.vl53l1x import Vl53l1x
from rig import Rig, Time


class SlowTime(Time):
    """Invented time that moves on when it is looked at or slept."""

    def sleep(self, seconds):
        self.us += round(seconds * 1000000)

    def monotonic(self):
        self.us += 1
        return self.us / 1000000


class Bus:
    """busio.I2C as CircuitPython drivers use it, straight onto a model; a byte takes 25 us."""

    def __init__(self, model, address, time, call_us=0):
        self.model, self.address, self.time, self.call_us = model, address, time, call_us

    def try_lock(self):
        return True

    def unlock(self):
        pass

    def _check(self, address, acknowledged):
        if address != self.address or not acknowledged:
            raise OSError(5)

    def writeto(self, address, data, *, start=0, end=None):
        self.time.us += self.call_us + 25 * (1 + len(data[start:end]))
        self._check(address, self.model.write(self.time.us, bytes(data[start:end])))

    def readfrom_into(self, address, buffer, *, start=0, end=None):
        got = bytearray(len(buffer[start:end]))
        self.time.us += self.call_us + 25 * (1 + len(got))
        self._check(address, self.model.read(self.time.us, got))
        buffer[start : start + len(got)] = got


class SparkFunBus:
    """The two calls of SparkFun's I2C driver that theirs uses."""

    def __init__(self, bus):
        self.bus = bus

    def writeBlock(self, address, register, data):
        self.bus.writeto(address, bytes([register, *data]))
        return 0

    def write_read_block(self, address, register, count):
        buffer = bytearray(count)
        self.bus.writeto(address, bytes(register))
        self.bus.readfrom_into(address, buffer)
        return list(buffer)

    def __getattr__(self, name):
        raise AssertionError(f"SparkFun's driver calls {name}, which this bus does not have")


class DigitalInOut:
    """digitalio's pin over the desktop's machine.Pin."""

    def __init__(self, number):
        import machine

        self._pin = machine.Pin(number)
        self.direction = None

    @property
    def value(self):
        return self._pin.value()

    @value.setter
    def value(self, level):
        self._pin.value(level)


# What the published drivers import of their own boards. None: not there, the driver goes another way.
STAND_INS = {
    "micropython": {"const": lambda number: number},
    "digitalio": {"DigitalInOut": DigitalInOut, "Direction": types.SimpleNamespace(INPUT=0, OUTPUT=1)},
    "busio": {"I2C": object},
    "microcontroller": {"Pin": object},
    "circuitpython_typing": {"ReadableBuffer": object, "WriteableBuffer": object},
    "qwiic_i2c": {"getI2CDriver": lambda: None},
    "pulseio": None,
}


@pytest.fixture
def published(monkeypatch):
    """Imports a published driver with stand-ins for what only its own boards have."""

    def load(name):
        for module, names in STAND_INS.items():
            monkeypatch.setitem(sys.modules, module, names and types.SimpleNamespace(**names))
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as missing:
            if missing.name.split(".")[0] in (name.split(".")[0], "adafruit_bus_device"):
                pytest.skip(f"the published driver {name} is not installed: it needs {missing.name}")
            raise

    return load


@pytest.mark.parametrize("pa", [0, 30000, 98765, 101325, 105325, 172000])
def test_adafruit_mprls_reads_the_same_pressure(published, monkeypatch, pa):
    theirs = published("adafruit_mprls")
    time = SlowTime()
    monkeypatch.setattr(theirs, "time", time)
    sensor = theirs.MPRLS(Bus(Mprls(Still(pa), noise=0), 0x18, time))
    hecto = sensor.pressure

    rig = Rig("mprls", "mprls")
    rig.model.hand, rig.model.noise = Still(pa), 0
    rig.run(20)
    assert hecto * 100 == pytest.approx(pa, abs=0.2)
    assert abs(rig.value - hecto * 100) <= 1


def test_adafruit_mprls_and_ours_refuse_a_saturated_reading(published, monkeypatch):
    theirs = published("adafruit_mprls")
    time = SlowTime()
    monkeypatch.setattr(theirs, "time", time)
    model = Mprls(Still(101325))
    model.saturated = True
    with pytest.raises(RuntimeError, match="saturation"):
        print(theirs.MPRLS(Bus(model, 0x18, time)).pressure)


def adafruit_vl53l1x(published, monkeypatch, model, budget=20):
    theirs = published("adafruit_vl53l1x")
    time = SlowTime()
    monkeypatch.setattr(theirs, "time", time)
    sensor = theirs.VL53L1X(Bus(model, 0x29, time))
    sensor.distance_mode = 1
    sensor.timing_budget = budget
    return sensor, time


def measured(sensor, time):
    sensor.start_ranging()
    while not sensor.data_ready:
        time.sleep(0.001)
    distance = sensor.distance
    sensor.clear_interrupt()
    return distance


@pytest.mark.parametrize("mm", [40, 123, 500, 1300])
def test_adafruit_vl53l1x_reads_the_same_distance(published, monkeypatch, mm):
    sensor, time = adafruit_vl53l1x(published, monkeypatch, Vl53l1x(Still(mm), noise=0))
    rig = Rig("vl53l1x", "vl53l1x")
    rig.model.hand, rig.model.noise = Still(mm), 0
    rig.run(200)
    assert (rig.status, rig.value) == (0, mm)
    assert measured(sensor, time) == mm / 10


def test_adafruit_vl53l1x_and_ours_see_no_target(published, monkeypatch):
    model = Vl53l1x(Still(500))
    model.no_target = True
    assert measured(*adafruit_vl53l1x(published, monkeypatch, model)) is None
    rig = Rig("vl53l1x", "vl53l1x")
    rig.model.no_target = True
    assert rig.run(200).status == 3


@pytest.mark.parametrize("budget", [15, 20, 33, 50])
def test_our_configuration_of_the_vl53l1x_is_the_published_one(published, monkeypatch, budget):
    other = Vl53l1x(Still(500))
    adafruit_vl53l1x(published, monkeypatch, other, budget)
    rig = Rig("vl53l1x", "vl53l1x", budget_ms=budget)
    rig.run(300)
    period = range(0x6C, 0x70)  # theirs keeps the 100 ms of power-on
    ours = {n: rig.model.registers[n] for n in (0x08, 0x0B, *range(0x2D, 0x86)) if n not in period}
    assert ours == {n: other.registers[n] for n in ours}
    assert rig.model.budget_ms == budget


def sparkfun_vl53l1x(published, monkeypatch, model):
    theirs = published("qwiic_vl53l1x")
    time = SlowTime()
    monkeypatch.setattr(theirs, "time", time)
    # Theirs gives up after 50 looks, so it counts on a computer's slow bus calls.
    sensor = theirs.QwiicVL53L1X(0x29, i2c_driver=SparkFunBus(Bus(model, 0x29, time, call_us=1000)))
    assert sensor.init_sensor(0x29) in (0, None)
    sensor.set_distance_mode(1)
    sensor.set_timing_budget_in_ms(20)
    sensor.set_inter_measurement_in_ms(20)
    return sensor, time


RAW_STATES = {9: 0, 6: 2, 8: 2, 5: 3, 7: 3, 12: 3}  # raw range status: what ours says


@pytest.mark.parametrize("raw", sorted(RAW_STATES))
def test_sparkfun_vl53l1x_agrees_on_distance_and_range_status(published, monkeypatch, raw):
    model = Vl53l1x(Still(321), noise=0)
    monkeypatch.setattr(model, "_show", lambda mm: show(model, raw))
    sensor, time = sparkfun_vl53l1x(published, monkeypatch, model)
    sensor.start_ranging()
    while not sensor.check_for_data_ready():
        time.sleep(0.001)
    rig = Rig("vl53l1x", "vl53l1x")
    monkeypatch.setattr(rig.model, "_show", lambda mm: show(rig.model, raw))
    rig.run(200)
    assert sensor.get_distance() == 321
    assert rig.model.registers[0x6C:0x70] == model.registers[0x6C:0x70]  # the period between measurements
    if raw == 9:
        assert (sensor.get_range_status(), rig.status, rig.value) == (0, 0, 321)
    else:
        assert sensor.get_range_status() == {6: 1, 8: 3, 5: 4, 7: 7, 12: 9}[raw]
        assert rig.status == RAW_STATES[raw]


def show(model, raw):
    model.registers[0x89] = raw
    model._put(0x96, 321)
    model._put(0x98, 1000)


@pytest.mark.parametrize("mm", [25, 100, 500, 3900])
def test_adafruit_hcsr04_reads_the_same_distance(published, monkeypatch, mm):
    theirs = published("adafruit_hcsr04")
    time = SlowTime()
    monkeypatch.setattr(theirs, "time", time)
    bench.begin(time.clock)
    model = Hcsr04(Still(mm))
    bench.attach_pin(2, model.trigger)
    bench.attach_pin(3, model.echo)
    cm = theirs.HCSR04(2, 3).distance

    rig = Rig("hcsr04", "hcsr04", trigger=2, echo=3)
    rig.model.hand = Still(mm)
    rig.run(200)
    assert rig.status == 0
    assert abs(rig.value - mm) <= 1
    assert cm * 10 == pytest.approx(mm * 0.34 / 0.343, abs=1)  # theirs takes 340 m/s


def adafruit_vl53l0x(published, monkeypatch, model, budget=20):
    theirs = published("adafruit_vl53l0x")
    time = SlowTime()
    monkeypatch.setattr(theirs, "time", time)
    sensor = theirs.VL53L0X(Bus(model, 0x29, time), io_timeout_s=2)
    sensor.measurement_timing_budget = budget * 1000
    return sensor


@pytest.mark.parametrize("mm", [40, 123, 500, 1200])
def test_adafruit_vl53l0x_reads_the_same_distance(published, monkeypatch, mm):
    sensor = adafruit_vl53l0x(published, monkeypatch, Vl53l0x(Still(mm), noise=0))
    rig = Rig("vl53l0x", "vl53l0x")
    rig.model.hand, rig.model.noise = Still(mm), 0
    rig.run(300)
    assert (rig.status, rig.value) == (0, mm)
    assert sensor.range == mm
    with sensor.continuous_mode():
        assert [sensor.range for _ in range(3)] == [mm] * 3


def test_adafruit_vl53l0x_and_ours_see_no_target(published, monkeypatch):
    model = Vl53l0x(Still(500))
    model.no_target = True
    assert adafruit_vl53l0x(published, monkeypatch, model).range == 8190
    rig = Rig("vl53l0x", "vl53l0x")
    rig.model.no_target = True
    assert rig.run(300).status == 3


@pytest.mark.parametrize("budget", [20, 33, 50])
def test_our_configuration_of_the_vl53l0x_is_the_published_one(published, monkeypatch, budget):
    other = Vl53l0x(Still(500))
    with adafruit_vl53l0x(published, monkeypatch, other, budget).continuous_mode():
        rig = Rig("vl53l0x", "vl53l0x", budget_ms=budget)
        rig.run(300)
        for page in (0, 1, 6, 7):
            ours, theirs = rig.model.pages[page], other.pages[page]
            # Ours tells the bus voltage (0x89); 0x14 to 0x1F are results.
            differ = [hex(n) for n in range(256) if ours[n] != theirs[n] and not (page == 0 and (n == 0x89 or 0x14 <= n < 0x20))]
            assert (page, differ) == (page, [])
        assert rig.model.budget_us == other.budget_us


class HeldPin(DigitalInOut):
    """A pin that knows its level even as an output; every look takes 1 us."""

    def __init__(self, number, time):
        super().__init__(number)
        self._time = time

    @property
    def value(self):
        self._time.us += 1
        return self._pin.value()

    @value.setter
    def value(self, level):
        self._pin.value(level)


@pytest.mark.parametrize("gain, clocks", [(128, 25), (64, 27), (32, 26)])
@pytest.mark.parametrize("newton", [-20, 0, 3.3, 20])
def test_adafruit_hx711_reads_the_same_conversion(published, monkeypatch, newton, gain, clocks):
    theirs = published("adafruit_hx711.hx711")
    time = SlowTime()

    def delay_us(us):
        time.us += us

    chip = types.SimpleNamespace(disable_interrupts=lambda: None, enable_interrupts=lambda: None, delay_us=delay_us)
    monkeypatch.setattr(theirs, "microcontroller", chip)
    monkeypatch.setattr(theirs, "time", time)
    bench.begin(time.clock)
    model = Hx711(Still(newton), noise=0)
    bench.attach_pin(2, model.clock)
    bench.attach_pin(3, model)
    amplifier = theirs.HX711(HeldPin(3, time), HeldPin(2, time))
    raw = amplifier.read_channel_blocking(clocks) & 0xFFFFFF

    rig = Rig("hx711", "hx711", clock=2, data=3, gain=gain)
    rig.model.hand, rig.model.noise = Still(newton), 0
    rig.run(400)
    assert rig.status == 0
    assert rig.value == (raw + 0x800000) & 0xFFFFFF
