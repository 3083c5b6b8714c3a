/** The sound itself, on the browser's audio thread: it plays what the outlet let through while outlet and page live. */

import { LATE_MS, endings } from "./messages.js";
import { Player } from "./player.js";

class PageSound extends AudioWorkletProcessor {
  #player = new Player(sampleRate);
  #alive = false;

  constructor() {
    super();
    this.port.onmessage = ({ data }) => this.#page(data);
  }

  process(_, [[left, ...others]]) {
    this.#player.fill(left, currentFrame);
    for (const other of others) other.set(left);
    const alive = this.#player.alive(currentFrame);
    if (alive !== this.#alive) this.port.postMessage({ alive });
    this.#alive = alive;
    return true;
  }

  /** From the page's own thread: that it lives, that sound ends, what it is heard by, or the way to the worker. */
  #page(data) {
    if (data === "alive") this.#player.page(currentFrame);
    else if (data === "end") this.#player.end();
    else if (data === "headphones" || data === "loudspeaker") this.#player.headphones(data === "headphones");
    else data.onmessage = (event) => this.#outlet(event.data);
  }

  /** From the worker: packets, or null when the way to the desk is cut. */
  #outlet({ at, bytes }) {
    if (bytes === null) this.#player.end();
    else this.#player.heard(Date.now() - at > LATE_MS ? endings(bytes) : bytes, currentFrame);
  }
}

registerProcessor("page-sound", PageSound);
