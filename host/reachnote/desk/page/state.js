/** What the page knows, and who wants to be told. */

export class State {
  #values = new Map();
  #told = new Map();

  /** @returns {any} the value, undefined before there was one */
  get(key) {
    return this.#values.get(key);
  }

  /** Keep it and tell everybody who asked. */
  set(key, value) {
    this.#values.set(key, value);
    this.tell(key, value);
  }

  /** Tell everybody who asked, and keep nothing: for what happens once. */
  tell(key, value) {
    for (const fn of [...(this.#told.get(key) ?? [])]) fn(value);
  }

  /**
   * Be told of `key` from now on.
   * @param {string} key
   * @param {(value: any) => void} fn
   * @returns {() => void} ends that
   */
  on(key, fn) {
    const all = this.#told.get(key) ?? new Set();
    this.#told.set(key, all.add(fn));
    return () => all.delete(fn);
  }
}
