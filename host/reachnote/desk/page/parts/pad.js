/**
 * A part of the page as an instrument: mouse, touch, eye-gaze or head pointer play on it (answers/pointer.py). A switch box that
 * acts as a keyboard plays as well: while the surface has the focus, Space and Enter press.
 */

const AGAIN_MS = 700; // whoever is not at rest says so again
const KEYS = [" ", "Enter"];
const REST = { x: 0, y: 0, down: false };

export class Pad {
  #surface;
  #talk;
  #place = REST; // of the pointer
  #key = false; // held
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
    const reply = await this.#talk.ask("pointer", REST);
    if (!reply.ok) return reply.text || " ";
    this.#listening = new AbortController();
    const facts = { signal: this.#listening.signal };
    for (const kind of ["pointermove", "pointerdown", "pointerup"]) this.#surface.addEventListener(kind, (event) => this.#moved(event), facts);
    for (const kind of ["pointerleave", "pointercancel"]) this.#surface.addEventListener(kind, () => this.#left(), facts);
    for (const kind of ["keydown", "keyup"]) this.#surface.addEventListener(kind, (event) => this.#pressed(event), facts);
    this.#surface.addEventListener("blur", () => this.#hold(false), facts);
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
    this.#place = { x: part(event.clientX - left, width), y: part(top + height - event.clientY, height), down: event.buttons > 0 };
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      if (this.#place !== REST) this.#send(this.#state);
    });
  }

  #left() {
    this.#place = REST;
    this.#send(this.#state);
  }

  #pressed(event) {
    if (!KEYS.includes(event.key) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    if (!event.repeat) this.#hold(event.type === "keydown");
  }

  #hold(key) {
    if (this.#key === key) return;
    this.#key = key;
    this.#send(this.#state);
  }

  #rest() {
    this.#key = false;
    this.#left();
  }

  get #state() {
    return { ...this.#place, down: this.#place.down || this.#key };
  }

  #send(state) {
    this.#sent = state.x || state.y || state.down ? state : null;
    this.#talk.tell("pointer", state);
  }
}
