/** The first screen: begin a session, or just play. */

import { make } from "../parts/make.js";
import { icon } from "../parts/shapes.js";
import { Watching } from "../parts/watching.js";

export const name = "today";
export const title = "today.title";

const watching = new Watching();

export function enter(root, desk) {
  const { state, t, go, log } = desk;
  const begin = (where) => {
    if (!log.running) {
      log.begin(Date.now());
      state.tell("log", log);
    }
    go(where);
  };
  const start = tile("start", "reach", "S", () => begin("connect"));
  const just = tile("play", "play", "J", async () => {
    await desk.talk.ask("client-play", { code: "" }); // where nobody was named, nothing has to be changed
    begin("play");
  });
  const tiles = make("div", { class: "tiles" }, start, just);
  tiles.addEventListener("keydown", ({ key }) => ({ s: start, j: just })[key.toLowerCase()]?.click());
  const more = make("p", { class: "quiet" });
  watching.on(state, "status", () => {
    const there = desk.sensors().filter((sensor) => sensor.state === "ready");
    more.textContent = there.length ? t("today.ready", { n: there.length }) : t("today.plug");
  });
  root.append(tiles, more, make("p", { class: "quiet small", text: t("today.stop") }));

  function tile(what, picture, key, act) {
    return make(
      "button",
      { type: "button", class: `tile ${what === "start" ? "main" : ""}`, onclick: act, "aria-keyshortcuts": key },
      icon(picture),
      make("span", { class: "tile-text" }, make("strong", { text: t(`today.${what}`) }), make("span", { text: t(`today.${what}.says`) })),
    );
  }
}

export const leave = () => watching.end();
