/** One sounding note: of a colour (`Voice`) or a drum (`Drum`). Never above its own level. Pure. */

import { TURN, drum, fitting } from "./colours.js";

const GONE = 1e-4;
const RISE = 1.3; // an attack aims so far above the top, and ends when it gets there
const FADE_S = 0.004;

/** How much of the way one sample goes towards where it falls in so many seconds. */
const pace = (seconds, rate) => 1 - Math.exp(-1 / Math.max(1, seconds * rate));

class Note {
  held = true;
  /** True once it was told to make room. */
  leaving = false;

  constructor(channel, key, level, rate) {
    this.channel = channel;
    this.key = key;
    this.level = level;
    this.rate = rate;
  }

  /** Make room within a few milliseconds. */
  leave() {
    this.leaving = true;
    this.held = false;
    this.fall(FADE_S);
  }
}

export class Voice extends Note {
  #a = 0; // where the two waves are, in turns
  #b = 0;
  #loudA = 0;
  #loudB = 0;
  #rising = true;

  constructor(channel, key, level, colour, rate) {
    super(channel, key, level, rate);
    const hertz = 440 * 2 ** ((key - 69) / 12);
    this.colour = colour;
    this.waveA = fitting(colour.a, hertz, rate);
    this.waveB = fitting(colour.b, hertz * colour.ratio, rate);
    this.step = hertz / rate;
    this.toA = colour.stay;
    this.toB = colour.stayB;
    this.rise = pace(colour.attack / 1.466, rate);
    this.paceA = pace(colour.fall, rate);
    this.paceB = pace(colour.fallB, rate);
  }

  get strength() {
    return this.level * Math.max(this.#loudA, this.#loudB);
  }

  get over() {
    return !this.#rising && this.toA === 0 && this.toB === 0 && this.#loudA < GONE && this.#loudB < GONE;
  }

  /** The key was let go of. */
  off() {
    this.held = false;
    this.fall(this.colour.release / 4);
  }

  fall(seconds) {
    this.#rising = false;
    this.toA = this.toB = 0;
    this.paceA = this.paceB = pace(seconds, this.rate);
  }

  /** Add itself to `sound`, its channel's loudness going from `from` to `to`, its pitch `bend` times its own. */
  render(sound, from, to, bend) {
    const { waveA, waveB, level, rise, toA, toB, paceA, paceB } = this;
    const { mix, ratio } = this.colour;
    const stepA = Math.min(0.5, this.step * bend);
    const stepB = Math.min(0.5, stepA * ratio);
    const slope = (to - from) / sound.length;
    for (let n = 0; n < sound.length; n++) {
      if (this.#rising) {
        this.#loudA = Math.min(1, this.#loudA + (RISE - this.#loudA) * rise);
        this.#loudB = this.#loudA;
        this.#rising = this.#loudA < 1;
      } else {
        this.#loudA += (toA - this.#loudA) * paceA;
        this.#loudB += (toB - this.#loudB) * paceB;
      }
      const now = (1 - mix) * this.#loudA * look(waveA, this.#a) + mix * this.#loudB * look(waveB, this.#b);
      sound[n] += now * level * (from + slope * n);
      this.#a = (this.#a + stepA) % 1;
      this.#b = (this.#b + stepB) % 1;
    }
  }
}

function look(wave, turns) {
  const at = turns * TURN;
  const whole = Math.floor(at);
  return wave[whole] + (wave[whole + 1] - wave[whole]) * (at - whole);
}

export class Drum extends Note {
  #turn = 0;
  #loud = 1;
  #loudNoise = 1;
  #swept = 1;
  #seed;
  #last = 0;

  constructor(channel, key, level, rate) {
    super(channel, key, level, rate);
    this.kind = drum(key);
    this.#seed = key * 7919 + 1;
    this.#loud = this.kind.tone ? 1 : 0;
    this.pace = pace(this.kind.fall, rate);
    this.paceNoise = pace(this.kind.fallNoise, rate);
    this.paceSweep = pace(0.02, rate);
    this.held = false;
  }

  get strength() {
    return this.level * Math.max(this.#loud, this.#loudNoise);
  }

  get over() {
    return this.#loud < GONE && this.#loudNoise < GONE;
  }

  /** A drum rings as long as it rings. */
  off() {}

  fall(seconds) {
    this.pace = this.paceNoise = pace(seconds, this.rate);
  }

  render(sound, from, to) {
    const { tone, sweep, noise, bright } = this.kind;
    const slope = (to - from) / sound.length;
    for (let n = 0; n < sound.length; n++) {
      this.#seed = (Math.imul(this.#seed, 1664525) + 1013904223) | 0;
      const rough = this.#seed / 2147483648;
      const hiss = bright ? (rough - this.#last) / 2 : rough;
      this.#last = rough;
      const now = (1 - noise) * this.#loud * Math.sin(2 * Math.PI * this.#turn) + noise * this.#loudNoise * hiss;
      sound[n] += now * this.level * (from + slope * n);
      this.#turn = (this.#turn + (tone * (1 + (sweep - 1) * this.#swept)) / this.rate) % 1;
      this.#loud -= this.#loud * this.pace;
      this.#loudNoise -= this.#loudNoise * this.paceNoise;
      this.#swept -= this.#swept * this.paceSweep;
    }
  }
}
