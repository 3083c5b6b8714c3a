"""The synthesizer, limiter and watchdog of the desk's page, as they are, under node: in samples, without a browser."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from support.jack import pitch

numpy = pytest.importorskip("numpy")
SOUND = Path(__file__).resolve().parents[2] / "host" / "reachnote" / "desk" / "page" / "sound"
RATE = 48_000
pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed here")

BEGIN = """
import { Limiter } from "./limiter.js";
import { Lateness, endings, each } from "./messages.js";
import { Player } from "./player.js";
import { Synth, rampAt, roomFrom } from "./synth.js";
const BLOCK = 128;
const heard = [];
/** A player, its clock, and everybody alive as long as `outlet` and `page` are true. */
class Rig {
  now = 0;
  outlet = true;
  page = true;
  constructor(rate = 48000) {
    this.rate = rate;
    this.player = new Player(rate);
    this.play(0.2);
  }
  midi(...bytes) {
    this.player.heard(Uint8Array.from(bytes), this.now);
  }
  /** Play for so many seconds; the loudest sample. */
  play(seconds, keep = null) {
    let peak = 0;
    for (const end = this.now + seconds * this.rate; this.now < end; this.now += BLOCK) {
      if (this.outlet) this.midi(0xfe);
      if (this.page) this.player.page(this.now);
      const sound = new Float32Array(BLOCK);
      this.player.fill(sound, this.now);
      for (const value of sound) peak = Math.max(peak, Math.abs(value));
      keep?.push(...sound);
    }
    return peak;
  }
  /** As loud as one note gets, sooner or later. */
  warm() {
    this.midi(0xb0, 7, 127, 0xc0, 16, 0x90, 60, 127);
    this.play(3.1);
    this.midi(0x80, 60, 0);
    this.play(0.5);
    return this;
  }
}
const say = (thing) => process.stdout.write(JSON.stringify(thing));
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("synth")
    shutil.copytree(SOUND, made, dirs_exist_ok=True)
    (made / "package.json").write_text('{"type": "module"}')
    return made


@pytest.fixture
def run(folder):
    """Run lines of JavaScript after BEGIN; what they `say`."""

    def ran(script: str):
        (folder / "script.js").write_text(BEGIN + script)
        done = subprocess.run(["node", "script.js"], cwd=folder, capture_output=True, text=True, timeout=100)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return ran


# ------------------------------------------------------------ never too loud


def test_ten_thousand_random_events_never_pass_the_ceiling_and_do_reach_it(run):
    loudest, unlimited = run("""
      let seed = 11;
      const any = (below) => ((seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) >>> 8) % below;
      const rig = new Rig();
      const bare = new Synth(48000);
      const sound = new Float32Array(BLOCK);
      let loudest = 0, unlimited = 0;
      for (let n = 0; n < 10000; n++) {
        const kinds = [0x90, 0x90, 0x90, 0x90, 0x80, 0xb0, 0xc0, 0xe0];
        const status = kinds[any(8)] | any(16);
        const bytes = [status, any(128), status < 0xa0 ? 127 : any(128)];
        if (status >= 0xb0 && status < 0xc0) bytes[1] = [1, 6, 7, 11, 64, 100, 101, 120, 121, 123][any(10)];
        if (status >= 0xc0 && status < 0xe0) bytes.pop();
        rig.midi(...bytes);
        bare.take(...bytes, bytes[2] ?? 0);
        bare.render(sound);
        for (const value of sound) unlimited = Math.max(unlimited, Math.abs(value));
        loudest = Math.max(loudest, rig.play(0.002));
      }
      say([loudest, unlimited]);
    """)
    assert 0.49 < loudest <= 0.5
    assert unlimited > 1.0


def test_whatever_comes_into_the_limiter_even_no_number_leaves_below_the_ceiling(run):
    assert run("""
      const limiter = new Limiter(48000);
      const sound = new Float32Array(BLOCK).fill(100);
      sound[3] = NaN; sound[60] = Infinity; sound[64] = -1e30;
      let loudest = 0;
      for (let n = 0; n < 20; n++) {
        limiter.take(sound, 0.5);
        for (const value of sound) loudest = Number.isFinite(value) ? Math.max(loudest, Math.abs(value)) : 99;
        sound.fill(n % 3 ? 0.1 : 40);
      }
      say(loudest);
    """) == pytest.approx(0.5, abs=1e-6)


def test_a_sound_below_the_ceiling_passes_as_it_is_a_slice_later(run):
    assert run("""
      const limiter = new Limiter(48000);
      const sound = Float32Array.from({ length: BLOCK }, (_, n) => n / 512);
      const before = [...sound];
      limiter.take(sound, 0.5);
      say([[...sound.slice(0, 64)].every((value) => value === 0), [...sound.slice(64)].every((value, n) => value === before[n])]);
    """) == [True, True]


def test_headphones_never_get_more_than_a_quarter_of_that_and_do_get_it(run):
    loudest, whole = run("""
      const chord = (rig) => {
        for (let key = 40; key < 64; key++) rig.midi(0x90, key, 127);
        return rig.play(4);
      };
      const rig = new Rig();
      rig.player.headphones(true);
      rig.play(0.2);
      say([chord(rig.warm()), chord(new Rig().warm())]);
    """)
    assert 0.12 < loudest <= 0.125
    assert 0.49 < whole <= 0.5


def test_from_the_moment_of_choosing_headphones_no_sample_passes_their_ceiling(run):
    before, while_switching, first, back, later = run("""
      const rig = new Rig().warm();
      const chord = () => { for (let key = 40; key < 64; key++) rig.midi(0x90, key, 127); };
      const away = () => { for (let key = 40; key < 64; key++) rig.midi(0x80, key, 0); rig.play(0.5); };
      chord();
      const before = rig.play(1);
      const kept = [];
      rig.player.headphones(true);
      rig.play(0.5, kept);
      const switching = Math.max(...kept.map(Math.abs));
      away();
      rig.midi(0x90, 60, 127);
      const first = rig.play(1);
      rig.midi(0x80, 60, 0);
      rig.play(0.5);
      rig.warm();
      chord();
      rig.play(1);
      rig.player.headphones(false);
      const back = rig.play(0.5);
      away();
      rig.midi(0x90, 60, 127);
      say([before, switching, first, back, rig.play(1)]);
    """)
    assert before > 0.4
    assert 0.05 < while_switching <= 0.125  # it fades: no cut
    assert 0.005 < first <= 0.0625 / 4
    assert 0.05 < back <= 0.125  # what sounded goes away as quietly as it was
    assert 0.02 < later <= 0.0625  # and the first note for everybody is a first note


def test_choosing_what_was_chosen_changes_nothing(run):
    assert run("""
      const rig = new Rig().warm();
      rig.midi(0x90, 60, 127);
      rig.play(0.3);
      rig.player.headphones(false);
      say(rig.play(0.3));
    """) > 0.1


# ------------------------------------------------------------ silence


@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_without_the_outlets_heartbeat_it_is_silent_by_150_ms(run, rate):
    before, first_100, after_150, again = run(f"""
      const rig = new Rig({rate});
      rig.warm();
      rig.midi(0x90, 60, 127, 0x90, 64, 127, 0x90, 67, 127);
      const before = rig.play(0.5);
      rig.outlet = false;
      const kept = [];
      rig.play(1.0, kept);
      const peak = (from, to) => Math.max(...kept.slice(from * {rate}, to * {rate}).map(Math.abs));
      const later = peak(0.1501, 0.5);
      rig.outlet = true;
      say([before, peak(0, 0.09), later, rig.play(1.0)]);
    """)
    assert before > 0.3 and first_100 > 0.3
    assert after_150 == 0
    assert again == 0  # what sounded was let go of: it does not come back with the heartbeat


def test_a_page_that_is_busy_for_150_ms_plays_on_and_one_that_is_blocked_is_silent_by_250_ms(run):
    busy, after_250 = run("""
      const rig = new Rig().warm();
      rig.midi(0x90, 60, 127);
      rig.play(0.3);
      rig.page = false;
      rig.play(0.15);
      rig.page = true;
      const busy = rig.play(0.1);
      rig.page = false;
      const kept = [];
      rig.play(0.5, kept);
      say([busy, Math.max(...kept.slice(0.25 * 48000).map(Math.abs))]);
    """)
    assert busy > 0.1
    assert after_250 == 0


def test_it_ends_without_a_click(run):
    assert run("""
      const rig = new Rig().warm();
      rig.midi(0x90, 48, 127);
      rig.play(0.5);
      const kept = [];
      rig.play(0.2, kept);
      const steps = (list) => Math.max(...list.slice(1).map((value, n) => Math.abs(value - list[n])));
      const playing = steps(kept);
      rig.outlet = false;
      kept.length = 0;
      rig.play(0.3, kept);
      say(steps(kept) <= playing * 1.05);
    """) is True


def test_no_note_begins_while_nobody_lives(run):
    assert run("""
      const rig = new Rig();
      rig.outlet = false;
      rig.play(0.5);
      rig.midi(0x90, 60, 127);
      rig.outlet = true;
      say(rig.play(1.0));
    """) == 0


def test_a_reset_or_an_end_falls_silent_and_comes_back_only_from_silence(run):
    for what in ("rig.midi(0xff)", "rig.player.end()"):
        sounding, ended = run(f"""
          const rig = new Rig().warm();
          rig.midi(0x90, 60, 127);
          const sounding = rig.play(0.3);
          {what};
          rig.play(0.05);
          say([sounding, rig.play(1.0)]);
        """)
        assert sounding > 0.1
        assert ended == 0


# ------------------------------------------------------------ starts quiet


@pytest.mark.parametrize("program", range(0, 128, 8))
def test_a_first_note_never_passes_a_sixteenth_however_long_it_is_held(run, program):
    first, later = run(f"""
      const rig = new Rig();
      rig.midi(0xc0, {program}, 0xb0, 7, 127, 0x90, 60, 127);
      const first = rig.play(4);
      rig.midi(0x80, 60, 0, 0x90, 62, 127);
      rig.play(1.5);
      rig.midi(0x80, 62, 0);
      rig.play(0.8);
      rig.midi(0x90, 64, 127);
      say([first, rig.play(1.0)]);
    """)
    assert 0.02 < first <= 0.0625
    assert 0.1 < later <= 0.25


def test_a_first_chord_never_passes_an_eighth_when_it_begins(run):
    assert run("""
      const rig = new Rig();
      rig.midi(0xc0, 16, 0xb0, 7, 127);
      for (let key = 40; key < 64; key++) rig.midi(0x90, key, 127);
      say(rig.play(0.045));
    """) <= 0.125 * 1.03


def test_after_every_silence_of_the_way_the_first_note_is_quiet_again(run):
    first = run("""
      const rig = new Rig().warm();
      const found = [];
      const note = () => {
        rig.midi(0x90, 60, 127);
        found.push(rig.play(0.5));
        rig.midi(0x80, 60, 0);
        rig.play(0.5);
      };
      note();
      for (const cut of ["outlet", "page"]) {
        rig[cut] = false;
        rig.play(0.4);
        rig[cut] = true;
        rig.play(0.1);
        rig.midi(0xb0, 7, 127);
        note();
        rig.warm();
      }
      rig.midi(0xff, 0xb0, 7, 127);
      rig.play(0.1);
      note();
      say(found);
    """)
    assert first[0] > 0.1
    assert all(0.01 < level <= 0.0625 for level in first[1:])


def test_the_ramp_goes_from_a_quarter_to_all_in_three_seconds_of_sound(run):
    assert run("say([rampAt(0), rampAt(1.5), rampAt(3), rampAt(9)])") == [0.25, 0.5, 1, 1]


# ------------------------------------------------------------ what it plays


@pytest.mark.parametrize("program", range(0, 128, 8))
@pytest.mark.parametrize(
    ("key", "hertz"), [pytest.param(45, 110.0, marks=pytest.mark.long), (69, 440.0), pytest.param(84, 1046.5, marks=pytest.mark.long)]
)
def test_every_colour_plays_its_key(run, program, key, hertz):
    samples = run(f"""
      const rig = new Rig();
      rig.midi(0xc0, {program}, 0x90, {key}, 100);
      rig.play(0.1);
      const kept = [];
      rig.play(0.5, kept);
      say(kept);
    """)
    assert pitch(numpy.array(samples), RATE) == pytest.approx(hertz, rel=0.006)


def test_a_bend_moves_the_pitch_by_its_range(run):
    for controls, hertz in (("", 493.9), ("0xb0, 101, 0, 0xb0, 100, 0, 0xb0, 6, 12, 0xb0, 101, 127, 0xb0, 100, 127,", 880.0)):
        samples = run(f"""
          const rig = new Rig();
          rig.midi({controls} 0xc0, 16, 0xe0, 127, 127, 0x90, 69, 100);
          rig.play(0.1);
          const kept = [];
          rig.play(0.5, kept);
          say(kept);
        """)
        assert pitch(numpy.array(samples), RATE) == pytest.approx(hertz, rel=0.003)


def test_a_note_off_ends_it_and_a_pedal_holds_it_until_it_is_lifted(run):
    assert run("""
      const voices = (...steps) => {
        const synth = new Synth(48000);
        const sound = new Float32Array(BLOCK);
        synth.take(0xc0, 16, 0);
        return steps.map((step) => {
          for (const [status, a, b] of each(Uint8Array.from(step))) synth.take(status, a, b);
          for (let n = 0; n < 375; n++) synth.render(sound);
          return synth.voices.length;
        });
      };
      say([
        voices([0x90, 60, 90], [0x80, 60, 0]),
        voices([0x90, 60, 90], [0x90, 60, 0]),
        voices([0xb0, 64, 127, 0x90, 60, 90], [0x80, 60, 0], [0xb0, 64, 0]),
        voices([0x90, 60, 90, 0x91, 60, 90], [0xb0, 120, 0], [0xb1, 123, 0]),
        voices([0x99, 49, 127], [0xb9, 123, 0]),
      ]);
    """) == [[1, 0], [1, 0], [1, 1, 0], [2, 1, 0], [1, 0]]


def test_twenty_four_voices_sound_and_the_next_takes_the_place_of_the_weakest_that_was_let_go_of(run):
    assert run("""
      const voice = (name, held, strength, leaving = false) => ({ name, held, strength, leaving });
      const synth = new Synth(48000);
      for (let key = 30; key < 70; key++) synth.take(0x90, key, 90);
      say([
        roomFrom([voice("a", true, 1), voice("b", false, 2), voice("c", false, 1), voice("d", false, 0, true)]).name,
        roomFrom([voice("a", false, 1, true), voice("b", true, 2), voice("c", true, 1)]).name,
        synth.voices.filter((each) => !each.leaving).map((each) => each.key).join(" "),
        synth.voices.length,
      ]);
    """) == ["c", "b", " ".join(str(key) for key in range(46, 70)), 32]


# ------------------------------------------------------------ packets


def test_what_is_late_proves_no_life_and_begins_no_note_but_ends_one(run):
    assert run("""
      const late = endings(Uint8Array.from([0xfe, 0x90, 60, 90, 0x80, 61, 0, 0xc0, 5, 0xb0, 7, 9, 0xff, 0x90, 60]));
      say([...late]);
    """) == [0x80, 61, 0, 0xC0, 5, 0xB0, 7, 9, 0xFF]


def test_lateness_is_told_from_the_quickest_and_across_the_end_of_the_counter(run):
    assert run("""
      const one = new Lateness();
      const other = new Lateness();
      say([
        [one.of(1000, 50), one.of(1020, 70), one.of(1040, 190), one.of(1060, 105)],
        [other.of(4294967290, 5), other.of(4, 15), other.of(14, 125)],
      ]);
    """) == [[0, 0, 100, 0], [0, 0, 100]]
