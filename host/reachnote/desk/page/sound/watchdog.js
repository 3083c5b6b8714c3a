/** Who has to be alive for a sound to be heard, and how it ends where somebody is not. Pure: it is told the time in samples. */

/** Without a sign of life from the outlet for so long the sound begins to fade, seconds. */
export const OUTLET_S = 0.1;
/** Likewise from the page's own thread, which may be busy for a moment. */
export const PAGE_S = 0.18;
/** The fade, seconds: out, and in again. With `OUTLET_S` and one block of 128 samples it is silent within 150 ms. */
export const FADE_S = 0.045;

export class Watchdog {
  /** 0 silent .. 1 heard. */
  gain = 0;
  #rate;
  #outlet = -Infinity;
  #page = -Infinity;
  #ending = false;

  /** @param {number} rate samples a second */
  constructor(rate) {
    this.#rate = rate;
  }

  /** The outlet lives, heard at `now`. */
  outlet(now) {
    this.#outlet = now;
  }

  /** The page's thread lives, heard at `now`. */
  page(now) {
    this.#page = now;
  }

  /** The sound is to end now, whoever lives; it comes back only from silence. */
  end() {
    this.#outlet = this.#page = -Infinity;
    this.#ending = this.gain > 0;
  }

  /** May a note begin? */
  alive(now) {
    return !this.#ending && now - this.#outlet < OUTLET_S * this.#rate && now - this.#page < PAGE_S * this.#rate;
  }

  /**
   * The gain at the end of the block of `length` samples that begins at `now`; between it and the last one it goes in a line.
   * @returns {boolean} true when silence was just reached
   */
  step(now, length) {
    const most = length / (FADE_S * this.#rate);
    const before = this.gain;
    const target = this.alive(now) ? 1 : 0;
    this.gain = Math.min(Math.max(target, before - most), before + most);
    if (this.gain > 0) return false;
    this.#ending = false;
    return before > 0;
  }
}
