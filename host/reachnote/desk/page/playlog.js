/** How long was played, and how many notes each minute. Pure; counts only, no names and no sounds. */

const MOST_ROWS = 12;

export class Playlog {
  /** Begin now. @param {number} now milliseconds of the day's clock */
  begin(now) {
    this.since = now;
    this.ended = 0;
    this.minutes = [];
    this.marks = [];
  }

  since = 0;
  ended = 0;
  minutes = [];
  marks = [];

  get running() {
    return this.since > 0 && this.ended === 0;
  }

  /** A note began. */
  note(now) {
    if (!this.running) return;
    const at = Math.max(0, Math.floor((now - this.since) / 60000));
    while (this.minutes.length <= at) this.minutes.push(0);
    this.minutes[at] += 1;
  }

  /** A moment was marked. */
  mark(now) {
    if (this.running) this.marks.push(now);
  }

  end(now) {
    if (this.running) this.ended = now;
  }

  /** Whole minutes from beginning to end, at least 1 as soon as it began. */
  length(now) {
    return this.since ? Math.max(1, Math.round(((this.ended || now) - this.since) / 60000)) : 0;
  }

  get notes() {
    return this.minutes.reduce((sum, count) => sum + count, 0);
  }

  /** At most twelve rows for chart and table: from minute, to minute, notes per minute in between. */
  rows(now) {
    const length = Math.max(this.length(now), this.minutes.length);
    const step = Math.max(1, Math.ceil(length / MOST_ROWS));
    const rows = [];
    for (let from = 0; from < length; from += step) {
      const to = Math.min(from + step, length);
      const notes = this.minutes.slice(from, to).reduce((sum, count) => sum + count, 0);
      rows.push({ from, to, rate: Math.round(notes / (to - from)) });
    }
    return rows;
  }

  /** To be kept across a reload. */
  kept() {
    return JSON.stringify({ since: this.since, ended: this.ended, minutes: this.minutes, marks: this.marks });
  }

  /** Go on from what was kept; anything else is left alone. */
  restore(text) {
    try {
      const { since, ended, minutes, marks } = JSON.parse(text);
      if (Number.isFinite(since) && Array.isArray(minutes) && Array.isArray(marks)) Object.assign(this, { since, ended, minutes, marks });
    } catch {
      // nothing was kept
    }
  }
}
