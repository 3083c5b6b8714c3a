/** Synthesizer, limiter and watchdog as one: what the worklet plays. Pure: it is told the time in samples. */

import { CEILING, HEADPHONES, Limiter } from "./limiter.js";
import { ALIVE, RESET, each } from "./messages.js";
import { Synth } from "./synth.js";
import { Watchdog } from "./watchdog.js";

export class Player {
  #synth;
  #limiter;
  #watchdog;
  #ceiling = CEILING;
  #wanted = CEILING;

  /** @param {number} rate samples a second */
  constructor(rate) {
    this.#synth = new Synth(rate);
    this.#limiter = new Limiter(rate);
    this.#watchdog = new Watchdog(rate);
  }

  /** True while the outlet and the page live: what is played is heard. */
  alive(now) {
    return this.#watchdog.alive(now);
  }

  /** MIDI messages of the outlet, at sample `now`. */
  heard(bytes, now) {
    for (const [status, a, b] of each(bytes)) {
      if (status === ALIVE) this.#watchdog.outlet(now);
      else if (status === RESET) this.#reset();
      else this.#synth.take(status, a, b, this.#watchdog.alive(now));
    }
  }

  /** The page's own thread lives, at sample `now`. */
  page(now) {
    this.#watchdog.page(now);
  }

  /** Fall silent, whoever lives; afterwards the first note is quiet again. */
  end() {
    this.#watchdog.end();
    if (this.#watchdog.gain === 0) this.#ended();
  }

  /** Heard by headphones, or by a loudspeaker. Lower holds at once, higher from silence on; either way a first note follows. */
  headphones(worn) {
    const wanted = worn ? HEADPHONES : CEILING;
    if (wanted === this.#wanted) return;
    this.#wanted = wanted;
    this.#ceiling = Math.min(this.#ceiling, wanted);
    this.end();
  }

  /** Fill `sound`, a block from sample `now` on. */
  fill(sound, now) {
    const before = this.#watchdog.gain;
    const silent = this.#watchdog.step(now, sound.length);
    const after = this.#watchdog.gain;
    this.#synth.render(sound);
    const share = this.#ceiling / CEILING;
    for (let n = 0; n < sound.length; n++) sound[n] *= share;
    this.#limiter.take(sound, this.#synth.ceiling * share);
    const slope = (after - before) / sound.length;
    for (let n = 0; n < sound.length; n++) sound[n] *= before + slope * n;
    if (silent) this.#ended();
  }

  #ended() {
    this.#synth.drop();
    this.#limiter.clear();
    this.#ceiling = this.#wanted;
  }

  #reset() {
    this.end();
    this.#synth.reset();
  }
}
