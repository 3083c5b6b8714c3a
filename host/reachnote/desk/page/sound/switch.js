/** `<sound-switch>`: a button for the page's own sound, what it is heard by, and a line that says what is with it. */

import { choice } from "../parts/choice.js";
import { make, write } from "../parts/make.js";
import { t } from "../words.js";
import { sound } from "./sound.js";

const TOLD = { waiting: "page-sound.waiting", on: "page-sound.on" };
const [LOUDSPEAKER, HEADPHONES] = ["loudspeaker", "headphones"];

export class SoundSwitch extends HTMLElement {
  #told = () => this.#show();
  #text = null;
  #line = null;
  #by = null;

  /** Told when somebody turned it on or off. @type {(on: boolean) => void} */
  turned = () => {};

  connectedCallback() {
    this.#text = make("span");
    this.#line = make("p", { class: "sound-line", role: "status" });
    const options = [LOUDSPEAKER, HEADPHONES].map((value) => ({ value, text: t(`headphones.${value}`) }));
    this.#by = choice(t("headphones.by"), options, "", (value) => (sound.headphones = value === HEADPHONES));
    const press = () => {
      if (sound.on) sound.turnOff();
      else sound.turnOn();
      this.turned(sound.on);
    };
    this.replaceChildren(
      make("button", { type: "button", class: "button", onclick: press }, this.#text),
      this.#by.element,
      this.#line,
    );
    sound.addEventListener("change", this.#told);
    this.#show();
  }

  disconnectedCallback() {
    sound.removeEventListener("change", this.#told);
  }

  #show() {
    write(this.#text, t(sound.on ? "page-sound.turn-off" : "page-sound.turn-on"));
    this.#by.show(sound.headphones ? HEADPHONES : LOUDSPEAKER);
    const key = sound.late && sound.state === "on" ? "page-sound.late" : TOLD[sound.state];
    write(this.#line, [key && t(key), sound.headphones && t("headphones.quieter")].filter(Boolean).join(" "));
    this.dataset.state = sound.state;
  }
}

customElements.define("sound-switch", SoundSwitch);
