/** A shape for every sensor, so that colour is never alone. The same shapes as SVG and as a path of a canvas. */

import { draw } from "./make.js";

const round = (number) => Math.round(number * 100) / 100;
const star = (points, inner, turn = -90) =>
  Array.from({ length: points * 2 }, (_, n) => {
    const angle = ((turn + (n * 180) / points) * Math.PI) / 180;
    const far = n % 2 ? inner : 11;
    return `${n ? "L" : "M"}${round(12 + far * Math.cos(angle))} ${round(12 + far * Math.sin(angle))}`;
  }).join("") + "Z";
const corners = (count, turn = -90) =>
  Array.from({ length: count }, (_, n) => {
    const angle = ((turn + (n * 360) / count) * Math.PI) / 180;
    return `${n ? "L" : "M"}${round(12 + 11 * Math.cos(angle))} ${round(12 + 11 * Math.sin(angle))}`;
  }).join("") + "Z";

/** In a box of 24 by 24. */
const PATHS = [
  "M12 2a10 10 0 1 0 0 20a10 10 0 1 0 0-20Z",
  "M5 3h14a2 2 0 0 1 2 2v14a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2Z",
  "M12 2.5L22.5 20.5H1.5Z",
  "M12 1L23 12L12 23L1 12Z",
  corners(6),
  star(5, 5),
  "M9 2h6v7h7v6h-7v7H9v-7H2V9h7Z",
  "M12 1.5C16 8 20 11 20 15.5a8 8 0 0 1-16 0C4 11 8 8 12 1.5Z",
];
export const SHAPES = ["circle", "square", "triangle", "diamond", "hexagon", "star", "cross", "drop"];
export const COUNT = PATHS.length;

const made = [];

/** The shape of the n-th sensor as a path for a canvas, 24 by 24. */
export const path2d = (n) => (made[n % COUNT] ??= new Path2D(PATHS[n % COUNT]));

/** The shape of the n-th sensor as a small SVG in its colour. Words beside it say the same. */
export const shape = (n, facts = {}) =>
  draw(
    "svg",
    { viewBox: "0 0 24 24", class: `shape ink-${n % COUNT}`, "aria-hidden": "true", focusable: "false", ...facts },
    draw("path", { d: PATHS[n % COUNT] }),
  );

/** Small drawings of the frame, in one line weight. */
const ICONS = {
  today: "M4 11L12 4l8 7v9h-5v-6h-6v6H4Z",
  connect: "M9 3v6M15 3v6M6 9h12v3a6 6 0 0 1-12 0ZM12 18v3",
  client: "M12 4a4 4 0 1 1 0 8a4 4 0 0 1 0-8ZM4 21c0-5 4-7 8-7s8 2 8 7",
  reach: "M3 20C5 8 14 4 21 4M21 4l-5-1.5M21 4l-2 4.5M3 20h18",
  sound: "M9 18a3 3 0 1 1-3-3h3ZM9 15V5l11-2v13M20 16a3 3 0 1 1-3-3h3",
  play: "M5 20V11M12 20V4M19 20v-7",
  finish: "M6 21V4h11l-3 4l3 4H6",
  help: "M9 9a3 3 0 1 1 4 2.8c-.8.4-1 1-1 2.2M12 17.5v.5M12 2.5a9.5 9.5 0 1 0 0 19a9.5 9.5 0 1 0 0-19Z",
  look: "M12 3a9 9 0 1 0 0 18ZM12 3a9 9 0 0 1 0 18",
  hide: "M3 12c3-5 6-7 9-7s6 2 9 7c-3 5-6 7-9 7s-6-2-9-7ZM12 9a3 3 0 1 0 0 6a3 3 0 0 0 0-6Z",
  lock: "M6 11h12v9H6ZM8.500 11V8a3.500 3.500 0 0 1 7 0v3",
  good: "M4 12.500l5 5L20 6.500",
  waits: "M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18ZM12 7v5l3.500 2",
  off: "M5 5l14 14M19 5L5 19",
  trouble: "M12 3L22 20.500H2ZM12 9.500v5M12 17.200v.3",
  stop: "M7 5h10a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2H7a2 2 0 0 1-2-2V7a2 2 0 0 1 2-2Z",
  pause: "M8 5v14M16 5v14",
  go: "M8 5l11 7l-11 7Z",
  easier: "M5 12h14",
  harder: "M5 12h14M12 5v14",
  next: "M5 5l8 7l-8 7ZM18 5v14",
  mark: "M7 3h10v18l-5-4.500L7 21Z",
  record: "M12 5a7 7 0 1 0 0 14a7 7 0 1 0 0-14Z",
  arrow: "M4 12h15M13 6l6 6l-6 6",
  back: "M20 12H5M11 6l-6 6l6 6",
  again: "M19 12a7 7 0 1 1-2.500-5.400M19 3v4.500h-4.500",
  silent: "M4 9v6h4l5 4V5L8 9ZM17 9l5 6M22 9l-5 6",
  loud: "M4 9v6h4l5 4V5L8 9ZM16.500 8.500a5 5 0 0 1 0 7M19 6a8.500 8.500 0 0 1 0 12",
  slow: "M4 18a8 8 0 0 1 16 0ZM12 18l4-5",
  pointer: "M5 3l14 8l-6 1.500l-3 6.500Z",
  note: "M12 17.500a3.500 3 0 1 1-3.500-3h3.500ZM12 17V3c1 4 5 4 5 8",
  empty: "M12 4.500a7.500 7.500 0 1 0 0 15a7.500 7.500 0 1 0 0-15Z",
  window: "M4 5h16v14H4ZM4 9h16",
};

/** @param {keyof typeof ICONS} name */
export const icon = (name) =>
  draw("svg", { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true", focusable: "false" }, draw("path", { d: ICONS[name] }));
