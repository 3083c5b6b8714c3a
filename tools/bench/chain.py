"""The whole signal chain for tools/bench: every continuous sensor calibrated, every guard on; and its cost over a session.

The parameters are those of a fit to a client who trembles at 5 Hz: the dearest that a calibration asks for.
"""

from __future__ import annotations

import time

PARAMETERS = {
    "window": 200_000, "envelope": 700, "tremor": 1, "tremor_half": 120_000, "tremor_size": 500, "median": 3,
    "jolt": 60_000, "jolt_wait": 120_000, "apart": 150_000, "onset": 2_600, "refractory": 60_000, "calm": 300,
}  # fmt: skip


def order(board: str, sensor: str, span: float) -> dict:
    """The calibration of one sensor."""
    where = {"board": board, "sensor": sensor}
    return {"order": "tune", **where, "rest": 0.0, "span": span, "rate_hz": 250.0, "parameters": PARAMETERS}


def calibrate(status: dict) -> int:
    """Calibrate every pressure sensor of the running session; how many there were."""
    from reachnote.ask import Session

    count = 0
    with Session() as session:
        for board in status["boards"]:
            for sensor in board["sensors"]:
                if sensor["kind"] == "pressure":
                    session.ask("order", **order(board["name"], sensor["name"], sensor["full"]))
                    count += 1
    return count


def over_a_session(minutes: float = 20.0, rate_hz: float = 250.0) -> dict:
    """Cost of one calibrated sensor's readings, of the last fifth of a session over the first: flat is 1."""
    import reachnote_wire as wire
    from reachnote import programme
    from reachnote.session import Session

    session = Session(programme.load("five-notes")[0][0])
    session.order(order("Pad", "p", 1000.0), 0.0)
    session.opened(0, "bench", 0.0)
    kinds = [{"name": "p", "kind": "pressure", "min": 0, "max": 1000, "rest": 0, "reach": 1000}]
    session.bytes_in(0, wire.frame(wire.HELLO, wire.ascii_json({"wire": 1, "uid": "b", "name": "Pad", "sensors": kinds})), 0.0)
    packer = wire.Packer(1)
    count = int(minutes * 60 * rate_hz)
    spent = []
    for part in range(5):
        lines = []
        for k in range(part * count // 5, (part + 1) * count // 5):
            x = k % 400
            packer.value[0] = 8 * x if x < 100 else 800 if x < 200 else max(0, 800 - 8 * (x - 200))
            packer.pack(int(k * 1e6 / rate_hz) & wire.TIME_MASK)
            lines.append(bytes(packer.buffer))
        at = part * count // 5 / rate_hz
        began = time.perf_counter()
        for n, line in enumerate(lines):
            at += 1 / rate_hz
            session.bytes_in(0, line, at)
            if not n % 3:
                session.tick(at)
                session.out.clear()
                session.gestures.clear()
                session.news.clear()
                session.writes.clear()
        spent.append(time.perf_counter() - began)
    return {"session_minutes": minutes, "cost_late_over_early": round(spent[-1] / spent[0], 3)}
