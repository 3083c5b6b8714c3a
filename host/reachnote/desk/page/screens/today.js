/** The first screen: begin a session, or just play. */

import { kept } from "../kept.js";
import { make } from "../parts/make.js";
import { icon } from "../parts/shapes.js";
import { Watching } from "../parts/watching.js";
import { sound } from "../sound/sound.js";

export const name = "today";
export const title = "today.title";

const watching = new Watching();

export function enter(root, desk) {
  const { state, t, go, log } = desk;
  const letters = kept("letters") !== "off";
  const begin = (where) => {
    if (!log.running) {
      log.begin(Date.now());
      state.tell("log", log);
    }
    if (state.get("status")?.paused) desk.talk.order("pause", { on: false });
    go(where);
  };
  const start = tile("start", "reach", "S", () => begin("connect"));
  const just = tile("play", "play", "J", async () => {
    if (onlyHere(state.get("status"))) sound.turnOn();
    await desk.talk.ask("client-play", { code: "" }); // where nobody was named, nothing has to be changed
    begin("play");
  });
  const tiles = make("div", { class: "tiles" }, start, just);
  const key = (event) => {
    const elsewhere = event.target !== document.body && !event.target.closest?.("main"); // the rail, or Stop sound
    if (!letters || elsewhere || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    ({ s: start, j: just })[event.key.toLowerCase()]?.click();
  };
  document.addEventListener("keydown", key);
  watching.last(() => document.removeEventListener("keydown", key));
  const more = make("p", { class: "quiet" });
  watching.on(state, "status", () => {
    const there = desk.sensors().filter((sensor) => sensor.state === "ready");
    more.textContent = there.length ? t("today.ready", { n: there.length }) : t("today.plug");
  });
  root.append(tiles, more, make("p", { class: "quiet small", text: t("today.stop") }));

  function tile(what, picture, key, act) {
    return make(
      "button",
      { type: "button", class: `tile ${what === "start" ? "main" : ""}`, onclick: act, "aria-keyshortcuts": letters && key },
      icon(picture),
      make("span", { class: "tile-text" }, make("strong", { text: t(`today.${what}`) }), make("span", { text: t(`today.${what}.says`) })),
      letters && make("kbd", { "aria-hidden": "true", translate: "no", text: key }),
    );
  }
}

export const leave = () => watching.end();

/** Nobody would hear it but for this page. */
function onlyHere(status) {
  const specs = (status?.outputs ?? []).map(({ spec }) => spec);
  return specs.includes("page:") && !specs.some((spec) => spec.startsWith("sound:"));
}
