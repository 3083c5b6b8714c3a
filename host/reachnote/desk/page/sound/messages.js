/** The packets of protocols/desk.md, "The page's own sound": a time and whole MIDI messages. Pure. */

export const ALIVE = 0xfe;
export const RESET = 0xff;
/** A packet that took so much longer than the quickest one is late, milliseconds: it proves no life and begins no note. */
export const LATE_MS = 80;

/** Each whole MIDI message of `bytes` as [status, a, b]; a piece at the end is left out. */
export function* each(bytes) {
  let at = 0;
  while (at < bytes.length) {
    const status = bytes[at];
    const length = status >= 0xf0 ? 1 : (status & 0xe0) === 0xc0 ? 2 : 3;
    if (status >= 0x80 && at + length <= bytes.length) yield [status, bytes[at + 1] ?? 0, bytes[at + 2] ?? 0];
    at += status >= 0x80 ? length : 1;
  }
}

/** What of `bytes` still counts when it comes late: everything but signs of life and beginnings of notes. */
export function endings(bytes) {
  const kept = [];
  for (const [status, a, b] of each(bytes)) {
    if (status === ALIVE || (status & 0xf0) === 0x90) continue;
    kept.push(...(status >= 0xf0 ? [status] : (status & 0xe0) === 0xc0 ? [status, a] : [status, a, b]));
  }
  return Uint8Array.from(kept);
}

/**
 * Tells late packets from others without two clocks that agree: the quickest one so far is what others are held against. It
 * counts modulo 2^32 milliseconds, as the packets do.
 */
export class Lateness {
  #quickest = null;

  /** How many milliseconds longer than the quickest it took, for a packet made at `made` that came at `now`. */
  of(made, now) {
    const took = (Math.round(now) - made) | 0;
    if (this.#quickest === null || ((took - this.#quickest) | 0) < 0) this.#quickest = took;
    return (took - this.#quickest) | 0;
  }
}
