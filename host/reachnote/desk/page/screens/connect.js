/** Boards as drawings with plain states, and where the sound goes. */

import { kept } from "../kept.js";
import { boardDrawing } from "../parts/board-drawing.js";
import { button, make, said } from "../parts/make.js";
import { places } from "../parts/places.js";
import { icon } from "../parts/shapes.js";
import { Watching } from "../parts/watching.js";

export const name = "connect";
export const title = "connect.title";

const MARKS = { ready: "good", quiet: "waits", unplugged: "off" };
const TYPING = "input, textarea, select";
const watching = new Watching();

export function enter(root, desk) {
  const { state, t, talk, go } = desk;
  const list = make("ul", { class: "boards" });
  const where = places(desk, watching);
  const letters = kept("letters") !== "off";
  const check = () => {
    desk.acts.check();
    where.look();
  };
  const note = async () => {
    const reply = await talk.order("note");
    desk.say(reply.ok ? t("connect.noted") : reply.text || t("said.unheard"));
  };
  const key = (event) => {
    if (event.key === "F5") where.look(); // the frame looks for boards
    if (!letters || state.get("locked") || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key.toLowerCase() === "t" && !event.target.closest?.(TYPING)) note();
  };
  document.addEventListener("keydown", key);
  watching.last(() => document.removeEventListener("keydown", key));
  root.append(
    make(
      "div",
      { class: "wide-part" },
      list,
      make(
        "div",
        { class: "row" },
        button(t("connect.again"), check, { "aria-keyshortcuts": "F5" }, icon("again")),
        button(t("connect.musician"), () => go("musician"), {}, icon("sound")),
        button(t("connect.on"), () => go("client"), { class: "button main" }, icon("arrow")),
      ),
    ),
    make(
      "section",
      { class: "side sheet", "aria-labelledby": "where-name" },
      make("h2", { id: "where-name", text: t("connect.where") }),
      where.element,
      button(t("connect.note"), note, { "aria-keyshortcuts": letters && "T" }, icon("note")),
    ),
  );
  let shown = "";
  watching.on(state, "status", (status) => {
    const now = JSON.stringify((status?.boards ?? []).map((board) => [board.name, board.state, board.sensors.map((s) => [s.name, s.status])]));
    if (now === shown) return;
    shown = now;
    const boards = status?.boards ?? [];
    list.dataset.few = String(boards.length <= 2);
    list.dataset.many = String(boards.length > 4);
    list.replaceChildren(...(boards.length ? boards.map((board) => card(board, t)) : [nothing(t)]));
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
