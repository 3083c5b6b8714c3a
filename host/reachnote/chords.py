"""Chords: written, built on a degree of a scale, laid out on the keyboard, and recognised. Pure.

A chord is a root and semitones above it; its notes are pitch classes 0..11 (C = 0) until `keys_of` or `tones` put
them on MIDI keys. `recognise` tells the chord of the keys that sound, `recognise_weighted` that of notes which
sounded long or loud to different degrees.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from reachnote.music import ACCIDENTALS, LETTERS, degree, into_range, keys_between, nearest_key, pitch_class, plain_accidentals
from reachnote.unknown import listed, nearest

QUALITIES = {  # what is written after the root, and semitones above the root
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "dim": (0, 3, 6),
    "aug": (0, 4, 8),
    "sus2": (0, 2, 7),
    "sus4": (0, 5, 7),
    "5": (0, 7),
    "6": (0, 4, 7, 9),
    "m6": (0, 3, 7, 9),
    "7": (0, 4, 7, 10),
    "maj7": (0, 4, 7, 11),
    "m7": (0, 3, 7, 10),
    "mMaj7": (0, 3, 7, 11),
    "m7b5": (0, 3, 6, 10),
    "dim7": (0, 3, 6, 9),
    "aug7": (0, 4, 8, 10),
    "augMaj7": (0, 4, 8, 11),
    "7b5": (0, 4, 6, 10),
    "7sus4": (0, 5, 7, 10),
    "9": (0, 4, 7, 10, 14),
    "maj9": (0, 4, 7, 11, 14),
    "m9": (0, 3, 7, 10, 14),
    "mMaj9": (0, 3, 7, 11, 14),
    "add9": (0, 4, 7, 14),
    "madd9": (0, 3, 7, 14),
    "6/9": (0, 4, 7, 9, 14),
    "7b9": (0, 4, 7, 10, 13),
    "7#9": (0, 4, 7, 10, 15),
    "m7b9": (0, 3, 7, 10, 13),
    "m7b5b9": (0, 3, 6, 10, 13),
    "dim7b9": (0, 3, 6, 9, 13),
    "augMaj9": (0, 4, 8, 11, 14),
    "aug9": (0, 4, 8, 10, 14),
    "maj7#9": (0, 4, 7, 11, 15),
    "9sus4": (0, 5, 7, 10, 14),
    "m7add11": (0, 3, 7, 10, 17),
    "11": (0, 4, 7, 10, 14, 17),
    "m11": (0, 3, 7, 10, 14, 17),
    "13": (0, 4, 7, 10, 14, 17, 21),
}

_ALSO = {  # other spellings of each
    "": "maj M major",
    "m": "min mi - minor",
    "dim": "o mb5",
    "aug": "+ #5",
    "sus4": "sus",
    "6": "maj6 M6",
    "m6": "min6 mi6 -6",
    "7": "dom7",
    "maj7": "M7 ma7 major7 j7",
    "m7": "min7 mi7 -7",
    "mMaj7": "mM7 mmaj7 minmaj7 -M7 -maj7 m#7",
    "m7b5": "min7b5 mi7b5 -7b5 m7-5 ø ø7",
    "dim7": "o7",
    "aug7": "+7 7+ 7#5",
    "augMaj7": "augmaj7 +M7 +maj7 maj7#5 M7#5",
    "7b5": "7-5",
    "7sus4": "7sus",
    "maj9": "M9 ma9",
    "m9": "min9 mi9 -9",
    "mMaj9": "mM9 mmaj9 minmaj9",
    "add9": "add2",
    "madd9": "minadd9 -add9 madd2",
    "6/9": "69 6add9",
    "augMaj9": "augmaj9 +M9",
    "aug9": "+9 9+ 9#5",
    "9sus4": "9sus",
    "m7add11": "m7add4",
    "m11": "min11 -11",
}

SPELLINGS = {spelt: quality for quality in QUALITIES for spelt in (quality, *_ALSO.get(quality, "").split())}

SPREADS = ("close", "open", "wide")

_ROOT = r"[A-G](?:##|bb|#|b)?"
_CHORD = re.compile(rf"({_ROOT})(.*?)(?:/({_ROOT}))?")
_STEPS = re.compile(r"\(([0-9]{1,2}(?:,[0-9]{1,2}){0,11})\)")
_LONGEST_CHORD = 40
_LONGEST_LINE = 4000
_MOST_CHORDS = 512
_HIGHEST_STEP = 36

_MAJOR_NAMES = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_MINOR_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B")
_LETTER_OF = (0, 1, 1, 2, 2, 3, 4, 4, 4, 5, 6, 6)  # how many letters above the root's a chord's note is spelt


@dataclass(frozen=True, slots=True)
class Chord:
    """`root` 0..11, `intervals` in semitones above it (a ninth is 14), `bass` 0..11 when another note than the root is lowest.

    `name` is as a person wrote it, or as people write it; two spellings of one chord are equal.
    """

    root: int
    intervals: tuple[int, ...]
    bass: int | None = None
    name: str = field(default="", compare=False)

    @property
    def classes(self) -> tuple[int, ...]:
        """The pitch classes of its notes, in the order of `intervals`; a bass that is none of them is not among them."""
        return tuple((self.root + interval) % 12 for interval in self.intervals)


# ---------------------------------------------------------------- written


def parse_chord(text: str) -> Chord:
    """The chord that is written: "C", "F#m7b5/A", "Bbmaj7", "C-7", "G7sus4", "E(0,3,6,8)" (any semitones above a root).

    ValueError says what stands where, what is allowed and the nearest.
    """
    name = text.strip()
    if not name:
        raise ValueError("no chord is written; write one as Am, C7 or F#m7b5/A")
    if len(name) > _LONGEST_CHORD:
        raise ValueError(f"a chord of {len(name)} letters; write one as Am, C7 or F#m7b5/A")
    found = _CHORD.fullmatch(plain_accidentals(name))
    if not found:
        raise ValueError(_no_root(name))
    root, bass = pitch_class(found[1]), pitch_class(found[3]) if found[3] else None
    return Chord(root, _intervals(name, found[2]), None if bass == root else bass, name)


def parse_line(text: str) -> tuple[Chord, ...]:
    """The chords of a line, "C Am F G | Dm7 G7": spaces between, bar lines for the eye only, % the last chord again.

    ValueError names the chord by its number.
    """
    if len(text) > _LONGEST_LINE:
        raise ValueError(f"a chord line of {len(text)} letters; write at most {_LONGEST_LINE}")
    chords: list[Chord] = []
    for word in text.replace("|", " ").split():
        try:
            chords.append(chords[-1] if word == "%" and chords else parse_chord(word.rstrip(",")))
        except ValueError as problem:
            raise ValueError(f"chord {len(chords) + 1} of the line: {problem}") from None
    if not chords or len(chords) > _MOST_CHORDS:
        raise ValueError(f"a chord line of {len(chords)} chords; write 1 to {_MOST_CHORDS}, as C Am F G")
    return tuple(chords)


def _no_root(name: str) -> str:
    if name[0] == "H":
        return f"'{name}' is not a chord: the German H is written B here, and the German B is written Bb"
    if name[0] in "abcdefg" and _CHORD.fullmatch(name[0].upper() + name[1:]):
        return (
            f"'{name}' is not a chord: write its root as a capital, {name[0].upper()}{name[1:]}; a minor chord has an m after it"
        )
    return f"'{name}' is not a chord: it begins with its root, one of C D E F G A B with # or b after it"


def _intervals(name: str, written: str) -> tuple[int, ...]:
    steps = _STEPS.fullmatch(written)
    if steps:
        return _plain_steps(name, [int(word) for word in steps[1].split(",")])
    plain = written.replace("(", "").replace(")", "").replace("°", "o").replace("Δ", "maj7").replace("maj77", "maj7")
    for spelt in (plain, plain.lower()) if not re.match(r"M(?![AaIi])", plain) else (plain,):
        if spelt in SPELLINGS:
            return QUALITIES[SPELLINGS[spelt]]
    if "/" in written:
        raise ValueError(f"'{name}' is not a chord: after the slash stands the bass, one of C D E F G A B with # or b after it")
    known = listed(word for word in QUALITIES if word)
    raise ValueError(
        f"'{name}' is not a chord: '{written}' stands after its root; known are {known}.{nearest(written, SPELLINGS)}"
    )


def _plain_steps(name: str, steps: list[int]) -> tuple[int, ...]:
    if steps != sorted(set(steps)) or steps[0] != 0 or steps[-1] > _HIGHEST_STEP:
        raise ValueError(f"'{name}' is not a chord: write its semitones rising from 0 to at most {_HIGHEST_STEP}, as C(0,3,6,8)")
    return tuple(steps)


# ---------------------------------------------------------------- names


def named(root: int, intervals: tuple[int, ...], bass: int | None = None) -> Chord:
    """The chord with the name that people write, "Bbm7/Db"; one of no known quality is written in semitones, "C(0,3,6,8)"."""
    quality = _QUALITY_OF.get(intervals)
    written = "(" + ",".join(map(str, intervals)) + ")" if quality is None else quality
    root_name = (_MINOR_NAMES if 3 in intervals else _MAJOR_NAMES)[root]
    bass = None if bass == root else bass
    slash = "" if bass is None else f"/{_bass_name(root_name, intervals, bass)}"
    return Chord(root, intervals, bass, f"{root_name}{written}{slash}")


def _bass_name(root_name: str, intervals: tuple[int, ...], bass: int) -> str:
    """The bass as the chord spells it (G# under E, Ab under Fm); plain where that needs Cb, E# or a double accidental."""
    above = (bass - pitch_class(root_name)) % 12
    if above in {interval % 12 for interval in intervals}:
        letter = "CDEFGAB"[("CDEFGAB".index(root_name[0]) + _LETTER_OF[above]) % 7]
        off = (bass - LETTERS[letter] + 6) % 12 - 6
        for sign, semitones in ACCIDENTALS.items():
            if semitones == off and len(sign) < 2 and letter + sign not in ("Cb", "Fb", "E#", "B#"):
                return letter + sign
    return _MINOR_NAMES[bass] if "#" in root_name else _MAJOR_NAMES[bass]


_QUALITY_OF = {intervals: quality for quality, intervals in reversed(QUALITIES.items())}
_BY_CLASSES = {frozenset(step % 12 for step in steps): steps for steps in reversed(QUALITIES.values()) if 3 <= len(steps) <= 5}


# ---------------------------------------------------------------- on the degrees of a scale


def in_key(tonic: int, scale: tuple[int, ...], n: int, size: int = 3) -> Chord:
    """The chord of `size` notes (1..7) on the n-th degree (0 = tonic, may be negative) of a scale on the pitch class `tonic`.

    A triad has 3, a seventh 4, a ninth 5. In a scale of seven notes it is every second degree; in any other the scale's
    notes that are nearest to third, fifth, seventh, ninth, and where there is none left near, the next free one: on C D E G A
    that is C, Dsus4, C/E, Gsus4, Am, and C6 and C6/9. A scale of fewer notes gives fewer. ValueError for another size.
    """
    if not 1 <= size <= 7:
        raise ValueError(f"a chord of {size} notes; write 1 to 7")
    lowest = degree(tonic, scale, n)
    above = [degree(tonic, scale, n + one) - lowest for one in range(2 * len(scale))]
    steps = above[::2][:size] if len(scale) == 7 else _nearest_to_thirds(above[: len(scale)], size)
    return _known(lowest % 12, tuple(steps))


def _nearest_to_thirds(above: list[int], size: int) -> list[int]:
    """`size` notes of a scale as semitones over its note 0, rising; `above` is the scale from that note up."""
    steps = [0]
    for place in range(min(size, len(above)) - 1):
        free = [step for step in above if step not in {one % 12 for one in steps}]
        near = [wanted for wanted in _wanted(place, steps) if wanted % 12 in free and wanted > steps[-1] + 1]
        next_up = [step + 12 * -((step - steps[-1] - 1) // 12) for step in free]
        steps.append(near[0] if near else min(next_up, key=lambda step: (max(steps[-1] + 3 - step, 0), step)))
    return steps


def _wanted(place: int, steps: list[int]) -> tuple[int, ...]:
    """The third, fifth, seventh, ninth, eleventh or thirteenth over `steps`, best first."""
    fifth = (7, 8, 6) if 4 in steps else (7, 6, 8)
    seventh = (10, 9, 11) if 6 in steps else (10, 11, 9)
    return ((4, 3, 5, 2), fifth, seventh, (14, 13, 15), (17, 18, 16), (21, 20, 22))[place]


def _known(lowest: int, steps: tuple[int, ...]) -> Chord:
    if steps not in _QUALITY_OF:
        for step in steps:
            found = _BY_CLASSES.get(frozenset((one - step) % 12 for one in steps))
            if found:
                return named((lowest + step) % 12, found, lowest)
    return named(lowest, steps)


# ---------------------------------------------------------------- on the keyboard


def keys_of(chord: Chord, lowest: int, inversion: int = 0, spread: str = "close") -> tuple[int, ...]:
    """The chord as MIDI keys, ascending, each of its notes once; the first is at or next above `lowest`.

    `inversion` says which note is lowest (0 the root, 1 the third, ...), counted round. A slash chord keeps its bass
    lowest, and the inversion turns the notes above it. `spread`: "close"; "open", the second lowest note an octave
    up, which for sevenths is the drop-2 voicing; "wide", that with one octave more above the bass. What would pass the
    top of the keyboard stands octaves lower. ValueError for another spread.
    """
    if spread not in SPREADS:
        raise ValueError(f"spread '{spread}'; known are {listed(SPREADS)}.{nearest(spread, SPREADS)}")
    bass, above = _close(chord, inversion)
    if spread != "close" and len(above) > 1:
        above = (0, *sorted((above[1] + 12, *above[2:])))
    if spread == "wide":
        above = (0, *(one + 12 for one in above[1:]))
    first = lowest + (bass - lowest) % 12
    first = into_range(first, 0, 127 - above[-1])
    return tuple(first + one for one in above)


def _close(chord: Chord, inversion: int) -> tuple[int, tuple[int, ...]]:
    """The pitch class that is lowest, and the close position as semitones above it, from 0."""
    if chord.bass is not None:
        upper = sorted((one - chord.bass) % 12 for one in chord.classes if one != chord.bass)
        turned = inversion % len(upper) if upper else 0
        return chord.bass, (0, *upper[turned:], *(one + 12 for one in upper[:turned]))
    place = inversion % len(chord.intervals)
    if place == 0:
        return chord.root, chord.intervals
    bass = chord.classes[place]
    return bass, tuple(sorted((one - bass) % 12 for one in chord.classes))


def tones(chord: Chord, low: int, high: int) -> tuple[int, ...]:
    """Every MIDI key of the chord's notes in low..high (both included), ascending. A bass that is no note of it is left out."""
    return keys_between(chord.classes, low, high)


def nearest_tone(key: int, chord: Chord) -> int:
    """The MIDI key of a note of the chord nearest to `key`; of two as near the lower."""
    return nearest_key(key, chord.classes)


# ---------------------------------------------------------------- recognised

RARITY = {  # what is recognised, and how much less likely it is than a plain triad or seventh
    "": 0.0, "m": 0.0, "7": 0.0, "maj7": 0.0, "m7": 0.0,
    "6": 0.02, "m6": 0.02, "m7b5": 0.02, "dim7": 0.02, "9": 0.03, "maj9": 0.03, "m9": 0.03,
    "add9": 0.05, "madd9": 0.05, "mMaj7": 0.05, "aug7": 0.05, "7sus4": 0.05, "7b9": 0.05, "6/9": 0.05, "m7add11": 0.06,
    "dim": 0.07, "aug": 0.07, "7b5": 0.08, "7#9": 0.08, "mMaj9": 0.08, "sus4": 0.09, "sus2": 0.1,
}  # fmt: skip
WITHOUT_FIFTH = ("7", "maj7", "m7", "9", "maj9", "m9", "7#9")  # people leave their fifth out, over the root; of "7" also turned
TURNED = 0.05  # the bass is not the root
FEWEST = 0.67  # a lower score is no chord
MARGIN = 0.04  # the next best chord with other notes has to be so much worse
STAYS = 0.06  # of two names for the same notes the one with the last chord's root
_ENOUGH = 0.5  # of its fair share in the chord, and a note is fully there


class _Template(NamedTuple):
    quality: str
    rarity: float
    steps: tuple[int, ...]
    needs: tuple[float, ...]
    needs_turned: tuple[float, ...]
    mask: int


def _template(quality: str, rarity: float) -> _Template:
    steps = tuple(interval % 12 for interval in QUALITIES[quality])
    over_root = 0.1 if quality in WITHOUT_FIFTH else 0.4
    turned = 0.1 if quality == "7" else 0.4
    needs, needs_turned = ((0.5, 0.4, fifth, 0.3, 0.3)[: len(steps)] for fifth in (over_root, turned))
    return _Template(quality, rarity, steps, needs, needs_turned, sum(1 << step for step in steps))


_TEMPLATES = tuple(_template(quality, rarity) for quality, rarity in RARITY.items())


class _Found(NamedTuple):
    score: float
    root: int
    quality: str


def recognise(held_keys: Iterable[int], last: Chord | None = None) -> Chord | None:
    """The chord of the MIDI keys that sound (with the pedal: all that the pedal holds), or None: then the last one stands.

    Three different notes or more are judged by `recognise_weighted`, each note once however often it is doubled. Of two
    notes: when both are in `last`, `last` goes on; a fifth or fourth is a power chord ("5"), a third or sixth the triad of which it
    is root and third; any other pair and a single note are None.
    """
    held = sorted(held_keys)
    classes = {key % 12 for key in held}
    if len(classes) < 2:
        return None
    bass = held[0] % 12
    if len(classes) == 2:
        return _implied(classes, bass, last)
    found = recognise_weighted([float(one in classes) for one in range(12)], bass, last)
    return found[0] if found else None


def _implied(classes: set[int], bass: int, last: Chord | None) -> Chord | None:
    if last and classes <= set(last.classes):
        return last
    for root in classes:
        (above,) = ((one - root) % 12 for one in classes if one != root)
        if above in (3, 4, 7):
            return named(root, QUALITIES[{3: "m", 4: "", 7: "5"}[above]], bass)
    return None


def recognise_weighted(
    weights: Sequence[float], bass: int | None = None, last: Chord | None = None
) -> tuple[Chord, float] | None:
    """The chord that best fits 12 weights (how much of each pitch class sounded), and its score; None when that is unclear.

    `bass` is the lowest pitch class, `last` the chord so far: it decides only between two names for the same notes. The score of a
    chord is the share of the weight that lies on its notes (one passing note beside a held triad: 3/4), less what it
    lacks of its root (0.5), third or fourth (0.4), fifth (0.4; 0.1 by the rule of WITHOUT_FIFTH), seventh, ninth and eleventh (0.3
    each), less RARITY of its kind, less TURNED when its root is not the bass; 1.0 at best. A note is fully there with half of
    its fair share. Below FEWEST it is no chord. A chord with a note more has to be better by MARGIN than the same
    without it, and any other chord with other notes worse by MARGIN. ValueError unless there are 12 weights, none negative.
    """
    if len(weights) != 12 or min(weights) < 0.0:
        raise ValueError(f"{len(weights)} weights; 12 are needed, one for each pitch class from C up, none below 0")
    total = sum(weights)
    if total <= 0.0:
        return None
    found = _fitting([weight / total for weight in weights], bass, last)
    if not found:
        return None
    best = max(found, key=lambda mask: found[mask].score)
    least = found[best].score - MARGIN
    near = [mask for mask in found if found[mask].score > least]
    inside = [mask for mask in near if mask & best == mask]
    best = min(inside, key=lambda mask: (mask.bit_count(), -found[mask].score))
    chosen = found[best]
    rivals = (mask for mask in found if mask & best not in (mask, best))
    if chosen.score < FEWEST or any(found[mask].score > chosen.score - MARGIN for mask in rivals):
        return None
    chord = named(chosen.root, QUALITIES[chosen.quality], bass)
    return (last if chord == last else chord), chosen.score


def _fitting(weights: list[float], bass: int | None, last: Chord | None) -> dict[int, _Found]:
    """{notes as a 12-bit mask: the best name for them}, of every template on every root that sounds."""
    found: dict[int, _Found] = {}
    stays = last.root if last else -1
    for root in range(12):
        if not weights[root]:
            continue
        turned = bass is not None and bass != root
        above = weights[root:] + weights[:root]
        for template in _TEMPLATES:
            if not above[template.steps[1]]:
                continue  # without its third or fourth it cannot even come within MARGIN of FEWEST
            score = _score(above, template, turned)
            mask = (template.mask << root | template.mask << root >> 12) & 0xFFF
            old = found.get(mask)
            if old is None or score + STAYS * (root == stays) > old.score + STAYS * (old.root == stays):
                found[mask] = _Found(score, root, template.quality)
    return found


def _score(above: list[float], template: _Template, turned: bool) -> float:
    """How well weights from the root up, 1 in all, fit."""
    share = sum(above[step] for step in template.steps)
    enough = _ENOUGH * share / len(template.steps)
    score = share - template.rarity - TURNED * turned
    for step, need in zip(template.steps, template.needs_turned if turned else template.needs, strict=True):
        if above[step] < enough:
            score -= need * (1.0 - above[step] / enough)
    return score
