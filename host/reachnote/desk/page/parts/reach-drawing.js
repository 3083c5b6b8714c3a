/** What a sensor of each kind looks like, in one line weight. Its name stands beside it. */

import { draw } from "./make.js";

const LINES = {
  pressure: "M14 44a18 15 0 0 1 36 0a18 9 0 0 1-36 0ZM32 29V14M32 14h14M24 38c3-4 13-4 16 0",
  distance: "M8 24h12v16H8ZM26 22c5 6 5 14 0 20M33 17c8 9 8 21 0 30M52 46V26a3 3 0 0 1 6 0M52 34l-5 4",
  force: "M12 46h40v6H12ZM32 10v26M24 29l8 8l8-8M18 42h28",
  voltage: "M32 12a20 20 0 1 0 0 40a20 20 0 1 0 0-40ZM32 32L44 20M32 8v4M52 32h4M8 32h4",
  impact: "M12 40a20 7 0 1 0 40 0a20 7 0 1 0-40 0v8c0 9 40 9 40 0v-8M32 10v16M20 14l5 9M44 14l-5 9",
  switch: "M14 44h36v8H14ZM20 44a12 10 0 0 1 24 0M32 10v14M26 18l6 6l6-6",
};

/** @param {string} kind */
export const sensorDrawing = (kind) =>
  draw(
    "svg",
    { viewBox: "0 0 64 64", class: "sensor-drawing", "aria-hidden": "true", focusable: "false" },
    draw("path", { d: LINES[kind] ?? LINES.voltage }),
  );
