/** The trouble helper: four pictures, three steps each. A step looks for itself and turns into Done. */

import { button, make, write } from "../parts/make.js";
import { icon } from "../parts/shapes.js";
import { Watching } from "../parts/watching.js";

export const name = "help";
export const title = "help.title";

const LOOK_MS = 500;
const LATELY_MS = 15_000;
const QUICK_MS = 100; // page to desk and back
const LATE_MS = 20; // movement to note
const LOST = 0.01;
const watching = new Watching();

const ready = ({ state }) => (state.get("status")?.boards ?? []).filter((board) => board.state === "ready");
const lately = ({ state }, key) => performance.now() - (state.get(key) ?? -LATELY_MS) < LATELY_MS;
const linked = ({ state }) => (state.get("status")?.boards ?? []).some((board) => board.link);

/** Each step: is it done? Given the desk and what was found since the picture was chosen. */
const TROUBLES = {
  silent: [(desk) => ready(desk).length > 0, (desk) => lately(desk, "moved"), (desk) => lately(desk, "noted")],
  stuck: [(_, found) => found.asked > 0, (_, found) => found.asked > 1, ({ state }, found) => found.asked > 0 && !state.get("sounding")?.size],
  unseen: [({ state }) => Boolean(state.get("there")), linked, (desk) => ready(desk).length > 0],
  slow: [
    (_, found) => found.answered < QUICK_MS,
    (_, found) => found.late !== null && found.late < LATE_MS,
    (desk) => ready(desk).length > 0 && ready(desk).every((board) => board.lost <= LOST * Math.max(board.lines, 1)),
  ],
};
const PICTURES = { silent: "silent", stuck: "loud", unseen: "connect", slow: "slow" };

export function enter(root, desk) {
  const { state, t, go } = desk;
  const from = state.get("screen");
  const steps = make("div", { class: "steps", "aria-live": "polite" });
  const buttons = Object.keys(TROUBLES).map((trouble) =>
    make(
      "button",
      { type: "button", class: "tile small-tile", "aria-pressed": "false", onclick: () => choose(trouble) },
      icon(PICTURES[trouble]),
      make("strong", { text: t(`help.${trouble}`) }),
    ),
  );
  const found = { asked: 0, answered: Infinity, late: null };
  let chosen = "";
  let rows = [];
  root.append(
    make("div", { class: "tiles four" }, ...buttons),
    steps,
    make("div", { class: "row" }, button(t("help.back"), () => go(from && !["help", "look"].includes(from) ? from : "today"), {}, icon("back"))),
  );
  steps.append(make("p", { class: "quiet", text: t("help.choose") }));

  watching.hear(state, "figures", ({ latencies_ms: late = [] }) => {
    if (late.length) found.late = [...late].sort((a, b) => a - b)[Math.floor((late.length - 1) * 0.95)];
  });
  watching.every(LOOK_MS, look);
  watching.every(2000, async () => {
    const asked = performance.now();
    if ((await desk.talk.ask("status")).ok) found.answered = performance.now() - asked;
  });

  function choose(trouble) {
    chosen = trouble;
    buttons.forEach((one, n) => one.setAttribute("aria-pressed", String(Object.keys(TROUBLES)[n] === trouble)));
    if (trouble === "stuck") stop(); // the first thing to do is done before anybody reads
    rows = TROUBLES[trouble].map((_, n) => row(trouble, n + 1));
    steps.replaceChildren(make("ol", {}, ...rows.map((one) => one.element)));
    look();
  }

  function row(trouble, n) {
    const state_ = make("span", { class: "step-state" });
    const act = trouble === "stuck" && n === 2 && button(t("help.stuck.again"), stop);
    const element = make("li", { class: "step sheet" }, make("span", { class: "step-mark" }), make("p", { text: t(`help.${trouble}.${n}`) }), act, state_);
    return { element, state: state_ };
  }

  function look() {
    rows.forEach(({ element, state: word }, n) => {
      const done = Boolean(TROUBLES[chosen][n](desk, found));
      if (element.dataset.done === String(done)) return;
      element.dataset.done = String(done);
      element.firstChild.replaceChildren(icon(done ? "good" : "waits"));
      write(word, t(done ? "help.done" : "help.looking"));
    });
  }

  async function stop() {
    await desk.silence();
    found.asked += 1;
    look();
  }
}

export const leave = () => watching.end();
