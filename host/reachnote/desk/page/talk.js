/**
 * The one socket to the desk. It reconnects by itself. Nothing is kept for later: a silence that comes minutes after it was
 * asked for, or a note, would be worse than none.
 */

const AGAIN_MS = [250, 500, 1000, 2000];
const REFUSED_MS = 10000; // another page may bring the cookie that lets this one in
const REFUSED = 403;
const PATIENCE_MS = 4000;
const GONE = { ok: false, gone: true, text: "" };

export class Talk {
  #socket = null;
  #next = 1;
  #waiting = new Map();
  #orders = new Map();
  #told = new Map();
  #tries = 0;
  #refused = false;

  /** True where the desk is there and does not let this page in: it was opened by an earlier start. */
  get refused() {
    return this.#refused;
  }

  /** True while the desk hears us. */
  get open() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /** Connect, now and whenever the connection is lost. */
  start() {
    const socket = new WebSocket(`ws://${location.host}/talk`);
    this.#socket = socket;
    let opened = false;
    socket.addEventListener("open", () => {
      opened = true;
      this.#tries = 0;
      this.#refused = false;
      this.#tell("open", true);
    });
    socket.addEventListener("message", (event) => this.#heard(JSON.parse(event.data)));
    socket.addEventListener("close", () => {
      for (const map of [this.#waiting, this.#orders]) {
        for (const done of map.values()) done(GONE);
        map.clear();
      }
      this.#tell("open", false);
      if (!opened) this.#askWhy();
      setTimeout(() => this.start(), this.#refused ? REFUSED_MS : AGAIN_MS[Math.min(this.#tries++, AGAIN_MS.length - 1)]);
    });
  }

  /**
   * Ask the session or the desk. Never throws: a reply always comes, with `ok` and, where that is false, `text`; `gone` is
   * true where nobody heard it.
   * @param {string} what
   * @param {object} [more]
   * @returns {Promise<{ok: boolean, text?: string, gone?: boolean}>}
   */
  ask(what, more = {}) {
    return this.#send(this.#waiting, { ...more, do: what });
  }

  /**
   * Give the session an order (protocols/control.md), and hear what came of it.
   * @returns {Promise<{ok: boolean, text?: string, gone?: boolean}>}
   */
  order(order, more = {}) {
    return this.#send(this.#orders, { ...more, do: "order", order });
  }

  /** Say something that wants no reply; where nobody hears it, it is gone. */
  tell(what, more = {}) {
    if (this.open) this.#socket.send(JSON.stringify({ ...more, do: what }));
  }

  /**
   * Be told of a kind of line: "levels", "note", "gesture", "news", "figures", "readings"; "session" (is one there?), "status";
   * "open" (does the desk hear us?).
   * @returns {() => void} ends that
   */
  on(kind, fn) {
    const all = this.#told.get(kind) ?? new Set();
    this.#told.set(kind, all.add(fn));
    return () => all.delete(fn);
  }

  // A page is not told why a socket was refused; a file of the page is refused for the same reason.
  async #askWhy() {
    const reply = await fetch("icon.svg", { method: "HEAD", cache: "no-store" }).catch(() => null); // null: nobody is there
    const refused = reply?.status === REFUSED;
    if (refused === this.#refused || this.open) return;
    this.#refused = refused;
    this.#tell("open", false);
  }

  #send(map, thing) {
    if (!this.open) return Promise.resolve(GONE);
    const id = this.#next++;
    return new Promise((resolve) => {
      const timer = setTimeout(() => done(GONE), PATIENCE_MS);
      const done = (reply) => {
        clearTimeout(timer);
        map.delete(id);
        resolve(reply);
      };
      map.set(id, done);
      this.#socket.send(JSON.stringify({ ...thing, id }));
    });
  }

  #heard(line) {
    if (line.feed) {
      if (line.news === "order") this.#orders.get(line.id)?.(line);
      this.#tell(line.feed, line);
    } else if (line.desk) {
      this.#tell(line.desk, line);
    } else if (line.id === "status") {
      this.#tell("status", line);
    } else if (this.#waiting.has(line.id)) {
      this.#waiting.get(line.id)(line);
    } else if (!line.ok) {
      this.#orders.get(line.id)?.(line);
    }
  }

  #tell(kind, thing) {
    for (const fn of [...(this.#told.get(kind) ?? [])]) fn(thing);
  }
}
