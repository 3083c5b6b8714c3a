"""The calibration report's plots, as SVG inside the page, and how its numbers are written."""

from __future__ import annotations

import html
import math
from collections.abc import Callable

WIDTH = 1000
SHORT = {
    "moving average 100 ms": "average 100 ms",
    "accept / ignore repeat": "accept / ignore",
    "manual distance range": "manual range",
}

# ---------------------------------------------------------------- numbers


def told(value: float | None, digits: int = 2) -> str:
    return "–" if value is None else f"{value + 0.0:.{digits}f}".replace("-0.00", "0.00")


def ms(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f}"


def rate(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def esc(text: str) -> str:
    return html.escape(str(text)).replace(" %", "&nbsp;%")


# ---------------------------------------------------------------- plots


def _kind(facts: dict, method: str) -> str:
    return "own" if method == facts["methods"][0] else "other"


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{kind}">{esc(text)}</text>'


def _figure(svg: str, height: float, caption: str) -> str:
    box = f'<svg viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}" height="{height:.0f}" role="img">'
    return f'<figure><div class="wide">{box}{svg}</svg></div><figcaption>{caption}</figcaption></figure>'


def rasters(facts: dict) -> str:
    out = "<h2>What each of them sounded</h2>"
    for raster in facts["rasters"]:
        person = raster["name"].rsplit(" ", 1)[-1]
        made = f"simulated gestures with the real tremor of {person}" if raster["simulated"] else f"recording {raster['name']}"
        caption = f"{esc(raster['group'].capitalize())}: {esc(made)}. Green: meant. Bars: what sounded, "
        out += _figure(*_raster(facts, raster), caption + "red where nobody meant the onset or it was one too many.")
    return out


def _raster(facts: dict, raster: dict, tall: int = 110) -> tuple[str, float]:
    first, last, left = raster["first"], raster["last"], 150
    values = [v for _, v in raster["trace"]]
    low, high = min(values), max(values)

    def x(t: float) -> float:
        return left + (min(max(t, first), last) - first) / (last - first) * (WIDTH - left - 20)

    def box(kind: str, a: float, b: float, y: float, height: float) -> str:
        return f'<rect class="{kind}" x="{x(a):.1f}" y="{y}" width="{max(2.0, x(b) - x(a)):.1f}" height="{height}"/>'

    bottom = tall + 12 + 19 * len(facts["methods"])
    out = "".join(box("meant", a, b, 4, bottom - 4) for a, b in raster["labels"])
    line = " ".join(f"{x(t):.1f},{tall - 4 - (v - low) / ((high - low) or 1) * (tall - 16):.1f}" for t, v in raster["trace"])
    out += _text(0, tall / 2, "what the sensor said", "soft") + f'<polyline class="trace" points="{line}"/>'
    for k, method in enumerate(facts["methods"]):
        y = tall + 10 + 19 * k
        out += _text(0, y + 11, SHORT.get(method, method), "head" if k == 0 else "")
        for on, off, verdict in raster["sounds"][method]:
            out += box("bad" if verdict in ("false", "again") else _kind(facts, method), on, off, y + 2, 11)
    for t in range(math.ceil(first), int(last) + 1, 2):
        out += _text(x(t), bottom + 14, f"{t} s", "soft", "middle")
    return out, bottom + 20


Draw = Callable[[dict, str, Callable[[float], float], float], str]


def _panels(facts: dict, rows: list[dict], scale: Callable, ticks: list, draw: Draw, more: str) -> tuple[str, float]:
    """Small panels, four in a row, a line a method; `scale` maps a value to 0..1."""
    left, across, step = 140, 4, 17
    each = (WIDTH - left) / across
    tall = 44 + step * len(facts["methods"]) + 18
    out = ""
    for k, row in enumerate(rows):
        x0, y0 = left + each * (k % across), tall * (k // across)

        def x(value: float, x0: float = x0) -> float:
            return x0 + 6 + min(max(scale(value), 0.0), 1.0) * (each - 44)

        out += _text(x0 + 6, y0 + 14, row["group"].replace(" (simulated)", " (sim.)"), "head")
        out += _text(x0 + 6, y0 + 29, more.format(**row), "soft")
        for value, word in ticks:
            out += f'<line class="grid" x1="{x(value):.1f}" x2="{x(value):.1f}" y1="{y0 + 36}" y2="{y0 + tall - 20}"/>'
            out += _text(x(value), y0 + tall - 6, word, "soft", "middle")
        for n, method in enumerate(facts["methods"]):
            y = y0 + 46 + step * n
            if k % across == 0:
                out += _text(0, y + 4, SHORT.get(method, method), "head" if n == 0 else "")
            out += draw(row["methods"][method], _kind(facts, method), x, y)
    return out, tall * math.ceil(len(rows) / across)


def rest(facts: dict) -> str:
    def scale(value: float) -> float:
        return math.log1p(2 * value) / math.log1p(2 * 400)

    def bar(of: dict, kind: str, x: Callable[[float], float], y: float) -> str:
        value, zero = of["per_minute"], x(0)
        width = x(value) - zero
        out = f'<rect class="{kind}" x="{zero:.1f}" y="{y - 5:.1f}" width="{max(width, 1.5):.1f}" height="10"/>'
        return out + _text(zero + width + 5, y + 4, rate(value))

    ticks = [(0, "0"), (2, "2"), (10, "10"), (100, "100")]
    drawn = _panels(facts, facts["rest"], scale, ticks, bar, "{n} stretches, {minutes:.1f} min")
    caption = "Onsets a minute; nobody meant any. The axis is logarithmic. Short stretches count coarsely: one onset in half a "
    caption += (
        "minute is 2 a minute. A note that sounds on and on is one onset: the tables say for how much of the rest it sounded."
    )
    return "<h2>False onsets at rest</h2>" + _figure(*drawn, caption)


def scores(facts: dict) -> str:
    def dots(of: dict, kind: str, x: Callable[[float], float], y: float) -> str:
        a, b = x(of["recall"]), x(of["precision"])
        line = f'<line class="s-{kind}" x1="{min(a, b):.1f}" x2="{max(a, b):.1f}" y1="{y}" y2="{y}"/>'
        ring = f'<circle class="hollow s-{kind}" cx="{b:.1f}" cy="{y}" r="4.5"/>'
        return line + ring + f'<circle class="{kind}" cx="{a:.1f}" cy="{y}" r="3.2"/>'

    ticks = [(0, "0"), (0.5, "0.5"), (1, "1")]
    rows = facts["gestures"] + facts["simulated"]
    drawn = _panels(facts, rows, lambda v: v, ticks, dots, "n = {n}")
    real = len(facts["gestures"])
    caption = "Full dot: recall, the share of meant gestures that sounded. Ring: precision, the share of onsets that were "
    caption += f"meant, each gesture once. Right is better. The first {real} are recordings, the others simulated gestures."
    return "<h2>Recall and precision</h2>" + _figure(*drawn, caption)


def latency(facts: dict) -> str:
    def span(of: dict, kind: str, x: Callable[[float], float], y: float) -> str:
        if of["p50_ms"] is None or of["hit"] < 0.2 * of["n"]:
            return _text(x(0) + 4, y + 4, "too few", "soft")
        a, b = x(of["p50_ms"]), x(of["p90_ms"])
        line = f'<line class="s-{kind}" x1="{a:.1f}" x2="{b:.1f}" y1="{y}" y2="{y}" stroke-width="2"/>'
        return line + f'<circle class="{kind}" cx="{a:.1f}" cy="{y}" r="4"/>'

    ticks = [(0, "0"), (100, "100"), (300, "300"), (500, "500")]
    rows = facts["gestures"] + facts["simulated"]
    drawn = _panels(facts, rows, lambda v: (v + 100) / 600, ticks, span, "n = {n}, ms")
    caption = "Dot: median; line: to the 90th percentile, cut at 500 ms. Only gestures that sounded count: who misses soft "
    caption += "ones looks quick. Movements of the phone are marked from half their rise on, so an onset may come before the "
    caption += "mark. Too few: less than a fifth sounded."
    return "<h2>Latency</h2>" + _figure(*drawn, caption)
