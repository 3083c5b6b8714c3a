/** The frame: rail, top bar, the place of the screen, the foot with *Stop sound*. In reading order, as the keyboard goes. */

import { button, make, said, write } from "./parts/make.js";
import { icon } from "./parts/shapes.js";
import "./parts/trouble-bar.js";
import { RAIL } from "./screens.js";

const SAID_MS = 4000;
const HOLD_MS = 2000;
const SAME_PRESS_MS = 700;
const CHIPS = 2;

/** Build it into the document. */
export function frame(desk, troubles) {
  const { state, t } = desk;
  const ends = [];
  const on = (key, fn) => {
    ends.push(state.on(key, fn));
    fn(state.get(key));
  };
  const root = make("div", { class: "screen" });
  const title = make("h1", { id: "content", tabindex: "-1" });
  const bar = document.createElement("trouble-bar");
  bar.t = t;
  bar.putAway = (trouble) => {
    troubles.away(trouble.id);
    bar.show(troubles.list());
    title.focus();
  };
  bar.act = (act) => desk.acts[act]();
  const links = RAIL.map((name) => make("a", { href: `#${name}`, class: "rail-link", "data-screen": name }, icon(name), make("span", { text: t(`rail.${name}`) })));
  const skip = make("a", { href: "#content", class: "skip", text: t("frame.skip"), onclick: (event) => (event.preventDefault(), title.focus()) });
  const live = make("p", { class: "said", role: "status", "aria-live": "polite" });
  const page = make(
    "div",
    { class: "desk" },
    skip,
    make("nav", { class: "rail", "aria-label": t("frame.screens") }, make("p", { class: "brand", translate: "no", text: "reachnote" }), ...links),
    topBar(desk, on),
    make("main", {}, bar, title, root),
    make("footer", { class: "foot" }, live, lockButton(desk, on), stopButton(desk)),
  );
  document.body.replaceChildren(page);
  on("locked", (locked) => (document.documentElement.dataset.locked = String(Boolean(locked))));
  on("hidden", (hidden) => (document.documentElement.dataset.names = hidden ? "hidden" : "shown"));

  let timer = 0;
  let first = true;
  return {
    root,
    say: (text, language = "") => {
      clearTimeout(timer);
      live.lang = language;
      live.textContent = text;
      timer = setTimeout(() => (live.textContent = ""), SAID_MS);
    },
    troubles: (list) => bar.show(list),
    present: (name, text) => {
      root.replaceChildren();
      root.className = `screen screen-${name}`;
      title.textContent = text;
      document.title = `${text} · reachnote`;
      for (const link of links) {
        if (link.dataset.screen === name) link.setAttribute("aria-current", "page");
        else link.removeAttribute("aria-current");
      }
      if (!first) title.focus();
      first = false;
    },
    remove: () => {
      for (const end of ends) end();
      page.remove();
    },
  };
}

// ------------------------------------------------------------ top bar

function topBar(desk, on) {
  const { state, t, go } = desk;
  const boards = make("ul", { class: "chips", "aria-label": t("frame.boards") });
  const client = make("p", { class: "chip person", hidden: true });
  const recording = make("p", { class: "chip recording", role: "status" });
  const stage = make("p", { class: "chip is-stage", hidden: true }, icon("loud"), make("span", { text: t("limits.stage.on") }));
  const hide = button(t("frame.hide"), () => desk.acts.hide(), { class: "button plain", "aria-pressed": "false", "data-key": "H" }, icon("hide"));
  const show = () => {
    const status = state.get("status");
    const cut = state.get("open") === false;
    boards.replaceChildren(...(cut ? [chip("off", t("frame.cut"))] : chips(status, t)));
    client.hidden = cut || !status?.client;
    client.replaceChildren(icon("client"), said(status?.client ?? "", { class: "chip-name" }));
    const runs = cut ? "cut" : status?.recording ? "on" : "off";
    if (recording.dataset.on !== runs) {
      recording.dataset.on = runs;
      recording.replaceChildren(icon("record"), make("span", { text: t(`recording.${runs}`) }));
    }
    stage.hidden = cut || status?.limits !== "stage";
  };
  on("open", show);
  on("status", show);
  on("hidden", (hidden) => hide.setAttribute("aria-pressed", String(Boolean(hidden))));
  return make(
    "header",
    { class: "top" },
    boards,
    client,
    stage,
    recording,
    make(
      "div",
      { class: "tools" },
      hide,
      button(t("frame.look"), () => go("look"), { class: "button plain" }, icon("look")),
      button(t("frame.help"), () => go("help"), { class: "button plain", "aria-keyshortcuts": "F1" }, icon("help")),
    ),
  );
}

const chip = (picture, text) => make("li", { class: "chip" }, icon(picture), make("span", { text }));

/** Boards by name while there is room for that, otherwise how many are ready. */
function chips(status, t) {
  const boards = status?.boards ?? [];
  if (!boards.length) return [chip("off", t("board.none"))];
  const ready = boards.filter((board) => board.state === "ready").length;
  if (boards.length > CHIPS || status.limits === "stage") {
    return [chip(ready === boards.length ? "good" : "waits", t("board.some", { ready, n: boards.length }))];
  }
  return boards.map((board) =>
    make(
      "li",
      { class: `chip is-${board.state}` },
      icon({ ready: "good", quiet: "waits", unplugged: "off" }[board.state]),
      said(board.name, { class: "chip-name" }),
      make("span", { class: "chip-state", text: t(`board.${board.state}`) }),
    ),
  );
}

// ------------------------------------------------------------ foot

/** Pressed, not clicked: it acts when the finger comes down. The click of the same press is not a second asking. */
function stopButton(desk) {
  let pressed = -SAME_PRESS_MS;
  return button(
    desk.t("stop"),
    (event) => {
      if (event.detail && performance.now() - pressed < SAME_PRESS_MS) return;
      desk.acts.silence();
    },
    {
      class: "stop",
      "aria-keyshortcuts": "Escape",
      onpointerdown: (event) => {
        if (event.button) return;
        pressed = performance.now();
        desk.acts.silence();
      },
    },
    icon("stop"),
  );
}

/** Locks with a press; unlocks when it is held, by pointer or key. */
function lockButton(desk, on) {
  const { state, t } = desk;
  const text = make("span", {});
  let timer = 0;
  const end = () => {
    clearTimeout(timer);
    timer = 0;
    delete element.dataset.held;
  };
  const begin = () => {
    if (!state.get("locked") || timer) return;
    element.dataset.held = "true";
    timer = setTimeout(() => {
      end();
      unlocked = true;
      desk.acts.lock(false);
    }, HOLD_MS);
  };
  let unlocked = false; // the click that ends the holding does not lock again
  const key = (event) => event.key === "Enter" || event.key === " ";
  const element = make(
    "button",
    {
      type: "button",
      class: "button lock",
      onclick: () => {
        if (!state.get("locked") && !unlocked) desk.acts.lock(true);
        unlocked = false;
      },
      onpointerdown: (event) => {
        unlocked = false;
        if (!event.button) begin();
      },
      onpointerup: end,
      onpointerleave: end,
      onpointercancel: end,
      onblur: end,
      onkeydown: (event) => {
        if (!key(event) || (!state.get("locked") && !event.repeat)) return;
        event.preventDefault();
        if (!event.repeat) begin();
      },
      onkeyup: (event) => {
        if (!key(event)) return;
        if (timer || unlocked) event.preventDefault();
        unlocked = false;
        end();
      },
    },
    icon("lock"),
    text,
  );
  on("locked", (locked) => write(text, t(locked ? "lock.hold" : "lock.lock")));
  return element;
}
