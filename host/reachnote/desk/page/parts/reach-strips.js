/** Two strips, one above the other: when it sounded as it was set, and when it would have sounded as tried. */

import { draw, make } from "./make.js";

const WIDE = 600;
const HIGH = 26;
const LEAST = 3; // a short sound is to be seen as well

/**
 * @param {{seconds: number, as_set: number[][], as_tried: number[][], notes: {as_set: number, as_tried: number}}} found
 * @param {(key: string, values?: object) => string} t
 */
export const strips = (found, t) =>
  make("div", { class: "reach-strips" }, ...["as_set", "as_tried"].map((which) => strip(found, which, t)));

function strip({ seconds, notes, ...found }, which, t) {
  const each = WIDE / Math.max(seconds, 0.1);
  const bars = found[which].map(([from, to]) =>
    draw("rect", { x: from * each, y: 0, width: Math.max((to - from) * each, LEAST), height: HIGH, rx: 2, class: "strip-sound" }),
  );
  const says = t("reach.strip", { n: notes[which] });
  return make(
    "figure",
    { class: "reach-strip" },
    make("figcaption", { text: t(`reach.${which}`) }),
    draw(
      "svg",
      { viewBox: `0 0 ${WIDE} ${HIGH}`, preserveAspectRatio: "none", role: "img", "aria-label": says },
      draw("rect", { x: 0, y: 0, width: WIDE, height: HIGH, rx: 4, class: "strip-ground" }),
      ...bars,
    ),
  );
}
