/** To play together: a huge bar for every sensor, and what a therapist does meanwhile. */

import "../parts/bars.js";
import { button, make, write } from "../parts/make.js";
import { Pad } from "../parts/pad.js";
import { icon } from "../parts/shapes.js";
import { Watching } from "../parts/watching.js";

export const name = "play";
export const title = "play.title";

const watching = new Watching();

export function enter(root, desk) {
  const { state, t, acts } = desk;
  const bars = document.createElement("reach-bars");
  bars.t = t;
  const scene = make("p", { class: "play-scene", translate: "no", lang: "en-GB" });
  const empty = make("p", { class: "play-empty", text: t("play.empty"), hidden: true });
  const record = button("", () => recording(desk), { class: "button main locks" }, icon("record"));
  const said = record.lastChild;
  const surface = make("div", { class: "stage" }, scene, bars, empty);
  const pad = new Pad(bars, desk.talk);
  const pointer = button(t("play.pointer"), byPointer, { class: "button wide locks", "aria-pressed": "false" }, icon("pointer"));
  root.append(
    surface,
    make(
      "div",
      { class: "play-acts", role: "group", "aria-label": t("play.acts") },
      act("pause", acts.pause, "Space"),
      act("next", acts.next, null),
      act("easier", acts.easier, "-", "locks"),
      act("harder", acts.harder, "+", "locks"),
      act("mark", acts.mark, "M", "locks"),
      record,
      pointer,
    ),
  );
  watching.on(state, "status", (status) => {
    const shown = desk.sensors().filter((sensor) => sensor.state !== "unplugged");
    bars.show(shown);
    empty.hidden = shown.length > 0;
    write(scene, status?.music?.scene ?? "");
    write(said, t(status?.recording ? "play.record.stop" : "play.record"));
    record.setAttribute("aria-pressed", String(Boolean(status?.recording)));
  });
  watching.on(state, "levels", (levels) => bars.levels(levels ?? {}));
  watching.on(state, "sounding", (sounding) => bars.sounding(sounding ?? new Map()));
  watching.last(() => pad.end());
  awake();

  async function byPointer() {
    const plays = pointer.getAttribute("aria-pressed") === "true";
    const refused = plays ? pad.end() : await pad.begin();
    if (refused) {
      desk.say(refused.trim() || t("said.unheard"));
      return;
    }
    pointer.setAttribute("aria-pressed", String(!plays));
    bars.dataset.pad = String(!plays);
    desk.say(t(plays ? "said.pointer.off" : "said.pointer"));
  }

  function act(what, fn, key, more = "") {
    return button(t(`play.${what}`), fn, { class: `button main ${more}`, "aria-keyshortcuts": key }, icon(what));
  }
}

export const leave = () => watching.end();

async function recording({ state, talk, say, t }) {
  const runs = Boolean(state.get("status")?.recording);
  const stamp = new Date(Date.now() - new Date().getTimezoneOffset() * 60000).toISOString().slice(0, 19).replace("T", "-").replaceAll(":", "");
  const reply = await talk.ask("record", { path: runs ? "" : `session-${stamp}.jsonl` });
  say(reply.ok ? t(runs ? "said.recorded" : "said.recording") : reply.text || t("said.unheard"));
}

/** The screen does not go dark while this is shown; where a browser cannot do that, nothing is lost. */
function awake() {
  let lock = null;
  let over = false;
  const ask = async () => {
    if (document.hidden || over || (lock && !lock.released)) return;
    try {
      lock = await navigator.wakeLock?.request("screen");
      if (over) lock?.release();
    } catch {
      lock = null; // on battery, or not allowed
    }
  };
  document.addEventListener("visibilitychange", ask);
  watching.last(() => {
    over = true;
    document.removeEventListener("visibilitychange", ask);
    lock?.release();
  });
  ask();
}
