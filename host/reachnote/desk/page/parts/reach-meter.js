/**
 * <reach-meter>: one tall bar with the marks of a reach: rest, where it plays from, full. The level moves with the hand, up to
 * 60 times a second on a canvas; beside it the last ten seconds, with a dot where a note began. What is read is a meter
 * element, at most twice a second.
 */

import { make, write } from "./make.js";
import { COUNT, path2d } from "./shapes.js";

const READ_MS = 500;
const TRACE_MS = 10_000;
const LOWEST = -0.1;
const LEAST_TOP = 1.3;
const ROOM_ABOVE = 1.15;
const BAR = 112; // pixels wide
const GAP = 28;
const MARKS = ["rest", "easy", "full"];

export class Meter extends HTMLElement {
  #canvas = make("canvas", { "aria-hidden": "true" });
  #words = Object.fromEntries(MARKS.map((mark) => [mark, make("span", { class: "reach-mark", "aria-hidden": "true" })]));
  #read = make("div", { role: "meter", "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": 0, class: "reach-read" });
  #places = { level: 0, rest: 0, easy: null, full: 1 };
  #trace = [];
  #sounded = [];
  #number = 0;
  #colours = null;
  #frame = 0;
  #timer = 0;
  #size = null;
  #seen = new MutationObserver(() => (this.#colours = null));

  /** @type {(key: string, values?: object) => string} */
  t = (key) => key;

  connectedCallback() {
    this.append(this.#canvas, ...Object.values(this.#words), this.#read);
    this.#size = new ResizeObserver(() => this.#fit());
    this.#size.observe(this);
    this.#seen.observe(document.documentElement, { attributes: true });
    this.#timer = setInterval(() => this.#tell(), READ_MS);
    this.#frame = requestAnimationFrame((now) => this.#draw(now));
  }

  disconnectedCallback() {
    cancelAnimationFrame(this.#frame);
    clearInterval(this.#timer);
    this.#size?.disconnect();
    this.#seen.disconnect();
    this.replaceChildren();
  }

  /** Another sensor: its name, and the number that gives shape and colour. What was drawn of the last one is gone. */
  sensor(name, number) {
    this.#read.setAttribute("aria-label", name);
    this.#number = number;
    this.#trace = [];
    this.#sounded = [];
    this.#places = { level: 0, rest: 0, easy: null, full: 1 };
    for (const mark of MARKS) write(this.#words[mark], this.t(`reach.mark.${mark}`));
  }

  /** New places on the one scale: 0 rest, 1 the full reach; `easy` null where it is not known yet. */
  places(places) {
    const scale = this.#scale();
    Object.assign(this.#places, places);
    if (places.level !== undefined) this.#trace.push([performance.now(), this.#places.level]);
    if (Math.abs(this.#scale() - scale) > 0.001) this.#place();
  }

  /** A note began. */
  sounded() {
    this.#sounded.push(performance.now());
  }

  #scale = () => Math.max(LEAST_TOP, (this.#places.full ?? 1) * ROOM_ABOVE);

  #y(place, height) {
    const top = this.#scale();
    return height - ((Math.min(Math.max(place, LOWEST), top) - LOWEST) / (top - LOWEST)) * height;
  }

  #tell() {
    const percent = Math.round(Math.min(Math.max(this.#places.level, 0), 1) * 20) * 5;
    if (this.#read.getAttribute("aria-valuenow") !== String(percent)) {
      this.#read.setAttribute("aria-valuenow", percent);
      const where = percent >= 95 ? "full" : percent > 10 ? "between" : "rest";
      this.#read.setAttribute("aria-valuetext", this.t(`reach.at.${where}`));
    }
    this.#place();
  }

  // The words stand where the lines are; they never lie upon one another.
  #place() {
    const height = this.#canvas.clientHeight;
    if (!height) return;
    const line = parseFloat(getComputedStyle(this).fontSize) * 1.4;
    let below = Infinity;
    for (const mark of MARKS) {
      const place = this.#places[mark];
      this.#words[mark].hidden = place === null || place === undefined;
      if (this.#words[mark].hidden) continue;
      const y = Math.min(this.#y(place, height) - line / 2, below - line);
      this.#words[mark].style.transform = `translateY(${Math.round(Math.max(y, 0))}px)`;
      below = y;
    }
  }

  #fit() {
    const sharp = devicePixelRatio || 1;
    this.#canvas.width = Math.round(this.#canvas.clientWidth * sharp);
    this.#canvas.height = Math.round(this.#canvas.clientHeight * sharp);
    this.#place();
  }

  #draw(now) {
    this.#frame = requestAnimationFrame((next) => this.#draw(next));
    this.#colours ??= colours(this, this.#number);
    if (this.#colours.number !== this.#number) this.#colours = colours(this, this.#number);
    const since = now - TRACE_MS;
    while (this.#trace.length && this.#trace[0][0] < since) this.#trace.shift();
    while (this.#sounded.length && this.#sounded[0] < since) this.#sounded.shift();
    const sharp = devicePixelRatio || 1;
    const pen = this.#canvas.getContext("2d");
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    pen.setTransform(sharp, 0, 0, sharp, 0, 0);
    pen.clearRect(0, 0, width, height);
    this.#bar(pen, height);
    this.#past(pen, now, width, height);
    this.#lines(pen, width, height);
  }

  #bar(pen, height) {
    const colour = this.#colours;
    pen.save();
    pen.beginPath();
    pen.roundRect(1, 1, BAR - 2, height - 2, 28);
    pen.fillStyle = colour.track;
    pen.fill();
    pen.clip();
    const { rest, easy, level } = this.#places;
    const band = (easy ?? 0.2) / 2;
    pen.fillStyle = colour.band;
    pen.fillRect(0, this.#y(rest + band, height), BAR, height);
    const top = this.#y(level, height);
    pen.fillStyle = colour.ink;
    pen.globalAlpha = colour.forced ? 1 : 0.85;
    pen.beginPath();
    pen.roundRect(10, top, BAR - 20, height - top + 40, Math.min((BAR - 20) / 2, 28));
    pen.fill();
    pen.restore();
    pen.strokeStyle = colour.edge;
    pen.lineWidth = 2;
    pen.beginPath();
    pen.roundRect(1, 1, BAR - 2, height - 2, 28);
    pen.stroke();
    if (height - top < 56) return;
    pen.save();
    pen.translate(BAR / 2 - 18, Math.max(top, 0) + 12);
    pen.scale(1.5, 1.5);
    pen.fillStyle = colour.sheet;
    pen.fill(path2d(this.#number));
    pen.restore();
  }

  #past(pen, now, width, height) {
    const colour = this.#colours;
    const left = BAR + GAP;
    const x = (at) => width - ((now - at) / TRACE_MS) * (width - left);
    pen.strokeStyle = colour.ink;
    pen.globalAlpha = colour.forced ? 1 : 0.55;
    pen.lineWidth = 2.5;
    pen.lineJoin = "round";
    pen.beginPath();
    this.#trace.forEach(([at, level], n) => pen[n ? "lineTo" : "moveTo"](x(at), this.#y(level, height)));
    if (this.#trace.length) pen.lineTo(width, this.#y(this.#places.level, height));
    pen.stroke();
    pen.globalAlpha = 1;
    pen.fillStyle = colour.text;
    for (const at of this.#sounded) {
      pen.beginPath();
      pen.arc(x(at), height - 8, 4, 0, 7);
      pen.fill();
    }
  }

  #lines(pen, width, height) {
    pen.strokeStyle = this.#colours.text;
    for (const mark of MARKS) {
      const place = this.#places[mark];
      if (place === null || place === undefined) continue;
      pen.lineWidth = mark === "rest" ? 1 : 2;
      pen.setLineDash(mark === "easy" ? [10, 6] : []);
      pen.beginPath();
      pen.moveTo(0, this.#y(place, height));
      pen.lineTo(width, this.#y(place, height));
      pen.stroke();
    }
    pen.setLineDash([]);
  }
}

function colours(element, number) {
  const probe = make("i");
  element.append(probe);
  const of = (token) => {
    probe.style.color = `var(--${token})`;
    return getComputedStyle(probe).color;
  };
  const found = {
    number,
    ink: of(`s${number % COUNT}`),
    track: of("sheet"),
    band: of("sunk"),
    edge: of("edge"),
    sheet: of("sheet"),
    text: of("quiet"),
    forced: matchMedia("(forced-colors: active)").matches,
  };
  probe.remove();
  return found;
}

customElements.define("reach-meter", Meter);
