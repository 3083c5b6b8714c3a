/** Notes a minute: bars as SVG, and the same as a table. */

import { draw, make } from "./make.js";

const WIDE = 600;
const HIGH = 320;
const MANY = 6; // columns, from which on there is room for one number below each

/**
 * @param {{from: number, to: number, rate: number}[]} rows
 * @param {(key: string, values?: object) => string} t
 */
export function chart(rows, t) {
  const most = Math.max(...rows.map((row) => row.rate), 1);
  const each = WIDE / rows.length;
  return draw(
    "svg",
    { viewBox: `0 0 ${WIDE} ${HIGH + 30}`, class: "chart", role: "img", "aria-label": t("finish.chart") },
    draw("line", { x1: 0, x2: WIDE, y1: HIGH, y2: HIGH, class: "axis" }),
    ...rows.flatMap((row, n) => {
      const high = (row.rate / most) * (HIGH - 30);
      const wide = Math.min(each * 0.7, 60);
      const middle = n * each + each / 2;
      return [
        draw("rect", { x: middle - wide / 2, y: HIGH - high, width: wide, height: Math.max(high, 1), rx: 4, class: "column" }),
        draw("text", { x: middle, y: HIGH - high - 8, class: "figure", text: row.rate }),
        draw("text", { x: middle, y: HIGH + 22, class: "figure", text: rows.length > MANY ? row.from : `${row.from}–${row.to}` }),
      ];
    }),
  );
}

/** The same figures as a table. */
export function table(rows, t) {
  return make(
    "table",
    {},
    make("caption", { text: t("finish.chart") }),
    make("thead", {}, make("tr", {}, make("th", { scope: "col", text: t("finish.minutes") }), make("th", { scope: "col", text: t("finish.rate") }))),
    make(
      "tbody",
      {},
      ...rows.map(({ from, to, rate }) => make("tr", {}, make("th", { scope: "row", text: `${from}–${to}` }), make("td", { text: rate }))),
    ),
  );
}
