/**
 * Reach: one sensor at a time learns what this client reaches comfortably. Choose the way, go through the steps, and see and
 * hear what came of it. The steps are the session's own (answers/reach.py); this page shows them and hands on keys.
 */

import { kept } from "../kept.js";
import { has } from "../words.js";
import { choose } from "../parts/reach-choose.js";
import { course } from "../parts/reach-course.js";
import { ended } from "../parts/reach-ended.js";
import "../parts/reach-meter.js";
import { button, make, write } from "../parts/make.js";
import { shape } from "../parts/shapes.js";
import { sensorDrawing } from "../parts/reach-drawing.js";
import { look } from "../parts/reach-look.js";
import { ready, t } from "../parts/reach-words.js";
import { numbersOf } from "../parts/reach-numbers.js";

const LETTERS = {
  b: "back", x: "drop", a: "assist", y: "yes", n: "no", k: "keep", q: "leave", e: "easier", r: "harder", l: "last", w: "sounded",
}; // prettier-ignore
const ARROWS = { ArrowUp: "up", ArrowDown: "down" };
const OWN_KEYS = "button, a[href], summary, input, textarea, select";
const ROW_LETTERS = 88; // of names that have room beside the title
const TAB_LETTERS = 14; // that a tab is wider than its name

class Reach {
  #desk;
  #root;
  #ends = [];
  #sensor = null; // the one that is shown
  #phase = null; // what stands beside the meter: choose, course or ended
  #view = {}; // what the session told of the dialogue
  #client = "";
  #done = new Set(); // places
  #looked = null; // for what was kept of this client with this sensor: null, asked, told
  #numbers = false;
  #alive = true;
  #acts = {};

  constructor(root, desk) {
    this.#root = root;
    this.#desk = desk;
  }

  async begin() {
    await Promise.all([ready(), look()]);
    if (!this.#alive) return;
    this.#build();
    const { state, talk } = this.#desk;
    const on = (from, kind, fn) => this.#ends.push(from.on(kind, fn));
    on(state, "status", () => this.#status());
    on(state, "levels", (levels) => this.#levels(levels));
    on(state, "note", (line) => line.note === "on" && line.sensor === this.#sensor?.place && this.meter.sounded());
    on(state, "hidden", () => this.#phase?.show?.(this.#view));
    on(state, "open", (open) => !open && this.#running && this.#told({ done: true, kept: null, says: t("reach.cut") }));
    on(talk, "reach", (line) => this.#told(line));
    on(talk, "reach-sounded", (line) => this.#phase?.sounded?.(line));
    const key = (event) => this.#key(event);
    document.addEventListener("keydown", key);
    this.#ends.push(() => document.removeEventListener("keydown", key));
    this.#borrow();
    this.#status();
  }

  end() {
    this.#alive = false;
    if (this.#running) this.#desk.talk.ask("reach-leave");
    for (const end of this.#ends) end();
    Object.assign(this.#desk.acts ?? {}, this.#acts);
  }

  // ---------------------------------------------------------------- what the parts beside the meter may do

  get running() {
    return this.#running;
  }
  get sensor() {
    return this.#sensor;
  }
  get client() {
    return this.#desk.state.get("hidden") ? "" : this.#client;
  }
  /** The next sensor that nobody looked after yet since the screen was opened; the pointer's only after the pointer's. */
  get next() {
    const meant = (sensor) => !this.#isPointer(sensor) || this.#isPointer(this.#sensor);
    return this.#sensors.find((sensor) => !this.#done.has(sensor.place) && meant(sensor)) ?? null;
  }

  /** Begin a dialogue. @param {string} mode */
  async start(mode) {
    const reply = await this.#desk.talk.ask("reach-begin", { ...this.#where, mode });
    if (!reply.ok) {
      this.#phase?.refused?.(reply.text || t("reach.unheard"));
    }
  }

  /** A key of the dialogue. @param {string} key */
  press(key) {
    this.#desk.talk.ask("reach-key", { key });
  }

  leave() {
    this.#desk.talk.ask("reach-leave");
  }

  /** The calibration before plays again. */
  async undo() {
    const reply = await this.#desk.talk.ask("reach-undo", this.#where);
    if (!reply.ok) return this.#phase?.refused?.(reply.text || t("reach.unheard"));
    this.#desk.say(t("reach.undone"));
    return this.#choose();
  }

  /** What was kept can be taken back, here and on every other screen. */
  #remember({ number }) {
    const where = this.#where;
    const { talk, undo } = this.#desk;
    const does = async (what, more) => {
      await talk.ask(what, { ...where, ...more });
      if (this.#alive && !this.#running) this.#choose();
    };
    undo?.push({ text: t("reach.step.undo"), undo: () => does("reach-undo"), redo: () => does("reach-restore", { number }) });
  }

  /** What would have sounded, with the word `tried` on top of what was found. */
  async sounded(tried = "") {
    this.#phase?.sounded?.({ ok: false, text: t("reach.looking") });
    const reply = await this.#desk.talk.ask("reach-sounded", { ...this.#where, try: tried });
    if (!reply.ok) this.#phase?.sounded?.(reply);
  }

  /** While no dialogue goes on: easier or harder for this sensor. */
  async scale(word) {
    const reply = await this.#desk.talk.order(word, this.#where);
    this.#desk.say(reply.ok ? t(`reach.said.${word}`) : reply.text || t("reach.unheard"));
    if (reply.ok) this.sounded();
  }

  go(name) {
    this.#desk.go(name);
  }

  /** Show another sensor. */
  show(sensor) {
    if (this.#running) this.leave();
    this.#sensor = sensor;
    this.meter.sensor(sensor.name, sensor.number);
    this.#picture.replaceChildren(sensorDrawing(sensor.kind));
    this.#name.replaceChildren(shape(sensor.number), make("span", { text: sensor.name }));
    this.#tabs();
    this.#choose();
  }

  // ---------------------------------------------------------------- how it looks

  meter = null;
  #tabsRow = null;
  #picture = null;
  #beside = null;
  #figures = null;
  #name = null;
  #toggle = null;

  #build() {
    this.meter = document.createElement("reach-meter");
    this.meter.t = t;
    this.#tabsRow = make("div", { class: "reach-tabs", role: "group", "aria-label": t("reach.sensors") });
    this.#picture = make("div", { class: "reach-picture" });
    this.#figures = make("p", { class: "reach-figures", hidden: true });
    this.#toggle = button(t("reach.numbers"), () => this.#number(), { class: "button plain", "aria-pressed": "false" });
    this.#beside = make("div", { class: "reach-beside" });
    this.#name = make("p", { class: "reach-name", translate: "no" });
    const foot = make("div", { class: "reach-foot" }, this.#name, this.#toggle, this.#figures);
    const left = make("div", { class: "reach-left" }, this.#picture, this.meter, foot);
    const body = make("div", { class: "reach-body" }, left, this.#beside);
    this.#root.append(make("section", { class: "reach" }, this.#tabsRow, body));
  }

  #tabs() {
    const focused = this.#tabsRow.contains(document.activeElement);
    const sensors = this.#sensors;
    const letters = sensors.reduce((sum, { name }) => sum + name.length + TAB_LETTERS, 0);
    this.#tabsRow.replaceChildren(...(letters > ROW_LETTERS ? [this.#list(sensors)] : sensors.map((sensor) => this.#tab(sensor))));
    this.#tabsRow.hidden = this.#phase?.name === "course" || this.#sensors.length < 2;
    if (focused) this.#tabsRow.querySelector("[aria-pressed=true], select")?.focus();
  }

  #tab(sensor) {
    const pressed = String(sensor.place === this.#sensor?.place);
    return make(
      "button",
      { type: "button", class: "button reach-tab", "aria-pressed": pressed, onclick: () => this.show(sensor) },
      shape(sensor.number),
      make("span", { translate: "no", text: sensor.name }),
      sensor.calibrated && make("small", { text: t("reach.fits") }),
    );
  }

  // Where there are so many that a row of them had no room.
  #list(sensors) {
    const text = ({ name, calibrated }) => (calibrated ? `${name} · ${t("reach.fits")}` : name);
    const option = (sensor) => make("option", { value: sensor.place, text: text(sensor), selected: sensor.place === this.#sensor?.place });
    const chosen = ({ target }) => this.show(sensors.find(({ place }) => place === target.value));
    return make("select", { class: "button", translate: "no", "aria-label": t("reach.sensors"), onchange: chosen }, ...sensors.map(option));
  }

  #choose() {
    this.#view = {};
    this.#put(this.#sensor ? choose(this) : nothing(this));
    this.#look();
  }

  #put(phase) {
    const focused = this.#beside.contains(document.activeElement) || document.activeElement === document.body;
    this.#phase = phase;
    this.#tabsRow.hidden = phase.name === "course" || this.#sensors.length < 2; // one thing at a time
    this.#beside.replaceChildren(phase.element);
    if (focused) phase.element.querySelector(".main")?.focus();
  }

  #number() {
    this.#numbers = !this.#numbers;
    this.#toggle.setAttribute("aria-pressed", String(this.#numbers));
    this.#figure();
  }

  #figure() {
    this.#figures.hidden = !this.#numbers;
    if (this.#numbers) write(this.#figures, numbersOf(this.#view, t));
  }

  // ---------------------------------------------------------------- what is heard

  get #running() {
    return this.#view.step !== undefined && !this.#view.done;
  }
  get #where() {
    const { board, place } = this.#sensor;
    return { board, sensor: place.slice(board.length + 1) };
  }
  get #sensors() {
    const all = this.#desk.sensors().filter((sensor) => sensor.kind !== "switch" && sensor.state !== "unplugged");
    return [...all.filter((sensor) => !this.#isPointer(sensor)), ...all.filter((sensor) => this.#isPointer(sensor))];
  }

  // The pointer of a page is always there, whether anybody plays by it or not.
  #isPointer(sensor) {
    const board = this.#desk.state.get("status")?.boards.find(({ name }) => name === sensor?.board);
    return Boolean(board?.uid?.startsWith("page:"));
  }

  #status() {
    const client = this.#desk.state.get("status")?.client ?? "";
    if (client !== this.#client) this.#looked = null;
    this.#client = client;
    const sensors = this.#sensors;
    const still = sensors.find((sensor) => sensor.place === this.#sensor?.place);
    if (still) this.#sensor = still;
    else if (!this.#running && this.#phase?.name !== "ended" && (sensors.length || this.#sensor || !this.#phase)) {
      this.#sensor = null;
      if (sensors.length) this.show(sensors[0]);
      else this.#choose();
      return;
    }
    const shown = JSON.stringify(sensors.map(({ place, name, calibrated }) => [place, name, calibrated]));
    if (this.#tabsRow.dataset.shown !== shown) this.#tabs();
    this.#tabsRow.dataset.shown = shown;
    if (this.#phase?.name === "choose" && this.#looked === null) this.#look();
  }

  /** Whether it was calibrated with this client before. */
  async #look() {
    const place = this.#sensor?.place;
    if (!place) return;
    this.#looked = "asked";
    const reply = await this.#desk.talk.ask("reach-look", this.#where);
    if (place !== this.#sensor?.place) return;
    this.#looked = reply.ok ? "told" : null; // nobody heard it: again with the next status
    if (this.#running) return;
    if (reply.ok) this.#phase?.stored?.(reply.stored, reply.number);
    else if (reply.text) this.#phase?.refused?.(reply.text);
  }

  #levels(levels) {
    const level = levels[this.#sensor?.place];
    if (!this.#running && level !== undefined) this.meter.places({ level });
  }

  #told(line) {
    if (line.board !== undefined) this.#view = {}; // another dialogue begins
    Object.assign(this.#view, line);
    const { level, rest, easy, full } = line;
    const places = Object.fromEntries(Object.entries({ level, rest, easy, full }).filter(([, value]) => value !== undefined));
    if (Object.keys(places).length) this.meter.places(places);
    if (this.#numbers) this.#figure();
    if (this.#view.done) {
      if (line.done && line.kept) this.#remember(line.kept);
      if (line.done) {
        this.#done.add(this.#sensor?.place);
        this.#put(ended(this, this.#view));
      }
    } else if (this.#view.step !== undefined) {
      if (this.#phase?.name !== "course") this.#put(course(this));
      this.#phase.show(this.#view, line);
    }
  }

  // ---------------------------------------------------------------- keys

  /** Pause, easier and harder mean this sensor while Reach is open. */
  #borrow() {
    const acts = this.#desk.acts;
    if (!acts) return;
    this.#acts = { pause: acts.pause, easier: acts.easier, harder: acts.harder };
    acts.pause = () => this.#does("try");
    acts.easier = () => this.#does("easier");
    acts.harder = () => this.#does("harder");
  }

  #key(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const own = event.target.closest?.(OWN_KEYS);
    let word = ARROWS[event.key];
    if (event.key === "Enter" && !own) word = "next";
    if (event.key === " " && own?.tagName === "BUTTON" && this.#does("try", true)) word = "try";
    if (event.key.length === 1 && kept("letters") !== "off" && !event.target.closest?.("input, textarea, select")) {
      word ??= LETTERS[event.key.toLowerCase()];
    }
    if (!word || (event.repeat && !ARROWS[event.key])) return;
    if (this.#does(word)) event.preventDefault();
  }

  // True where this word does something now; `only` asks without doing it.
  #does(word, only = false) {
    const act = this.#phase?.acts?.()[word];
    if (act && !only) act();
    return Boolean(act);
  }
}

/** No sensor is there that has a reach. */
function nothing(reach) {
  const connect = button(t("reach.connect"), () => reach.go("connect"), { class: "button main" });
  const sentence = make("p", { class: "reach-sentence", text: t("reach.nothing") });
  return {
    name: "nothing",
    element: make("div", { class: "reach-part reach-none" }, sentence, make("div", { class: "reach-keys" }, connect)),
    acts: () => ({ next: () => reach.go("connect") }),
  };
}

let present = null;

export default {
  name: "reach",
  get title() {
    return has("reach.title") ? "reach.title" : "rail.reach";
  },
  enter(root, desk) {
    present = new Reach(root, desk);
    present.begin();
  },
  leave() {
    present?.end();
    present = null;
  },
};
