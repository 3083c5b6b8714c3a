/** A limiter that looks ahead, so that it turns down before a peak and never cuts one off. Pure. */

/** Samples that are looked at together, and by how many the sound is later. */
export const SLICE = 64;
/** -6 dBFS. */
export const CEILING = 0.5;
/**
 * -18 dBFS: what headphones may reach. Between them and the ears is no room that takes anything away, nobody beside the client
 * hears how loud it is, and a computer cannot know what it drives. So all of it is a quarter as strong, the loudest too.
 */
export const HEADPHONES = 0.125;
const RECOVERY_S = 0.15;

export class Limiter {
  #ahead = new Float32Array(SLICE);
  #peak = 0;
  #gain = 1;
  #recovery;

  /** @param {number} rate samples a second */
  constructor(rate) {
    this.#recovery = 1 - Math.exp(-SLICE / (RECOVERY_S * rate));
  }

  /** Forget what has not come out yet. */
  clear() {
    this.#ahead.fill(0);
    this.#peak = 0;
    this.#gain = 1;
  }

  /** Limit `sound` in place, whole slices of it, to `ceiling`; what comes out is what went in a slice ago. */
  take(sound, ceiling) {
    for (let at = 0; at < sound.length; at += SLICE) this.#slice(sound.subarray(at, at + SLICE), ceiling);
  }

  #slice(sound, ceiling) {
    let peak = 0;
    for (let n = 0; n < SLICE; n++) {
      if (!Number.isFinite(sound[n])) sound[n] = 0;
      peak = Math.max(peak, Math.abs(sound[n]));
    }
    // Where two slices meet the gain suits both, and it goes in a line from one meeting to the next: it suits each all along.
    const from = Math.min(this.#gain, ceiling / Math.max(this.#peak, ceiling));
    const loudest = Math.max(peak, this.#peak);
    const to = Math.min(from + (1 - from) * this.#recovery, ceiling / Math.max(loudest, ceiling));
    for (let n = 0; n < SLICE; n++) {
      const next = sound[n];
      const out = this.#ahead[n] * (from + ((to - from) * n) / SLICE);
      sound[n] = Math.min(ceiling, Math.max(-ceiling, out));
      this.#ahead[n] = next;
    }
    this.#gain = to;
    this.#peak = peak;
  }
}
