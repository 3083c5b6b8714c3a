/** Who plays: a tile for every client, by code and symbol; somebody new; or just play. A code, never a name. */

import { button, make, write } from "../parts/make.js";
import { look } from "../parts/reach-look.js";
import { symbolDrawing, told } from "../parts/reach-symbol.js";
import { ready, t } from "../parts/reach-words.js";
import { has } from "../words.js";

const CODE = /^[a-z0-9_-]{1,32}$/i;
const PAGE = 10; // tiles beside New client and Just play
const CHECKS = ["clean", "battery", "volume"];
const ticked = new Set(); // until the page is closed

class Client {
  #desk;
  #root;
  #ends = [];
  #alive = true;
  #clients = [];
  #page = 0;
  #tiles = make("div", { class: "client-tiles" });
  #turn = make("div", { class: "row client-turn" });
  #note = make("p", { class: "reach-note", role: "status" });
  #form = null;
  #code = null;

  constructor(root, desk) {
    this.#root = root;
    this.#desk = desk;
  }

  async begin() {
    await Promise.all([ready(), look()]);
    if (!this.#alive) return;
    this.#form = this.#newClient();
    this.#root.append(
      make("section", { class: "client-part", "aria-label": t("client.who") }, this.#tiles, this.#turn, this.#form, this.#note),
      this.#checklist(),
    );
    this.#ends.push(this.#desk.state.on("hidden", () => this.#draw()));
    let present = this.#present;
    const another = () => {
      if (present === this.#present) return;
      present = this.#present;
      this.#draw();
    };
    this.#ends.push(this.#desk.state.on("status", another));
    this.#draw();
    const reply = await this.#desk.talk.ask("clients");
    if (!this.#alive) return;
    if (!reply.ok) write(this.#note, reply.text || t("reach.unheard"));
    this.#clients = told(reply.clients ?? []);
    this.#page = Math.max(0, Math.floor(this.#clients.findIndex(({ code }) => code === this.#present) / PAGE));
    this.#draw();
  }

  end() {
    this.#alive = false;
    for (const end of this.#ends) end();
  }

  get #present() {
    return this.#desk.state.get("status")?.client ?? "";
  }

  // ---------------------------------------------------------------- tiles

  #draw() {
    const focused = this.#tiles.contains(document.activeElement) ? document.activeElement.dataset.tile : null;
    const shown = this.#clients.slice(this.#page * PAGE, (this.#page + 1) * PAGE);
    this.#tiles.replaceChildren(
      this.#tile("new", () => this.#open(), { "aria-expanded": String(!this.#form.hidden) }),
      this.#tile("just", () => this.#play("")),
      ...shown.map((client) => this.#person(client)),
    );
    if (focused) this.#tiles.querySelector(`[data-tile="${CSS.escape(focused)}"]`)?.focus();
    this.#pages();
  }

  #person(client) {
    const hidden = Boolean(this.#desk.state.get("hidden"));
    const words = hidden
      ? [make("strong", { text: client.words })]
      : [make("strong", { translate: "no", text: client.code }), make("small", { text: client.words })];
    const here = client.code === this.#present;
    return make(
      "button",
      {
        type: "button",
        class: "button client-tile",
        "aria-pressed": String(here),
        "data-tile": `client-${client.words}`,
        onclick: () => this.#play(client.code),
      },
      symbolDrawing(client.symbol),
      make("span", { class: "client-words" }, ...words, here && make("small", { class: "client-here", text: t("client.here") })),
    );
  }

  #tile(what, act, more = {}) {
    const words = [make("strong", { text: t(`client.${what}`) }), make("small", { text: t(`client.${what}.says`) })];
    return make(
      "button",
      { type: "button", class: "button client-tile", "data-tile": what, onclick: act, ...more },
      make("span", { class: "client-words" }, ...words),
    );
  }

  #pages() {
    const count = Math.ceil(this.#clients.length / PAGE);
    this.#turn.hidden = count < 2;
    const turn = (by, key) =>
      button(t(key), () => {
        this.#page = (this.#page + by + count) % count;
        this.#draw();
        this.#turn.querySelector(`[data-does="${key}"]`)?.focus();
      }, { "data-does": key }); // prettier-ignore
    if (count < 2) return;
    const where = make("span", { class: "quiet", text: t("client.page", { at: this.#page + 1, of: count }) });
    this.#turn.replaceChildren(turn(-1, "client.back"), where, turn(1, "client.more"));
  }

  // ---------------------------------------------------------------- somebody new

  #newClient() {
    const plain = { autocomplete: "off", autocapitalize: "none", spellcheck: "false" };
    this.#code = make("input", { id: "client-code", type: "text", "aria-describedby": "client-why", ...plain });
    return make(
      "form",
      {
        class: "client-form",
        hidden: true,
        novalidate: true,
        onsubmit: (event) => {
          event.preventDefault();
          this.#begun(this.#code.value.trim());
        },
      },
      make("label", { for: "client-code", text: t("client.code") }),
      this.#code,
      make("button", { type: "submit", class: "button main" }, make("span", { text: t("client.begin") })),
      make("p", { id: "client-why", class: "quiet small", text: t("client.why") }),
    );
  }

  #open() {
    this.#form.hidden = false;
    this.#tiles.querySelector('[data-tile="new"]').setAttribute("aria-expanded", "true");
    this.#code.focus();
  }

  async #begun(code) {
    if (!CODE.test(code)) return this.#refused(t("client.refused"));
    const reply = await this.#desk.talk.ask("client-new", { code });
    if (!reply.ok) return this.#refused(reply.text || t("reach.unheard"));
    if (reply.text) this.#desk.say(reply.text);
    return this.#play(reply.code ?? code);
  }

  #refused(text) {
    write(this.#note, text);
    this.#code.setAttribute("aria-invalid", "true");
    this.#code.focus();
    this.#code.select();
  }

  async #play(code) {
    const reply = await this.#desk.talk.ask("client-play", { code });
    if (!reply.ok) {
      write(this.#note, reply.text || t("reach.unheard"));
      return;
    }
    if (reply.text) this.#desk.say(reply.text);
    this.#desk.go(code ? "reach" : "play");
  }

  // ---------------------------------------------------------------- before it begins

  #checklist() {
    const line = (what) => {
      const tick = () => (box.checked ? ticked.add(what) : ticked.delete(what));
      const box = make("input", { type: "checkbox", onchange: tick });
      box.checked = ticked.has(what);
      return make("li", {}, make("label", {}, box, make("span", { text: t(`client.check.${what}`) })));
    };
    return make(
      "aside",
      { class: "client-checks sheet" },
      make("h2", { text: t("client.checks") }),
      make("ul", {}, ...CHECKS.map(line)),
      make("p", { class: "quiet small", text: t("client.later") }),
    );
  }
}

let present = null;

export default {
  name: "client",
  get title() {
    return has("client.title") ? "client.title" : "rail.client";
  },
  enter(root, desk) {
    present = new Client(root, desk);
    present.begin();
  },
  leave() {
    present?.end();
    present = null;
  },
};
