/** `<sound-switch>`: one button for the page's own sound, and a line that says what is with it. */

import { make, write } from "../parts/make.js";
import { t } from "../words.js";
import { sound } from "./sound.js";

const TOLD = { waiting: "page-sound.waiting", on: "page-sound.on" };

export class SoundSwitch extends HTMLElement {
  #told = () => this.#show();
  #text = null;
  #line = null;

  connectedCallback() {
    this.#text = make("span");
    this.#line = make("p", { class: "sound-line", role: "status" });
    const press = () => (sound.on ? sound.turnOff() : sound.turnOn());
    this.replaceChildren(make("button", { type: "button", class: "button", onclick: press }, this.#text), this.#line);
    sound.addEventListener("change", this.#told);
    this.#show();
  }

  disconnectedCallback() {
    sound.removeEventListener("change", this.#told);
  }

  #show() {
    write(this.#text, t(sound.on ? "page-sound.turn-off" : "page-sound.turn-on"));
    const key = sound.late && sound.state === "on" ? "page-sound.late" : TOLD[sound.state];
    write(this.#line, key ? t(key) : "");
    this.dataset.state = sound.state;
  }
}

customElements.define("sound-switch", SoundSwitch);
