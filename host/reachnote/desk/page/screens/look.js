/** How the page looks and speaks. Kept on this computer. */

import { kept, keep } from "../kept.js";
import { STYLES } from "../notes.js";
import { choice } from "../parts/choice.js";
import { button, make, write } from "../parts/make.js";
import { BY_S, LONGEST_S, SHORTEST_S, USUAL_S, scanStep } from "../parts/scanning.js";
import { icon } from "../parts/shapes.js";
import { LANGUAGES, shown } from "../words.js";

export const name = "look";
export const title = "look.title";

const NOTES = { letters: "look.letters.style", syllables: "look.syllables", german: "look.german" };

export function enter(root, desk) {
  const { t, state, go } = desk;
  const from = state.get("screen");
  const looks = (key, values, text) => {
    const options = values.map((value) => ({ value, text: text(value) }));
    const set = (value) => {
      keep(key, value);
      dispatchEvent(new Event("look"));
    };
    return choice(t(`look.${key}`), options, kept(key) || values[0], set).element;
  };
  const speaks = (key, options, chosen) => {
    const set = async (value) => {
      keep(key, value);
      await desk.dress();
      document.querySelector(`.screen-look input[value="${value}"]`)?.focus();
    };
    return choice(t(`look.${key}`), options, chosen, set).element;
  };
  // One switch for Play, and for how long each is framed.
  function scanning() {
    const seconds = make("output", { class: "shift" });
    const format = new Intl.NumberFormat(shown());
    let chosen = scanStep() || USUAL_S;
    const show = () => {
      write(seconds, t("scan.seconds", { n: format.format(chosen) }));
      row.hidden = !scanStep();
    };
    const set = (value) => {
      keep("scan", value);
      show();
    };
    const by = (step) => () => {
      chosen = Math.min(LONGEST_S, Math.max(SHORTEST_S, chosen + step));
      set(String(chosen));
    };
    const key = (name, act, picture) => make("button", { type: "button", class: "button square", "aria-label": t(`scan.${name}`), onclick: act }, icon(picture));
    const row = make(
      "div",
      { class: "scan-step", role: "group", "aria-labelledby": "scan-step-name" },
      make("span", { id: "scan-step-name", text: t("scan.step") }),
      key("shorter", by(-BY_S), "easier"),
      seconds,
      key("longer", by(BY_S), "harder"),
      make("p", { class: "small quiet", text: t("scan.says") }),
    );
    const options = [{ value: "", text: t("scan.off") }, { value: "on", text: t("scan.on") }];
    const { element } = choice(t("scan.name"), options, scanStep() ? "on" : "", (value) => set(value && String(chosen)));
    element.lastChild.append(row);
    show();
    return element;
  }

  root.append(
    make(
      "div",
      { class: "looks" },
      looks("look", ["", "light", "dark", "high", "room"], (value) => t(`look.${value || "computer"}`)),
      looks("text", ["", "125", "150", "200"], (value) => t("meter.percent", { percent: value || "100" })),
      looks("motion", ["", "still"], (value) => t(value ? "look.still" : "look.computer")),
      speaks("language", Object.entries(LANGUAGES).map(([value, text]) => ({ value, text, own: true })), shown()),
      speaks("notes", STYLES.map((value) => ({ value, text: t(NOTES[value]) })), kept("notes") || STYLES[0]),
      looks("letters", ["", "off"], (value) => t(value ? "look.letters.off" : "look.letters.on")),
      scanning(),
    ),
    make(
      "div",
      { class: "row" },
      button(t("help.back"), () => go(from && !["help", "look"].includes(from) ? from : "today"), {}, icon("back")),
      make("a", { class: "button", href: "client.html", target: "_blank", rel: "noopener" }, icon("window"), make("span", { text: t("look.client") })),
    ),
  );
}

export const leave = () => {};
