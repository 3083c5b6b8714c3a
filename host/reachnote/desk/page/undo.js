/** Fifty steps back, and forward again. A step knows how to be done and how to be taken back. */

const MOST = 50;

export class Undo {
  #back = [];
  #forward = [];

  /** Remember what was just done. @param {{text: string, undo: () => unknown, redo: () => unknown}} step */
  push(step) {
    this.#back = [...this.#back.slice(1 - MOST), step];
    this.#forward = [];
  }

  /** Take back the last step. @returns {string} what that was, "" where there is nothing to take back */
  undo() {
    return this.#move(this.#back, this.#forward, "undo");
  }

  redo() {
    return this.#move(this.#forward, this.#back, "redo");
  }

  #move(from, to, what) {
    const step = from.pop();
    if (!step) return "";
    to.push(step);
    step[what]();
    return step.text;
  }
}
