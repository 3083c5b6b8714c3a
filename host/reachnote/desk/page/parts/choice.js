/** A few big choices of which one holds: radio buttons as tiles. */

import { make } from "./make.js";
import { icon } from "./shapes.js";

let count = 0;

/**
 * @param {string} legend
 * @param {{value: string, text: string, says?: string, own?: boolean}[]} options
 *   `own` is a text in its own language, the same in every other
 * @param {string} chosen
 * @param {(value: string) => void} choose
 * @returns {{element: HTMLElement, show: (value: string) => void}}
 */
export function choice(legend, options, chosen, choose) {
  const name = `choice-${(count += 1)}`;
  const inputs = options.map(({ value }) =>
    make("input", { type: "radio", name, value, onchange: () => choose(value), checked: value === chosen }),
  );
  const tiles = options.map(({ text, says, own }, n) =>
    make(
      "label",
      { class: "option" },
      inputs[n],
      icon("good"),
      make("span", { class: "option-text" }, make("span", { text, translate: own && "no" }), says && make("small", { text: says })),
    ),
  );
  const element = make("fieldset", { class: "choice" }, make("legend", { text: legend }), make("div", { class: "options" }, ...tiles));
  const show = (value) => {
    for (const input of inputs) input.checked = input.value === value;
  };
  return { element, show };
}
