/** What a screen wants to be told while it is shown. */

export class Watching {
  #ends = [];

  /** Be told now, and whenever it changes. */
  on(state, key, fn) {
    this.#ends.push(state.on(key, fn));
    fn(state.get(key));
  }

  /** Be told of what happens from now on. */
  hear(state, key, fn) {
    this.#ends.push(state.on(key, fn));
  }

  /** Again and again, and now. */
  every(ms, fn) {
    const timer = setInterval(fn, ms);
    this.#ends.push(() => clearInterval(timer));
    fn();
  }

  /** To be done at the end. */
  last(fn) {
    this.#ends.push(fn);
  }

  end() {
    for (const fn of this.#ends) fn();
    this.#ends = [];
  }
}
