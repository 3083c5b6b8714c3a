/**
 * <reach-bars>: a huge bar for every sensor. What moves is a canvas, up to 60 times a second; what is read is a meter element
 * each, at most twice a second. What lights up does so slowly: nothing here can flash.
 */

import { noteName } from "../notes.js";
import { make, said, write } from "./make.js";
import { COUNT, path2d, shape } from "./shapes.js";

const READ_MS = 500;
const GLOW_IN_S = 0.15;
const GLOW_OUT_S = 0.5;
const FEW = 6; // with more, notes and names are smaller
const SOME = 8; // and with more still, smaller again
const MOST = 16;

export class Bars extends HTMLElement {
  #canvas = make("canvas", { "aria-hidden": "true" });
  #row = make("div", { class: "bar-labels" });
  #boards = make("div", { class: "bar-boards" });
  #columns = [];
  #levels = {};
  #away = new Map();
  #sounding = new Map();
  #colours = null;
  #moved = false;
  #frame = 0;
  #before = 0;
  #timer = 0;
  #size = null;
  #seen = new MutationObserver(() => (this.#colours = null));

  /** @type {(name: string, values?: object) => string} */
  t = (key) => key;

  connectedCallback() {
    this.append(this.#canvas, this.#row, this.#boards);
    this.#size = new ResizeObserver(() => this.#fit());
    this.#size.observe(this);
    this.#seen.observe(document.documentElement, { attributes: true });
    this.#timer = setInterval(() => this.#read(), READ_MS);
    this.#frame = requestAnimationFrame((now) => this.#draw(now));
  }

  disconnectedCallback() {
    cancelAnimationFrame(this.#frame);
    clearInterval(this.#timer);
    this.#size?.disconnect();
    this.#seen.disconnect();
    this.replaceChildren();
  }

  /** The sensors to show: `place` is "board/sensor". @param {{place: string, board: string, number: number}[]} sensors */
  show(sensors) {
    const shown = sensors.slice(0, MOST);
    this.#away = new Map(shown.map(({ place, state }) => [place, state === "unplugged"]));
    queueMicrotask(() => this.#mark());
    if (shown.map(({ place }) => place).join("\n") === this.#columns.map(({ place }) => place).join("\n")) return;
    this.#columns = shown.map((sensor) => ({ ...sensor, ...this.#label(sensor), glow: 0 }));
    this.#row.replaceChildren(...this.#columns.map((column) => column.element));
    this.#boards.replaceChildren(...boards(shown));
    this.dataset.many = shown.length > SOME ? "true" : shown.length > FEW ? "some" : "false";
    this.#fit();
    this.#read();
  }

  /** Levels by place, 0 to 1. */
  levels(levels) {
    this.#levels = levels;
    this.#moved = true;
  }

  /** What sounds: place -> keys. */
  sounding(map) {
    this.#sounding = map;
    this.#moved = true;
    this.#mark();
  }

  // The notes of each, or that it is unplugged.
  #mark() {
    for (const { element, note, place } of this.#columns) {
      const away = this.#away.get(place) ?? false;
      element.dataset.away = String(away);
      write(note, away ? this.t("board.unplugged") : (this.#sounding.get(place) ?? []).slice(-2).map(noteName).join(" "));
    }
  }

  #label(sensor) {
    const note = make("span", { class: "bar-note", translate: "no", "aria-hidden": "true" });
    const meter = make(
      "div",
      { role: "meter", "aria-label": `${sensor.board}, ${sensor.place.slice(sensor.board.length + 1)}`, "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": 0, class: "bar-name" },
      shape(sensor.number),
      said(sensor.place.slice(sensor.board.length + 1)),
    );
    return { note, meter, element: make("div", { class: "bar-label" }, note, meter) };
  }

  #read() {
    for (const { meter, place } of this.#columns) {
      const percent = Math.round((this.#levels[place] ?? 0) * 20) * 5;
      if (meter.getAttribute("aria-valuenow") === String(percent)) continue;
      meter.setAttribute("aria-valuenow", percent);
      meter.setAttribute("aria-valuetext", this.t("meter.percent", { percent }));
    }
  }

  #fit() {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const sharp = devicePixelRatio || 1;
    this.#canvas.width = Math.round(width * sharp);
    this.#canvas.height = Math.round(height * sharp);
    this.#moved = true;
  }

  #draw(now) {
    this.#frame = requestAnimationFrame((next) => this.#draw(next));
    const step = Math.min((now - this.#before) / 1000, 0.1);
    this.#before = now;
    if (!this.#colours) {
      this.#colours = colours(this);
      this.#moved = true;
    }
    const glowing = this.#columns.map((column) => this.#glow(column, step)).some(Boolean);
    if (!this.#moved && !glowing) return;
    this.#moved = false;
    const sharp = devicePixelRatio || 1;
    const pen = this.#canvas.getContext("2d");
    pen.setTransform(sharp, 0, 0, sharp, 0, 0);
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    pen.clearRect(0, 0, width, height);
    const each = width / Math.max(this.#columns.length, 1);
    this.#columns.forEach((column, n) => bar(pen, this.#colours, column, this.#levels[column.place] ?? 0, n * each, each, height));
  }

  // True while it still changes.
  #glow(column, step) {
    const wanted = this.#sounding.get(column.place)?.length ? 1 : 0;
    if (column.glow === wanted) return false;
    const by = step / (wanted ? GLOW_IN_S : GLOW_OUT_S);
    column.glow = wanted ? Math.min(1, column.glow + by) : Math.max(0, column.glow - by);
    return true;
  }
}

/** Whose bars are whose: the name of each board below its own, where there is more than one. */
function boards(sensors) {
  const names = [...new Set(sensors.map(({ board }) => board))];
  if (names.length < 2) return [];
  return names.map((name) => {
    const element = make("p", { class: "bar-board" }, said(name));
    element.style.gridColumn = `span ${sensors.filter(({ board }) => board === name).length}`;
    return element;
  });
}

function bar(pen, colour, column, level, left, each, height) {
  const wide = Math.min(each * 0.62, 150);
  const x = left + (each - wide) / 2;
  const size = Math.min(wide * 0.78, 84);
  const round = Math.min(wide / 2, 28);
  const room = height - 8;
  const full = Math.max(Math.min(level, 1), 0) * (room - size - 16);
  const top = 4 + room - size - 16 - full;
  const ink = colour.inks[column.number % COUNT];
  pen.fillStyle = colour.track;
  pen.strokeStyle = colour.edge;
  pen.lineWidth = 2;
  pen.beginPath();
  pen.roundRect(x, 4, wide, room, round);
  pen.fill();
  pen.stroke();
  pen.fillStyle = ink;
  pen.globalAlpha = colour.forced ? 1 : 0.42 + 0.58 * column.glow;
  pen.beginPath();
  pen.roundRect(x, top, wide, size + 16 + full, round);
  pen.fill();
  pen.globalAlpha = 1;
  pen.lineWidth = 3;
  pen.strokeStyle = ink;
  pen.stroke();
  pen.save();
  pen.translate(x + (wide - size) / 2, top + 8);
  pen.scale(size / 24, size / 24);
  pen.fillStyle = colour.sheet;
  pen.fill(path2d(column.number));
  pen.lineWidth = 1.6;
  pen.strokeStyle = ink;
  pen.lineJoin = "round";
  pen.stroke(path2d(column.number));
  pen.restore();
}

function colours(element) {
  const probe = make("i");
  element.append(probe);
  const of = (token) => {
    probe.style.color = `var(--${token})`;
    return getComputedStyle(probe).color;
  };
  const found = {
    inks: Array.from({ length: COUNT }, (_, n) => of(`s${n}`)),
    track: of("sunk"),
    edge: of("hair"),
    sheet: of("sheet"),
    forced: matchMedia("(forced-colors: active)").matches,
  };
  probe.remove();
  return found;
}

customElements.define("reach-bars", Bars);
