/** A part of the page as an instrument: mouse, touch, eye-gaze or head pointer play on it (answers/pointer.py). */

const AGAIN_MS = 700; // whoever is not at rest says so again

export class Pad {
  #surface;
  #talk;
  #state = null; // what was not sent yet
  #sent = null;
  #frame = 0;
  #timer = 0;
  #listening = null;

  /** @param {HTMLElement} surface @param {import("../talk.js").Talk} talk */
  constructor(surface, talk) {
    this.#surface = surface;
    this.#talk = talk;
  }

  /** Play from now on. @returns {Promise<string>} why that cannot be, "" where it can */
  async begin() {
    const reply = await this.#talk.ask("pointer", { x: 0, y: 0, down: false });
    if (!reply.ok) return reply.text || " ";
    this.#listening = new AbortController();
    const facts = { signal: this.#listening.signal };
    for (const kind of ["pointermove", "pointerdown", "pointerup"]) this.#surface.addEventListener(kind, (event) => this.#moved(event), facts);
    for (const kind of ["pointerleave", "pointercancel"]) this.#surface.addEventListener(kind, () => this.#rest(), facts);
    document.addEventListener("visibilitychange", () => document.hidden && this.#rest(), facts);
    this.#timer = setInterval(() => this.#sent && this.#send(this.#sent), AGAIN_MS);
    return "";
  }

  end() {
    if (!this.#listening) return;
    this.#listening.abort();
    this.#listening = null;
    clearInterval(this.#timer);
    this.#rest();
  }

  #moved(event) {
    const { left, top, width, height } = this.#surface.getBoundingClientRect();
    const part = (at, of) => Math.round(1000 * Math.max(0, Math.min(1, at / of))) / 1000;
    const x = part(event.clientX - left, width);
    const y = part(top + height - event.clientY, height);
    this.#state = { x, y, down: event.buttons > 0 };
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      if (this.#state) this.#send(this.#state);
      this.#state = null;
    });
  }

  #rest() {
    this.#state = null;
    this.#send({ x: 0, y: 0, down: false });
    this.#sent = null;
  }

  #send(state) {
    this.#sent = state;
    this.#talk.tell("pointer", state);
  }
}
