"""The fit of a pad: threshold and full strength from a few hits. Pure (calibration page 2.7)."""

from __future__ import annotations

from reachnote.calibration import robust
from reachnote.calibration.excerpt import Excerpt, series_of
from reachnote.calibration.fit import Fit
from reachnote_play import REACH

SMALLEST_SHARE = 0.12  # of the softest hit shown
SIGMAS = 10
LEAST_OF_FULL = 0.004


def fit_pad(excerpt: Excerpt, direction: int = 1) -> Fit:
    """From an envelope with marked hits, or without any."""
    series = series_of(excerpt, 1 if direction >= 0 else -1)
    shown = [g for g in excerpt.gestures if not g.assisted and not g.dropped]
    hits = [max(values) for g in shown if (values := series.between(g.start, g.end))]
    quiet = [v for t, v in zip(series.t, series.v, strict=True) if not any(g.start - 0.02 <= t <= g.end + 0.1 for g in shown)]
    rest = robust.median(quiet)
    noise = max(robust.spread(quiet), robust.share(quiet, 0.99) - rest) if quiet else 0.0
    hits = [peak - rest for peak in hits if peak > rest]
    if not hits:
        top = max(series.v, default=0.0) - rest
        hits = [top] if top > SIGMAS * noise else []
    reach = robust.median(hits) if hits else 1.0
    largest = max(hits, default=1.0)
    least = max(SMALLEST_SHARE * min(hits, default=0.0), SIGMAS * robust.spread(quiet), LEAST_OF_FULL * largest)
    parameters = {
        "threshold": int(least / reach * REACH),
        "loudest": int(min(1.3 * largest / reach, 3.9) * REACH),
    }
    facts = {"gestures": len(hits), "noise": noise / reach, "lost": series.lost, "threshold": least / reach}
    grade = "D" if not hits else "C" if len(hits) < 3 else "A" if min(hits) > 2 * least else "B"
    reason = "no_hits" if not hits else "few_gestures" if len(hits) < 3 else "fine"
    return Fit("impact", rest * direction, reach * direction, series.rate_hz, parameters, facts, grade, reason)
