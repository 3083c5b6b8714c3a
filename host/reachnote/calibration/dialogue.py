"""The steps of a calibration, one at a time, for whatever shows them: a terminal, a page, a test. Pure.

    talk = Dialogue(sensor, "guided")
    talk.reading(t, raw, status)  talk.tick(t)  talk.press("next")
    talk.prompt, talk.keys, talk.level      what to show
    talk.orders                             what the running session shall set meanwhile (drained by whoever runs it)
    talk.done, talk.fit, talk.sentences     the end

Steps end when there is enough, or when the therapist says so; everything may be skipped, and `back` takes the last step
again. Silence is never a failure: no step ends because the client needs time. (Calibration page, section 3.)
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from reachnote.calibration import robust, words
from reachnote.calibration.excerpt import Excerpt
from reachnote.calibration.fit import Fit, fit_excerpt
from reachnote.calibration.pads import fit_pad
from reachnote.calibration.spotting import Spotter, calm_stretches
from reachnote.calibration.steps import (
    CHECK_S,
    COMPARED,
    ENOUGH,
    FAST_S,
    KEPT_READINGS,
    LEAST_REST_S,
    LONGEST_REST_S,
    LOOK_BACK_S,
    LOOK_EVERY_S,
    LOW_SIDE,
    MODES,
    NUDGE,
    PLAYING_S,
    PROMPTS,
    REST_S,
    SHORT_REST_S,
    STEPS,
    WAIT_S,
    Captured,
    Sensor,
    keys_of,
)
from reachnote_play import REACH
from reachnote_wire import USABLE, read_impact


class Dialogue:
    """One calibration of one sensor. `stored`: rest and span of last time, for the mode "as last time"."""

    def __init__(self, sensor: Sensor, mode: str = "guided", stored: tuple[float, float] | None = None) -> None:
        if mode not in MODES:
            raise ValueError(f"mode {mode!r}; known are {', '.join(MODES)}")
        self.sensor = sensor
        self.mode = mode
        self.fit: Fit | None = None
        self.sentences: list[str] = []
        self.done = False
        self.keep_stored = False
        self.factor = 1.0
        self.meant = self.not_meant = 0
        self.orders: list[dict] = []
        self.note = ""
        self._stored = stored
        self._steps = tuple(s for s in STEPS[mode] if not (sensor.kind == "impact" and s in ("fast", "start", "full")))
        self._at = 0
        self._began: float | None = None
        self._now = 0.0
        self._quiet_since = 0.0
        self._lost = self._heard = 0
        self._marks: dict[str, float] = {}
        self._nudged = 0.0
        self._captured = Captured()
        self._spotter = self._fresh_spotter()
        self._spotters: dict[str, Spotter] = {}
        self._hits = -1
        self._look_at = 0.0
        self._calm_s = 0.0

    # ------------------------------------------------------------ what to show

    @property
    def step(self) -> str:
        return self._steps[self._at]

    @property
    def prompt(self) -> str:
        """One sentence for this step."""
        return PROMPTS[self.step]

    @property
    def keys(self) -> list[tuple[str, str]]:
        """(key, what it does) of this step."""
        return keys_of(self.step, self.poor)

    @property
    def poor(self) -> bool:
        """True when what was found should not be kept by a habit of the hand."""
        return self.fit is not None and self.fit.grade == "D"

    @property
    def left_s(self) -> float | None:
        """Seconds until the step ends by itself; None where it waits for the client."""
        lasts = {"check": CHECK_S, "rest": self._rest_s, "fast": FAST_S, "watch": PLAYING_S}.get(self.step)
        if lasts is None or self._began is None:
            return lasts
        left = max(lasts - (self._now - self._began), 0.0)
        if left == 0.0 and self.step == "rest" and self._now - self._began < LONGEST_REST_S:
            if self._now >= self._look_at:
                self._look_at = self._now + LOOK_EVERY_S
                self._calm_s = sum(b - a for a, b in self._calm(self._began))
                if self._calm_s < LEAST_REST_S:
                    self.note = "The client is moving; that is fine. A few quiet seconds are waited for, or press Enter."
            left = max(LEAST_REST_S - self._calm_s, 0.0)
        return left

    @property
    def level(self) -> float:
        """0 rest .. 1 full, as far as it is known."""
        if self.step in ("check", "rest"):
            span = self.sensor.full - self.sensor.rest
            raw = self._captured.raw[-1] if self._captured.raw else self.sensor.rest
            return min(max((raw - self.sensor.rest) / span, 0.0), 1.0) if span else 0.0
        if self.step in ("start", "full"):
            return self.share_of(self._captured.raw[-1] if self._captured.raw else self.sensor.rest)
        return min(max(self._spotter.level, 0.0), 1.0)

    @property
    def gestures(self) -> int:
        """How many movements count so far."""
        return self._spotter.counted

    @property
    def mark(self) -> float | None:
        """Where the mark of this step stands, in raw units."""
        if self.step not in ("start", "full"):
            return None
        raw = self._captured.raw[-1] if self._captured.raw else self.sensor.rest
        return self._marks.get(self.step, raw) if self._nudged else raw

    @property
    def _rest_s(self) -> float:
        return REST_S if self.mode == "guided" else SHORT_REST_S

    # ------------------------------------------------------------ readings and time

    def reading(self, t: float, raw: float, status: int) -> None:
        """One reading of the sensor, in order of time."""
        if self.done or self.step == "result" or not math.isfinite(raw) or not math.isfinite(t):
            return
        self._heard += 1
        hit = False
        if self.sensor.kind == "impact":
            hit = status in USABLE and self._hit(int(raw))
            raw = float(read_impact(int(raw))[1]) if hit else 0.0
        if status not in USABLE:
            self._lost += 1
        kept = self._captured
        if len(kept.times) < KEPT_READINGS:
            kept.times.append(t)
            kept.raw.append(float(raw))
            kept.statuses.append(status)
        self.tick(t)
        if status not in USABLE or self.step not in ("play", "fast", "watch", "compare", "try"):
            return
        if self.step == "watch" and t >= self._look_at:
            self._look_at = t + LOOK_EVERY_S
            self._guess_rest(t)
        if self.sensor.kind == "impact":
            if hit:
                self._spotter.hit(t, raw)
                self._showed()
        elif self._spotter.reading(t, raw):
            self._showed()

    def tick(self, now: float) -> None:
        """Time passes; steps that have enough end."""
        self._now = max(self._now, now)
        if self._began is None:
            self._enter(now)
        if self.left_s == 0.0 and self.step not in ("result",):
            self._go_on()
        if self.step in ("play", "compare") and now - self._quiet_since > WAIT_S:
            self.note = "Take all the time it needs. If a hand is led, say so with A, so that it does not count."

    def press(self, key: str) -> None:
        """A key of the therapist, by its name in `keys` (`down` beside `up`)."""
        if self.done:
            return
        if key == "leave":
            self.done, self.fit = True, None
            self.sentences = ["Nothing was changed."]
            self.orders.append(self._order("plain") if self._stored is None else self._stored_order())
        elif key == "next" and self.step == "result" and self.poor:
            self._back()
        elif key == "next":
            self._go_on()
        elif key == "keep" and self.step == "result":
            self.done = True
        elif key == "back":
            self._back()
        elif key == "drop" and self.step in ("play", "compare", "watch", "fast"):
            self.note = "It does not count." if self._spotter.mark_last(dropped=True) else "There is none to leave out."
            self._provisional()
        elif key == "assist" and self.step in ("play", "compare", "watch", "fast"):
            self.note = "Helped: it does not count for the reach." if self._spotter.mark_last(assisted=True) else ""
            self._provisional()
        elif key in ("yes", "no"):
            self.meant += key == "yes"
            self.not_meant += key == "no"
        elif key in ("easier", "harder"):
            self._scale(0.8 if key == "easier" else 1.25)
        elif key in ("up", "down") and self.step in ("start", "full"):
            self._nudge(1 if key == "up" else -1)

    # ------------------------------------------------------------ steps

    def _enter(self, now: float) -> None:
        self._began = now
        self._quiet_since = now
        self.note = ""
        self._spotters[self.step] = self._copy(self._spotter)

    def _go_on(self) -> None:
        if self.step == "result":
            self.done = True
            return
        if self.step == "full" and self._marks_agree():
            self.note = "Both marks are at nearly the same place. Move further towards full, then Enter."
            return
        self._left(self.step)
        self._at += 1
        self._nudged = 0.0
        note = self.note
        self._enter(self._now)
        self.note = note if self.step == "rest" else ""
        if self.step == "try":
            self._refit()
        elif self.step == "result":
            self._conclude()

    def _left(self, step: str) -> None:
        began = self._began if self._began is not None else self._now
        if step == "check" and self._heard and self._lost > 0.5 * self._heard:
            self.note = "The sensor does not see the hand. Point it, or check its cable; going on is possible."
        elif step == "rest" and self._now - began >= LEAST_REST_S:
            calm = self._calm(began)
            self._captured.rests += calm or [(began, self._now)]
            self._spotter.rest(self._within(calm) or self._usable_since(began))
            self._provisional()
        elif step == "rest":
            self._spotter.rest(self._usable_since(began) or [self.sensor.rest])
        elif step in ("start", "full"):
            mark = self.mark
            self._marks[step] = self.sensor.full if mark is None else mark

    def _back(self) -> None:
        if self._now - (self._began or self._now) < 1.0 and self._at > 0 and self.step != "result":
            self._at -= 1  # pressed at once: the step before
        elif self.step == "result":  # from the first step in which the client was heard
            self._at = 1
            self._captured = Captured()
            self._marks.clear()
            self.meant = self.not_meant = 0
        self._spotter = self._copy(self._spotters.get(self.step, self._fresh_spotter()))
        if self.step == "rest":
            self._captured.rests.clear()
        self.fit, self.sentences = None, []
        self._began = None
        self.tick(self._now)

    def _showed(self) -> None:
        self._quiet_since = self._now
        if self.step == "try":
            return
        self.note = ""
        self._provisional()
        if self._spotter.counted >= {"play": ENOUGH, "compare": COMPARED}.get(self.step, KEPT_READINGS):
            self._go_on()

    def _hit(self, raw: int) -> bool:
        hits = read_impact(raw)[0]
        new = self._hits >= 0 and hits != self._hits
        self._hits = hits
        return new

    def _calm(self, began: float) -> list[tuple[float, float]]:
        """The quiet stretches of the rest: the client may move in between."""
        kept = self._captured
        rows = zip(kept.times, kept.raw, kept.statuses, strict=True)
        rows = [(t, v * self.sensor.direction) for t, v, status in rows if t >= began and status in USABLE]
        return calm_stretches(rows)

    def _within(self, spans: list[tuple[float, float]]) -> list[float]:
        kept = self._captured
        rows = zip(kept.times, kept.raw, kept.statuses, strict=True)
        return [v for t, v, status in rows if status in USABLE and any(a <= t <= b for a, b in spans)]

    def _guess_rest(self, now: float) -> None:
        # Nobody asks this client to rest: the low side of what it does lately is taken for it.
        turn = self.sensor.direction
        lately = [v * turn for v in self._usable_since(now - LOOK_BACK_S)]
        low = robust.share(lately, LOW_SIDE)
        if len(lately) > 10 and self.sensor.kind != "impact":
            self._spotter.rest([v * turn for v in lately if v <= low])

    # ------------------------------------------------------------ marks

    def _nudge(self, way: int) -> None:
        here = self.mark
        if here is None:
            return
        self._nudged = 1.0
        step = NUDGE * abs(self.sensor.high - self.sensor.low) * self.sensor.direction
        self._marks[self.step] = min(max(here + way * step, self.sensor.low), self.sensor.high)

    def _marks_agree(self) -> bool:
        start, full = self._marks.get("start"), self.mark
        if start is None or full is None or not self._captured.raw:
            return False
        turn = self.sensor.direction
        far = 0.01 * abs(self.sensor.full - self.sensor.rest)
        return (full - start) * turn < far or (full - self._spotter.place) * turn < far

    def share_of(self, raw: float) -> float:
        """Where a raw value lies between the rest that was heard and the sensor's declared full reach, 0..1."""
        span = self.sensor.full - self._spotter.place
        return min(max((raw - self._spotter.place) / span, 0.0), 1.0) if span else 0.0

    # ------------------------------------------------------------ fitting

    def excerpt(self) -> Excerpt:
        """All that was heard, with what is known about it."""
        kept = self._captured
        return Excerpt(kept.times, kept.raw, kept.statuses, kept.rests, self._spotter.shown)

    def _refit(self) -> None:
        sensor = self.sensor
        if sensor.kind == "impact":
            self.fit = fit_pad(self.excerpt(), 1)
        else:
            hint = None
            if self.mode == "therapist-set" and "full" in self._marks:
                hint = abs(self._marks["full"] - self._spotter.place) or None
            heard = self.excerpt()
            if self.mode == "while playing":
                heard = Excerpt(heard.times, heard.raw, heard.statuses)
            elif self.mode == "therapist-set":
                heard = Excerpt(heard.times, heard.raw, heard.statuses, heard.rests)
            self.fit = fit_excerpt(heard, sensor.kind, sensor.direction, hint, (sensor.low, sensor.high))
            if hint:
                self._start_at(self.fit)
        self._send_fit()

    def _start_at(self, fit: Fit) -> None:
        # The therapist's first mark says where the sound starts; never so low that rest would sound.
        wanted = abs(self._marks.get("start", fit.rest) - fit.rest) / abs(fit.span) * REACH
        fit.parameters["onset"] = int(min(max(wanted, fit.parameters.get("onset", 0)), 0.9 * REACH))

    def _conclude(self) -> None:
        if self.mode == "as last time":
            self._compare()
            return
        if self.fit is None:
            self._refit()
        fit = self.fit
        assert fit is not None
        self.sentences = words.sentences(fit.grade, fit.reason, fit.facts)
        if self.not_meant > self.meant:
            self.sentences.append("More notes sounded than were meant: H makes it harder, or calibrate again.")

    def _compare(self) -> None:
        if self._stored is None:
            self.sentences = ["There is no calibration of last time. Calibrate anew; it takes half a minute."]
            return
        peaks = [p for p, s in zip(self._spotter.peaks, self._spotter.shown, strict=True) if not s.assisted and not s.dropped]
        middle = robust.median(peaks) if peaks else None
        rest = self._spotter.place if self._captured.rests else self._stored[0]
        self.keep_stored, said = words.compared(*self._stored, rest, middle)
        self.sentences = [said]
        self.orders.append(self._stored_order())

    def _provisional(self) -> None:
        """Let what is shown sound at once, with what is known so far."""
        if self.mode == "as last time" or self.sensor.kind in ("impact", "switch") or self.step == "try":
            return
        spotter = self._spotter
        onset = min(max(spotter.threshold / spotter.reach, 0.2), 0.6)
        parameters: Mapping[str, int] = {"onset": int(onset * REACH), "tremor": 0}
        self.orders.append(self._tune(spotter.place, spotter.reach * self.sensor.direction, 0.0, parameters))

    def _send_fit(self) -> None:
        fit = self.fit
        if fit is not None and fit.span:
            self.orders.append(self._tune(fit.rest, fit.span, fit.rate_hz, fit.parameters))

    def _scale(self, by: float) -> None:
        if self.step not in ("try", "result"):
            return
        self.factor = min(max(self.factor * by, 0.45), 2.0)
        self.orders.append(self._order("easier" if by < 1 else "harder"))
        end = {0.45: " It cannot be easier.", 2.0: " It cannot be harder."}.get(self.factor, "")
        self.note = f"Full sound at {self.factor:.0%} of the reach that was shown.{end}"

    def _tune(self, rest: float, span: float, rate_hz: float, parameters: Mapping[str, int]) -> dict:
        more = {"rest": rest, "span": span, "rate_hz": rate_hz, "parameters": dict(parameters), "factor": self.factor}
        return {**self._order("tune"), **more}

    def _stored_order(self) -> dict:
        return self._order("stored")

    def _order(self, what: str) -> dict:
        return {"order": what, "board": self.sensor.board, "sensor": self.sensor.name}

    # ------------------------------------------------------------ small things

    def _usable_since(self, began: float) -> list[float]:
        kept = self._captured
        rows = zip(kept.times, kept.raw, kept.statuses, strict=True)
        return [v for t, v, status in rows if t >= began and status in USABLE]

    def _fresh_spotter(self) -> Spotter:
        turn = 1 if self.sensor.kind == "impact" else self.sensor.direction
        least = 0.004 * abs(self.sensor.full - self.sensor.rest)
        spotter = Spotter(turn, least)
        spotter.rest([0.0 if self.sensor.kind == "impact" else self.sensor.rest])
        return spotter

    def _copy(self, spotter: Spotter) -> Spotter:
        new = self._fresh_spotter()
        new.__dict__.update(spotter.__dict__)
        new.shown, new.peaks = list(spotter.shown), list(spotter.peaks)
        return new
