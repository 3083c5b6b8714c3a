/** What a calibration found: sentences about the sensor, the reach and the delay. No letter, no figure. */

import { make } from "./make.js";
import { said, t } from "./reach-words.js";

/** @param {{sentences: string[], factor: number, meant: number, not_meant: number}} view */
export function resultOf(view) {
  const { sentences = [], factor = 1 } = view;
  const told = sentences.map((sentence) => {
    const { text, lang } = said(sentence);
    return make("p", { text, lang: lang ?? null });
  });
  if (factor !== 1) told.push(make("p", { text: t(`reach.${scaled(factor)}`) }));
  return make("div", { class: "reach-sentences" }, ...told);
}

function scaled(factor) {
  if (factor < 1) return factor <= 0.45 ? "easiest" : "easier";
  return factor >= 2 ? "hardest" : "harder";
}
