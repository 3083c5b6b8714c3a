/** The switches of the boards that are ready, and what each does: it plays, or a client asks with it for softer, or for silence. */

import { choice } from "./choice.js";
import { button, make } from "./make.js";
import { shape } from "./shapes.js";

const AT_ONCE = 3;
const ACTIONS = { plays: "", softer: "softer", stop: "stop" };

/**
 * @param {object} desk
 * @param {(redo: () => Promise<object>, undo: () => unknown, text: string, said: string) => Promise<boolean>} change does it, and
 *   remembers how it is taken back; false where it was refused
 * @returns {{element: HTMLElement, show: () => void}} `show` after every status
 */
export function switches(desk, change) {
  const { t, talk } = desk;
  const list = make("div", { class: "switches" });
  const pages = make("div", { class: "pages" });
  const element = make("div", { class: "sheet" }, make("h2", { text: t("switch.title") }), make("p", { class: "small", text: t("switch.says") }), list, pages);
  let page = 0;
  let drawn = "";
  let rows = [];

  function show() {
    const all = desk.sensors().filter((sensor) => sensor.kind === "switch" && sensor.state === "ready");
    const count = Math.max(1, Math.ceil(all.length / AT_ONCE));
    page = Math.min(page, count - 1);
    const now = JSON.stringify([page, all.map((sensor) => sensor.place)]);
    if (now !== drawn) draw(all, count);
    drawn = now;
    for (const { place, chosen } of rows) chosen.show(word(all.find((sensor) => sensor.place === place)?.steers ?? ""));
  }

  function draw(all, count) {
    rows = all.slice(page * AT_ONCE, (page + 1) * AT_ONCE).map(row);
    list.replaceChildren(...(rows.length ? rows.map(({ chosen }) => chosen.element) : [make("p", { class: "quiet", text: t("switch.none") })]));
    pages.hidden = count < 2;
    const turn = (by, key) =>
      button(t(key), () => {
        page = (page + by + count) % count;
        show();
        pages.querySelector(`[data-does="${key}"]`).focus();
      }, { "data-does": key });
    pages.replaceChildren(turn(-1, "sound.back"), make("span", { class: "quiet", text: t("sound.page", { at: page + 1, of: count }) }), turn(1, "sound.more"));
  }

  function row({ place, board, number }) {
    const sensor = place.slice(board.length + 1);
    const name = place.replace("/", ", ");
    // `kept` null: it holds, but could not be kept for the client, and `text` says why
    const set = (action) => async () => ({ kept: null, ...(await talk.ask("steer", { board, sensor, action })) });
    const choose = async (value) => {
      const before = desk.sensors().find((other) => other.place === place)?.steers ?? "";
      const text = t("switch.step", { sensor: name });
      const done = await change(set(ACTIONS[value]), set(before), text, t(`switch.said.${value}`, { sensor: name }));
      if (!done) show(); // otherwise the next status says the same as what was just pressed
    };
    const options = Object.keys(ACTIONS).map((value) => ({ value, text: t(`switch.${value}`) }));
    const chosen = choice(name, options, "", choose);
    chosen.element.firstChild.setAttribute("translate", "no");
    chosen.element.firstChild.prepend(shape(number));
    return { place, chosen };
  }

  return { element, show };
}

const word = (action) => Object.keys(ACTIONS).find((key) => ACTIONS[key] === action) ?? "";
