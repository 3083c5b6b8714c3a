/** Boards as drawings with plain states, and where the sound goes. */

import { boardDrawing } from "../parts/board-drawing.js";
import { button, make, said } from "../parts/make.js";
import { icon } from "../parts/shapes.js";
import "../sound/switch.js";
import { Watching } from "../parts/watching.js";

export const name = "connect";
export const title = "connect.title";

const MARKS = { ready: "good", quiet: "waits", unplugged: "off" };
const OUTPUTS = ["midi", "sound", "file", "osc", "raw", "page"];
const watching = new Watching();

export function enter(root, desk) {
  const { state, t, go } = desk;
  const list = make("ul", { class: "boards" });
  const outputs = make("ul", { class: "outputs" });
  root.append(
    make(
      "div",
      { class: "wide-part" },
      list,
      make(
        "div",
        { class: "row" },
        button(t("connect.again"), () => desk.acts.check(), { "aria-keyshortcuts": "F5" }, icon("again")),
        button(t("connect.on"), () => go("client"), { class: "button main" }, icon("arrow")),
      ),
    ),
    make(
      "aside",
      { class: "side sheet" },
      make("h2", { text: t("connect.where") }),
      outputs,
      document.createElement("sound-switch"),
      make("p", { class: "quiet small", text: t("connect.listen") }),
    ),
  );
  let shown = "";
  watching.on(state, "status", (status) => {
    const now = JSON.stringify([
      (status?.boards ?? []).map((board) => [board.name, board.state, board.sensors.map((s) => [s.name, s.status])]),
      status?.outputs,
    ]);
    if (now === shown) return;
    shown = now;
    const boards = status?.boards ?? [];
    list.dataset.few = String(boards.length <= 2);
    list.dataset.many = String(boards.length > 4);
    list.replaceChildren(...(boards.length ? boards.map((board) => card(board, t)) : [nothing(t)]));
    outputs.replaceChildren(...(status?.outputs ?? []).map((output) => place(output, t)));
  });
}

export const leave = () => watching.end();

function card(board, t) {
  const troubled = board.sensors.filter((sensor) => !["ok", "weak", "closed_contact", "starting"].includes(sensor.status));
  const well = board.state !== "ready" || troubled.length === 0;
  return make(
    "li",
    { class: `board sheet is-${board.state}` },
    boardDrawing(board),
    make(
      "div",
      { class: "board-text" },
      make("h2", {}, said(board.name)),
      make("p", { class: "board-state" }, icon(MARKS[board.state]), make("span", { text: t(`board.${board.state}`) })),
      make("p", {
        class: "quiet small",
        text: well ? t(`connect.${board.state}`, { n: board.sensors.length }) : t("connect.sensor", { n: troubled.length }),
      }),
    ),
  );
}

function nothing(t) {
  return make(
    "li",
    { class: "board sheet is-unplugged" },
    boardDrawing({ state: "unplugged", sensors: [{ number: 0 }, { number: 1 }] }),
    make(
      "div",
      { class: "board-text" },
      make("h2", { text: t("connect.none") }),
      make("p", { text: t("connect.none.do") }),
      make("p", { class: "quiet small", text: t("connect.none.cable") }),
    ),
  );
}

function place(output, t) {
  const kind = String(output.spec).split(":")[0];
  const known = OUTPUTS.includes(kind) ? kind : "other";
  const rest = kind === "midi" ? String(output.spec).slice(5).split("?")[0] : "";
  return make(
    "li",
    {},
    icon(known === "file" ? "mark" : "loud"),
    make("span", {}, make("span", { text: t(`output.${known}`) }), rest && make("span", {}, make("span", { text: ": " }), said(rest))),
  );
}
