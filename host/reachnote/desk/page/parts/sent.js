/** What went out lately, newest first, in words. What is said again and again is one line whose value changes. */

import { noteName } from "../notes.js";
import { t } from "../words.js";

const MOST = 12;
const NEAR = 4; // a control that is still among the latest lines changes there

/** One line: `what` is note-on, note-off, control, program, bend or pressure. */
/** @typedef {{what: string, channel: number, number: number, value: number}} Row */

export class Sent {
  /** @type {Row[]} newest first */
  rows = [];

  /** A line `note` of the feed. */
  note({ note, channel, key, velocity }) {
    this.#put({ what: `note-${note}`, channel, number: key, value: velocity });
  }

  /** A line `sent` of the feed: everything else. */
  take({ sent }) {
    for (const [channel, what, number, value] of sent) {
      const same = (row) => row.what === what && row.channel === channel && row.number === number;
      const row = this.rows.slice(0, NEAR).find(same);
      if (row) row.value = value;
      else this.#put({ what, channel, number, value });
    }
  }

  #put(row) {
    this.rows = [row, ...this.rows].slice(0, MOST);
  }
}

/** "Controller 74 at 93, channel 2". @param {Row} row */
export function sentence({ what, channel, number, value }) {
  if (what.startsWith("note")) return t(`sent.${what}`, { note: noteName(number), loudness: value, channel });
  if (what === "program") return t("sent.program", { number: value + 1, channel });
  if (what === "bend") return t("sent.bend", { value: value - 8192, channel });
  return t(`sent.${what}`, { number, value, channel });
}
