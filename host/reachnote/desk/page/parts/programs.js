/** Music programs and instruments: which one or two things are to be switched on there, in words and as a drawing. */

import { draw, make, said } from "./make.js";

/** `steps` are sentences of the catalogue; `runs`: on a Mac alone, or on Linux as well. */
const PROGRAMS = [
  { id: "ableton", name: "Ableton Live", runs: "mac", steps: 3, picture: switches },
  { id: "garageband", name: "GarageBand", runs: "mac", steps: 2, picture: tracks },
  { id: "logic", name: "Logic Pro", runs: "mac", steps: 3, picture: tracks },
  { id: "reaper", name: "REAPER", runs: "both", steps: 3, picture: ticks },
  { id: "bitwig", name: "Bitwig Studio", runs: "both", steps: 3, picture: () => [label(14, 50, "MIDI Keyboard"), field("reachnote")] },
  { id: "ardour", name: "Ardour", runs: "both", steps: 3, picture: crossing },
  { id: "synth", steps: 3, picture: () => [laptop(10), keys(134), cord()] },
  { id: "ipad", name: "iPad", steps: 3, picture: () => [laptop(10), tablet(140), cord(139)] },
  { id: "windows", steps: 3, picture: () => [laptop(10), laptop(134), cord()] },
];

/** The cards: one button each, and what is to be done for the chosen one. */
export function programs({ t }) {
  const card = make("div", { class: "program sheet" });
  const named = ({ id, name }) => (name ? said(name) : make("span", { text: t(`musician.${id}`) }));
  const buttons = PROGRAMS.map((program) =>
    make("button", { type: "button", class: "button", "aria-pressed": "false", onclick: () => show(program) }, named(program)),
  );
  show(PROGRAMS[0]);
  return [make("div", { class: "program-names" }, ...buttons), card];

  function show(program) {
    buttons.forEach((one, n) => one.setAttribute("aria-pressed", String(PROGRAMS[n] === program)));
    const drawn = [program.runs && pane(), ...program.picture()].filter(Boolean);
    const steps = Array.from({ length: program.steps }, (_, n) => make("li", { text: t(`musician.${program.id}.${n + 1}`) }));
    card.replaceChildren(
      make("div", { class: "program-text" }, make("ol", {}, ...steps), program.runs && make("p", { class: "quiet small", text: t(`musician.runs.${program.runs}`) })),
      draw("svg", { viewBox: "0 0 240 136", class: "program-drawing", "aria-hidden": "true", focusable: "false", translate: "no" }, ...drawn),
    );
  }
}

// ------------------------------------------------------------ what drawings are made of

const label = (x, y, text, facts = {}) => draw("text", { x, y, ...facts }, text);
const pane = () => draw("path", { class: "line", d: "M8 4H232a4 4 0 0 1 4 4V128a4 4 0 0 1-4 4H8a4 4 0 0 1-4-4V8a4 4 0 0 1 4-4ZM4 24H236M14 14h.5M24 14h.5M34 14h.5" });

const lamp = (x, text, on) =>
  draw(
    "g",
    {},
    draw("rect", { class: on ? "line on" : "line", x, y: 66, width: 60, height: 30, rx: 6 }),
    on && draw("path", { class: "line mark", d: `M${x + 22} 81l6 6l11-13` }),
    label(x + 30, 120, text, { class: "middle" }),
  );
function switches() {
  return [label(14, 52, "reachnote"), lamp(18, "Track", true), lamp(90, "Sync", false), lamp(162, "Remote", true)];
}

const tick = (y, text) =>
  draw(
    "g",
    {},
    draw("rect", { class: "line on", x: 16, y: y - 6, width: 20, height: 20, rx: 4 }),
    draw("path", { class: "line mark", d: `M20 ${y + 4}l4 4l7-9` }),
    label(46, y + 10, text),
  );
function ticks() {
  return [label(14, 46, "reachnote"), tick(64, "Enable input"), tick(92, "control messages")];
}

const field = (text) =>
  draw(
    "g",
    {},
    draw("rect", { class: "line on", x: 14, y: 66, width: 212, height: 34, rx: 6 }),
    label(26, 88, text, { class: "mark-text" }),
    draw("path", { class: "line mark", d: "M200 79l7 8l7-8" }),
  );

function tracks() {
  const wave = (y) => `M26 ${y + 13}h10l4-7l6 14l5-10l3 3h10`;
  const track = (y, on) => [
    draw("rect", { class: on ? "line on" : "line", x: 14, y, width: 212, height: 26, rx: 5 }),
    draw("path", { class: on ? "line mark" : "line", d: wave(y) }),
  ];
  return [...track(34, false), ...track(67, true), ...track(100, false), draw("path", { class: "line mark", d: "M200 81l5 5l8-10" })];
}

function crossing() {
  const lines = [62, 84, 106].map((y) => `M112 ${y}H226`).join("") + [138, 168, 198].map((x) => `M${x} 40V122`).join("");
  return [draw("path", { class: "line", d: lines }), label(14, 89, "reachnote"), draw("circle", { class: "on", cx: 168, cy: 84, r: 9 })];
}

const laptop = (x) => draw("path", { class: "line", d: `M${x + 14} 34h68a5 5 0 0 1 5 5v46H${x + 9}V39a5 5 0 0 1 5-5ZM${x} 85h96l-6 14H${x + 6}Z` });
const keys = (x) => draw("path", { class: "line", d: `M${x} 56h98v43H${x}ZM${x + 14} 56v43M${x + 28} 56v43M${x + 42} 56v43M${x + 56} 56v43M${x + 70} 56v43M${x + 84} 56v43` });
const tablet = (x) => draw("path", { class: "line", d: `M${x + 8} 28h66a6 6 0 0 1 6 6v62a6 6 0 0 1-6 6H${x + 8}a6 6 0 0 1-6-6V34a6 6 0 0 1 6-6ZM${x + 38} 94h6` });
const cord = (to = 132) => draw("path", { class: "line strong", d: `M108 92H${to}` });
