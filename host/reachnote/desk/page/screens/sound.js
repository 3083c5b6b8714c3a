/** What plays now, other scenes to choose, how loud a note may be, how high or low; this page's own sound; what switches ask for. */

import { choice } from "../parts/choice.js";
import { button, make, write } from "../parts/make.js";
import { icon } from "../parts/shapes.js";
import { switches } from "../parts/switches.js";
import "../sound/switch.js";
import { Watching } from "../parts/watching.js";

export const name = "sound";
export const title = "sound.title";

const CARDS = 6;
const PRESETS = ["very-quiet", "child", "standard"];
const FURTHEST = 24;
const watching = new Watching();
let beside = "loudness"; // what the side showed last

export function enter(root, desk) {
  const { state, t, talk, go } = desk;
  const now = make("p", { class: "now-scene", translate: "no", lang: "en-GB" });
  const says = make("p", { class: "quiet", translate: "no", lang: "en-GB" });
  const cards = make("ul", { class: "cards" });
  const pages = make("div", { class: "pages" });
  root.append(
    make(
      "section",
      { class: "wide-part", "aria-labelledby": "scenes-name" },
      make("div", { class: "now" }, icon("sound"), make("div", {}, now, says)),
      make("h2", { id: "scenes-name", text: t("sound.other") }),
      cards,
      make("div", { class: "row" }, pages, button(t("sound.on"), () => go("play"), { class: "button main" }, icon("arrow"))),
    ),
    side({ loudness: [loudest(), height()], here: [here()], switches: [asking()] }),
  );

  let scenes = [];
  let page = 0;
  let playing = "";
  watching.on(state, "status", (status) => {
    write(now, status?.music?.scene ?? t("sound.none"));
    write(says, status?.music?.says ?? "");
    if (playing !== status?.music?.scene) {
      playing = status?.music?.scene;
      show();
    }
  });
  talk.ask("scenes").then((reply) => {
    scenes = (reply.scenes ?? []).filter((scene) => scene.kind === "scene");
    page = Math.max(0, Math.floor(scenes.findIndex((scene) => scene.title === playing) / CARDS));
    show();
    if (!reply.ok) cards.replaceChildren(make("li", { class: "quiet", text: t("sound.no.scenes") }));
  });

  function show() {
    const focused = [...cards.querySelectorAll(".card")].indexOf(document.activeElement);
    cards.replaceChildren(...scenes.slice(page * CARDS, (page + 1) * CARDS).map(card));
    cards.querySelectorAll(".card")[focused]?.focus();
    const count = Math.ceil(scenes.length / CARDS);
    if (count < 2) {
      pages.replaceChildren();
      return;
    }
    const turn = (by, key) =>
      button(t(key), () => {
        page = (page + by + count) % count;
        show();
        pages.querySelector(`[data-does="${key}"]`).focus();
      }, { "data-does": key });
    pages.replaceChildren(turn(-1, "sound.back"), make("span", { class: "quiet", text: t("sound.page", { at: page + 1, of: count }) }), turn(1, "sound.more"));
  }

  function card(scene) {
    const plays = scene.title === playing;
    return make(
      "li",
      {},
      make(
        "button",
        { type: "button", class: "card", "aria-pressed": String(plays), onclick: () => put(scene), translate: "no", lang: "en-GB" },
        make("strong", {}, plays && icon("play"), make("span", { text: scene.title })),
        make("span", { text: scene.says }),
      ),
    );
  }

  // One thing at a time: the side has as many pages as `pages` has names.
  function side(pages) {
    const parts = Object.entries(pages).map(([name, sheets]) => [name, make("div", { class: "side-page" }, ...sheets)]);
    const keys = parts.map(([name]) => button(t(`sound.${name}`), () => turn(name), { "data-name": name }));
    const turn = (name) => {
      beside = name;
      for (const key of keys) key.setAttribute("aria-pressed", String(key.dataset.name === name));
      for (const [other, part] of parts) part.hidden = other !== name;
    };
    turn(beside);
    const row = make("div", { class: "side-keys", role: "group", "aria-label": t("sound.side") }, ...keys);
    return make("aside", { class: "side with-keys", "aria-label": t("sound.side") }, row, ...parts.map(([, part]) => part));
  }

  function here() {
    const own = document.createElement("sound-switch");
    own.turned = async (on) => {
      const reply = on ? await talk.ask("place", { spec: "page:", on }) : { ok: true }; // other windows may go on sounding
      if (!reply.ok) desk.say(reply.text || t("said.unheard"), reply.text && "en-GB");
    };
    return make("div", { class: "sheet" }, make("h2", { text: t("sound.here") }), make("p", { class: "small", text: t("sound.here.says") }), own);
  }

  function asking() {
    const { element, show: showSwitches } = switches(desk, change);
    watching.on(state, "status", showSwitches);
    return element;
  }

  async function put(scene) {
    const before = scenes.find((other) => other.title === playing);
    const set = ({ name }) => async () => keep(await talk.order("scene", { name }), { scene: name });
    await change(set(scene), before && set(before), t("step.scene"));
  }

  // What was chosen for a client plays next time as well.
  function keep(reply, chosen) {
    if (reply.ok && state.get("status")?.client) talk.ask("music-keep", chosen).then(({ ok, text }) => ok || (text && desk.say(text, "en-GB")));
    return reply;
  }

  // Do it, and remember how it is taken back.
  async function change(redo, undo, text, words = t("said.step", { what: text })) {
    const reply = await redo();
    if (reply.text && (!reply.ok || reply.kept === null)) desk.say(reply.text, "en-GB");
    else desk.say(reply.ok ? words : t("said.unheard"));
    if (reply.ok && undo) desk.undo.push({ text, undo, redo });
    return reply.ok;
  }

  function loudest() {
    const set = (preset) => async () => keep(await talk.order("limits", { preset }), { limits: preset });
    const choose = (preset) => {
      const before = state.get("status")?.limits ?? "standard";
      return change(set(preset), set(before), t("step.limits"));
    };
    const options = PRESETS.map((value) => ({ value, text: t(`limits.${value}`), says: t(`limits.${value}.says`) }));
    const chosen = choice(t("sound.loudest"), options, "", choose);
    const on = make("p", { class: "stage-on", hidden: true }, icon("loud"), make("span", { text: t("limits.stage.on") }));
    const stage = make(
      "details",
      {},
      make("summary", { text: t("limits.stage") }),
      make(
        "div",
        { class: "stage-panel" },
        make("p", { class: "small", text: t("limits.stage.says") }),
        button(t("limits.stage.choose"), () => {
          stage.open = false;
          chosen.element.querySelector("input").focus();
          choose("stage");
        }),
      ),
    );
    watching.on(state, "status", (status) => {
      chosen.show(status?.limits ?? "");
      on.hidden = status?.limits !== "stage";
      stage.hidden = !on.hidden;
    });
    return make("div", { class: "sheet" }, chosen.element, on, stage);
  }

  function height() {
    const shift = make("output", { class: "shift" });
    const by = () => state.get("status")?.music?.transpose ?? 0;
    const set = (value) => () => talk.order("transpose", { by: value });
    const move = (step) => {
      const before = by();
      const after = Math.max(-FURTHEST, Math.min(FURTHEST, before + step));
      return change(set(after), set(before), t("step.transpose"));
    };
    watching.on(state, "status", () => write(shift, by() === 0 ? t("sound.as.written") : t(by() > 0 ? "sound.up" : "sound.down", { n: Math.abs(by()) })));
    return make(
      "div",
      { class: "sheet", role: "group", "aria-labelledby": "height-name" },
      make("h2", { id: "height-name", text: t("sound.height") }),
      make(
        "div",
        { class: "row stepper" },
        make("button", { type: "button", class: "button square", "aria-label": t("sound.lower"), onclick: () => move(-1) }, icon("easier")),
        shift,
        make("button", { type: "button", class: "button square", "aria-label": t("sound.higher"), onclick: () => move(1) }, icon("harder")),
      ),
    );
  }
}

export const leave = () => watching.end();
