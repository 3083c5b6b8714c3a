/** The list of what is being sent: written at most twice a second, so that a screen reader can follow, and it can be held. */

import { button, make, write } from "./make.js";
import { Sent, sentence } from "./sent.js";
import { icon } from "./shapes.js";

const WRITE_MS = 500;

/**
 * @param {object} desk
 * @param {import("./watching.js").Watching} watching
 * @returns {HTMLElement}
 */
export function sentList(desk, watching) {
  const { state, t } = desk;
  const list = make("ol", { class: "sent-lines" });
  const none = make("p", { class: "quiet small", text: t("sent.none") });
  const hold = button(t("sent.hold"), () => (held ? goOn() : pause()), { class: "button plain", "aria-pressed": "false" }, icon("pause"));
  const elements = new WeakMap();
  let sent = new Sent();
  let held = false;
  let timer = 0;
  let written = -WRITE_MS;

  const heard = (take) => (line) => {
    if (held) return;
    take(line);
    timer ||= setTimeout(show, Math.max(0, written + WRITE_MS - performance.now()));
  };
  watching.hear(state, "note", heard((line) => sent.note(line)));
  watching.hear(state, "sent", heard((line) => sent.take(line)));
  watching.last(() => clearTimeout(timer));
  return make(
    "section",
    { class: "side sheet sent", "aria-labelledby": "sent-name" },
    make("div", { class: "sent-head" }, make("h2", { id: "sent-name", text: t("sent.title") }), hold),
    make("div", { role: "log", "aria-labelledby": "sent-name", "aria-relevant": "additions" }, none, list),
  );

  function show() {
    timer = 0;
    written = performance.now();
    none.hidden = sent.rows.length > 0;
    for (const row of [...sent.rows].reverse()) {
      if (!elements.has(row)) {
        elements.set(row, make("li", { class: `sent-${row.what}` }));
        list.prepend(elements.get(row));
      }
      write(elements.get(row), sentence(row));
    }
    while (list.children.length > sent.rows.length) list.lastChild.remove();
  }

  function pause() {
    held = true;
    clearTimeout(timer);
    timer = 0;
    hold.setAttribute("aria-pressed", "true");
  }

  /** What was sent meanwhile is not told. */
  function goOn() {
    held = false;
    sent = new Sent();
    show();
    hold.setAttribute("aria-pressed", "false");
  }
}
