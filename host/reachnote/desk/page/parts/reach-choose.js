/** How shall this sensor learn the reach? Four ways; with what was kept of last time, that is the quickest. */

import { button, make, write } from "./make.js";
import { t } from "./reach-words.js";

const WAYS = ["guided", "while playing", "therapist-set", "as last time"];
const keyOf = (way) => way.replaceAll(" ", "-");

/** @param {object} reach the screen: sensor, client, start(mode), undo(), sounded() */
export function choose(reach) {
  const sentence = make("h2", { class: "reach-sentence", text: t("reach.choose", { sensor: reach.sensor.name }) });
  const note = make("p", { class: "reach-note", role: "status" });
  const ways = Object.fromEntries(WAYS.map((way) => [way, card(way, () => reach.start(way))]));
  const last = ways["as last time"];
  last.hidden = true;
  last.setAttribute("aria-keyshortcuts", "L");
  const undo = button(t("reach.undo"), () => reach.undo(), { class: "button plain", hidden: true });
  const all = make("div", { class: "reach-ways" }, last, ...WAYS.slice(0, 3).map((way) => ways[way]));
  let kept = false;
  const mark = (way) => WAYS.forEach((each) => ways[each].classList.toggle("main", each === way));
  mark("guided");
  return {
    name: "choose",
    element: make("div", { class: "reach-part" }, sentence, note, all, make("div", { class: "reach-keys" }, undo)),
    /** @param {string|null} date when it was calibrated with this client @param {number} number which of theirs that is */
    stored(date, number) {
      kept = Boolean(date);
      last.hidden = !kept;
      undo.hidden = !(number > 1);
      if (kept && document.activeElement === ways.guided) last.focus();
      mark(kept ? "as last time" : "guided");
    },
    refused(text) {
      write(note, text);
    },
    acts: () => ({
      next: () => reach.start(kept ? "as last time" : "guided"),
      ...(kept && { last: () => reach.start("as last time") }),
    }),
  };
}

function card(way, act) {
  const made = button(t(`reach.way.${keyOf(way)}`), act, { class: "button reach-way", "data-way": keyOf(way) });
  made.append(make("small", { text: t(`reach.way.${keyOf(way)}.says`) }));
  return made;
}
