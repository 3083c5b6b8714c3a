/** <trouble-bar>: not a dialog. What happened, what it means, what to do; one at a time, the most pressing first. */

import { button, make, said } from "./make.js";
import { icon } from "./shapes.js";

export class TroubleBar extends HTMLElement {
  #troubles = [];
  #at = 0;
  #said = "";

  /** @type {(key: string, values?: object) => string} */
  t = (key) => key;
  /** @type {(trouble: import("../trouble.js").Trouble) => void} */
  putAway = () => {};
  /** @type {(act: string) => void} */
  act = () => {};

  connectedCallback() {
    this.setAttribute("role", "region");
    this.setAttribute("aria-label", this.t("trouble.name"));
    this.show([]);
  }

  /** @param {import("../trouble.js").Trouble[]} troubles */
  show(troubles) {
    const now = JSON.stringify([troubles, document.documentElement.lang]);
    if (now === this.#said) return;
    this.#said = now;
    if (troubles[0]?.id !== this.#troubles[0]?.id) this.#at = 0;
    this.#troubles = troubles;
    this.#draw();
  }

  #draw() {
    this.hidden = this.#troubles.length === 0;
    if (this.hidden) {
      this.replaceChildren();
      return;
    }
    this.#at %= this.#troubles.length;
    const focused = this.contains(document.activeElement) ? document.activeElement.dataset.does : "";
    const trouble = this.#troubles[this.#at];
    this.dataset.urgent = String(trouble.urgent ?? false);
    this.replaceChildren(icon(trouble.id === "pause" ? "pause" : "trouble"), this.#sentences(trouble), this.#buttons(trouble));
    if (focused) (this.querySelector(`[data-does="${focused}"]`) ?? this.querySelector("button"))?.focus();
  }

  #sentences({ key, values, text, urgent }) {
    const role = urgent ? "alert" : "status";
    if (!key) return make("p", { role, class: "trouble-text" }, said(text, { lang: "en-GB" }));
    return make(
      "p",
      { role, class: "trouble-text" },
      make("strong", { text: this.t(`${key}.what`, values) }),
      make("span", { text: ` ${this.t(`${key}.means`, values)} ` }),
      make("span", { text: this.t(`${key}.do`, values) }),
    );
  }

  #buttons(trouble) {
    const many = this.#troubles.length;
    const next = () => {
      this.#at += 1;
      this.#draw();
    };
    return make(
      "div",
      { class: "trouble-buttons" },
      many > 1 && button(this.t("trouble.next", { at: this.#at + 1, of: many }), next, { "data-does": "next" }),
      trouble.act && button(this.t(`act.${trouble.act}`), () => this.act(trouble.act), { "data-does": "act" }),
      !["desk", "earlier", "session", "guard"].includes(trouble.id) &&
        button(this.t("trouble.away"), () => this.putAway(trouble), { "data-does": "away" }),
    );
  }
}

customElements.define("trouble-bar", TroubleBar);
