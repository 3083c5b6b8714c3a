/**
 * The page's own sound. It plays what the outlet let through, and falls silent by itself where anything between the outlet and
 * here stands still: the outlet, the desk, the connection, this page's thread. A hidden page is silent.
 */

import { keep, kept } from "../kept.js";

const ALIVE_MS = 25;
const LATE_S = 0.06;
const ENDING_MS = 120;
const HEARD_BY = "headphones";

/**
 * `state` is "off", "starting", "waiting" (nothing is heard of the outlet), "on" or "hidden". A "change" event tells of it.
 */
export class Sound extends EventTarget {
  /** @type {AudioContext|null} */
  context = null;
  /** @type {AudioWorkletNode|null} */
  node = null;
  #worker = null;
  #timer = 0;
  #heard = false; // the outlet, by the worklet
  #state = "off";
  #late = false;
  #headphones = kept(HEARD_BY) === "on";

  constructor() {
    super();
    document.addEventListener("visibilitychange", () => this.#seen());
    addEventListener("pagehide", () => this.end());
    // chosen on another page
    addEventListener("storage", ({ key, newValue }) => key === `reachnote-${HEARD_BY}` && this.#heardBy(newValue === "on"));
  }

  /** True once it was turned on, whether anything sounds or not. */
  get on() {
    return this.context !== null;
  }

  get state() {
    return this.#state;
  }

  /** True while this computer's loudspeaker answers so late that it disturbs playing. */
  get late() {
    return this.#late;
  }

  /** Is it heard by headphones? Then it is quieter (limiter.js). Kept on this computer, for all its pages. */
  get headphones() {
    return this.#headphones;
  }

  set headphones(worn) {
    keep(HEARD_BY, worn ? "on" : "");
    this.#heardBy(worn);
  }

  /** Turn it on; a browser wants that from a click or a key. Never throws: where it cannot be, it is "off" again. */
  async turnOn() {
    if (this.on) return;
    const context = new AudioContext({ latencyHint: "interactive" });
    this.context = context;
    this.#tell();
    try {
      await context.audioWorklet.addModule(new URL("worklet.js", import.meta.url));
      await context.resume();
      if (this.context === context) this.#connect(context);
    } catch {
      if (this.context === context) this.turnOff();
    }
  }

  /** Fade out and let go of everything. */
  turnOff() {
    const { context } = this;
    const worker = this.#worker;
    if (!context) return;
    this.end();
    clearInterval(this.#timer);
    this.context = this.node = this.#worker = null;
    this.#heard = this.#late = false;
    this.#tell();
    setTimeout(() => {
      worker?.terminate();
      context.close();
    }, ENDING_MS);
  }

  /** What sounds here ends now; the next note begins quietly. */
  end() {
    this.node?.port.postMessage("end");
  }

  #connect(context) {
    const { port1, port2 } = new MessageChannel();
    this.node = new AudioWorkletNode(context, "page-sound", { numberOfInputs: 0, outputChannelCount: [2] });
    this.node.port.onmessage = ({ data }) => this.#told(data.alive);
    this.node.port.postMessage(this.headphones ? "headphones" : "loudspeaker");
    this.node.port.postMessage(port1, [port1]);
    this.node.connect(context.destination);
    this.#worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
    this.#worker.postMessage(port2, [port2]);
    this.#timer = setInterval(() => this.#lives(), ALIVE_MS);
    this.#seen();
  }

  #heardBy(worn) {
    this.#headphones = worn;
    this.node?.port.postMessage(this.headphones ? "headphones" : "loudspeaker");
    this.#tell();
  }

  #lives() {
    if (document.visibilityState === "visible") this.node.port.postMessage("alive");
    const late = this.context.baseLatency + (this.context.outputLatency || 0) > LATE_S;
    if (late === this.#late) return;
    this.#late = late;
    this.#tell();
  }

  #seen() {
    if (document.visibilityState === "hidden") this.end();
    else if (this.node) this.context.resume();
    this.#tell();
  }

  #told(alive) {
    this.#heard = alive;
    this.#tell();
  }

  #tell() {
    if (!this.on) this.#state = "off";
    else if (!this.node) this.#state = "starting";
    else if (document.visibilityState === "hidden") this.#state = "hidden";
    else this.#state = this.#heard ? "on" : "waiting";
    this.dispatchEvent(new Event("change"));
  }
}

/** The one of this page. */
export const sound = new Sound();
