/**
 * One switch for everything: what can be done is framed, one after the other, and a press chooses what is framed. The switch is
 * Space, Enter, or a press anywhere on a surface. While it is held nothing moves on; held for three seconds it ends scanning.
 */

import { kept } from "../kept.js";

export const [SHORTEST_S, LONGEST_S, USUAL_S, BY_S] = [0.5, 5, 1.5, 0.25];
const HOLD_MS = 3000;
const CONTROLS = "button, a[href], summary, input, textarea, select, [tabindex='0']";

/** The scan step that was chosen on this computer, seconds; 0 where nobody wants scanning. */
export function scanStep() {
  const seconds = Number(kept("scan"));
  return seconds ? Math.min(LONGEST_S, Math.max(SHORTEST_S, seconds)) : 0;
}

export class Scanning {
  #targets;
  #surface;
  #own;
  #framed;
  #ended;
  #step = 0; // milliseconds
  #now = null;
  #timer = 0;
  #holding = 0;
  #listening = null;

  /**
   * @param {object} how
   * @param {() => HTMLElement[]} how.targets the buttons, in their order; those that are not shown are left out
   * @param {HTMLElement} how.surface where a press counts, and where the focus stays
   * @param {HTMLElement} how.own what belongs to it: whichever button there has the focus, a key is the switch
   * @param {(text: string) => void} how.framed told of the name of what is framed, "" for nothing
   * @param {() => void} how.ended told when the switch ended it
   */
  constructor({ targets, surface, own, framed, ended }) {
    this.#targets = targets;
    this.#surface = surface;
    this.#own = own;
    this.#framed = framed;
    this.#ended = ended;
  }

  /** @param {number} seconds how long each stays framed */
  begin(seconds) {
    this.end();
    this.#step = seconds * 1000;
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    this.#surface.tabIndex = -1;
    this.#surface.addEventListener("pointerdown", (event) => !event.button && !this.#plays(event) && this.#press(), { signal });
    addEventListener("pointerup", () => this.#release(), { signal });
    addEventListener("pointercancel", () => this.#drop(), { signal });
    addEventListener("blur", () => this.#drop(), { signal });
    addEventListener("keyup", (event) => isSwitch(event) && this.#holding && (event.preventDefault(), this.#release()), { signal, capture: true });
    // whoever helps with a mouse must not leave the focus on another button: the switch would press that
    document.addEventListener("click", (event) => event.detail && !this.#plays(event) && this.#surface.focus({ preventScroll: true }), { signal });
    this.#first();
  }

  end() {
    this.#listening?.abort();
    this.#listening = null;
    clearTimeout(this.#timer);
    clearTimeout(this.#holding);
    this.#holding = 0;
    this.#frame(null);
  }

  /** A key goes down: true where it was the switch, and is done with. @param {KeyboardEvent} event */
  key(event) {
    if (!this.#listening || !isSwitch(event) || this.#plays(event)) return false;
    if (event.target.closest?.(CONTROLS) && !this.#own.contains(event.target)) return false;
    event.preventDefault();
    if (!event.repeat) this.#press();
    return true;
  }

  // A part of the surface that is played by the same press.
  #plays(event) {
    return Boolean(event.target.closest?.("[data-pad=true]"));
  }

  #press() {
    if (this.#holding) return;
    clearTimeout(this.#timer);
    this.#holding = setTimeout(() => {
      this.end();
      this.#ended();
    }, HOLD_MS);
  }

  #release() {
    if (!this.#holding) return;
    const chosen = this.#now;
    this.#drop();
    chosen?.click();
    if (this.#listening) this.#first();
  }

  // Let go of without choosing.
  #drop() {
    if (!this.#holding) return;
    clearTimeout(this.#holding);
    this.#holding = 0;
    this.#wait();
  }

  #first() {
    this.#frame(null);
    this.#next();
  }

  #next() {
    const shown = this.#targets().filter((target) => target.checkVisibility());
    this.#frame(shown[(shown.indexOf(this.#now) + 1) % shown.length] ?? null);
    this.#wait();
  }

  #wait() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#next(), this.#step);
  }

  #frame(target) {
    delete this.#now?.dataset.scan;
    this.#now = target;
    if (target) target.dataset.scan = "true";
    this.#framed(target?.textContent ?? "");
  }
}

const isSwitch = ({ key, ctrlKey, metaKey, altKey }) => (key === " " || key === "Enter") && !ctrlKey && !metaKey && !altKey;
