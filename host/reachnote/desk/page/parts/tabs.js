/** Tabs: one panel at a time. The arrow keys go from tab to tab, as everywhere. */

import { button, make } from "./make.js";

let count = 0;

/**
 * @param {string} name what all of it is called
 * @param {{text: string, panel: HTMLElement}[]} all
 * @param {(at: number) => void} [changed] told which is shown from now on
 * @returns {HTMLElement} the tabs; the panels are put where they belong by whoever made them
 */
export function tabs(name, all, changed = () => {}) {
  const group = (count += 1);
  const bar = make("div", { class: "tabs", role: "tablist", "aria-label": name });
  const buttons = all.map(({ text }, at) =>
    button(text, () => show(at), { class: "button tab", role: "tab", id: `tab-${group}-${at}`, "aria-controls": `panel-${group}-${at}` }),
  );
  all.forEach(({ panel }, at) => {
    panel.id = `panel-${group}-${at}`;
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-labelledby", `tab-${group}-${at}`);
  });
  bar.append(...buttons);
  bar.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const at = buttons.indexOf(document.activeElement);
    if (!by || at < 0) return;
    event.preventDefault();
    const next = (at + by + buttons.length) % buttons.length;
    show(next);
    buttons[next].focus();
  });
  draw(0);
  return bar;

  function show(at) {
    draw(at);
    changed(at);
  }

  function draw(at) {
    buttons.forEach((one, n) => {
      one.setAttribute("aria-selected", String(n === at));
      one.tabIndex = n === at ? 0 : -1;
      all[n].panel.hidden = n !== at;
    });
  }
}
