/** A board as a drawing: its plug, its body and a shape for every sensor. What it shows is said in words beside it. */

import { draw } from "./make.js";
import { COUNT, shape } from "./shapes.js";

const MOST = 8;

/** @param {{state: string, sensors: {number: number}[]}} board */
export function boardDrawing(board) {
  const sensors = board.sensors.slice(0, MOST);
  const each = 132 / Math.max(sensors.length, 1);
  const size = Math.min(each * 0.72, 34);
  const there = board.state !== "unplugged";
  return draw(
    "svg",
    { viewBox: "0 0 200 96", class: `board-drawing is-${board.state}`, "aria-hidden": "true", focusable: "false" },
    draw("path", { class: "cable", d: there ? "M0 48H34" : "M0 62C8 62 8 48 14 48" }),
    draw("rect", { class: "plug", x: there ? 26 : 8, y: 38, width: 18, height: 20, rx: 3 }),
    draw("rect", { class: "body", x: 44, y: 10, width: 150, height: 76, rx: 14 }),
    ...sensors.map((sensor, n) =>
      shape(sensor.number, {
        x: 53 + n * each + (each - size) / 2,
        y: 48 - size / 2,
        width: size,
        height: size,
        class: `shape ink-${sensor.number % COUNT}`,
      }),
    ),
  );
}
