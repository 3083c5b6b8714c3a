/** A ring that fills while a step lasts: seconds, or movements. Words beside it say what is waited for. */

import { draw } from "./make.js";

const ROUND = 2 * Math.PI * 42;

/** @returns {{element: SVGElement, show: (share: number|null) => void}} null: the step lasts as long as it likes */
export function ring() {
  const dash = { "stroke-dasharray": ROUND, "stroke-dashoffset": ROUND };
  const part = draw("circle", { cx: 50, cy: 50, r: 42, class: "ring-part", ...dash });
  const element = draw(
    "svg",
    { viewBox: "0 0 100 100", class: "reach-ring", "aria-hidden": "true", focusable: "false" },
    draw("circle", { cx: 50, cy: 50, r: 42, class: "ring-whole" }),
    part,
  );
  const show = (share) => {
    element.classList.toggle("waits", share === null || share === undefined);
    part.setAttribute("stroke-dashoffset", ROUND * (1 - Math.min(Math.max(share ?? 0, 0), 1)));
  };
  show(null);
  return { element, show };
}
