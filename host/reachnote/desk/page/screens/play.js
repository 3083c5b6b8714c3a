/** To play together: a huge bar for every sensor, and what a therapist does meanwhile. */

import "../parts/bars.js";
import { button, make, write } from "../parts/make.js";
import { Pad } from "../parts/pad.js";
import { Scanning, scanStep } from "../parts/scanning.js";
import { icon } from "../parts/shapes.js";
import { Watching } from "../parts/watching.js";

export const name = "play";
export const title = "play.title";

const MOST_S = 60; // a moment lasts no longer
const USUAL_S = 20;
const LEAST_S = 5; // whoever marks a moment has just heard it
const watching = new Watching();

export function enter(root, desk) {
  const { state, t, talk, acts } = desk;
  const bars = document.createElement("reach-bars");
  bars.t = t;
  const scene = make("p", { class: "play-scene", translate: "no", lang: "en-GB" });
  const empty = make("p", { class: "play-empty", text: t("play.empty"), hidden: true });
  const record = button("", () => recording(desk), { class: "button main locks" }, icon("record"));
  const said = record.lastChild;
  const framed = make("p", { class: "scan-now", role: "status" });
  const surface = make("div", { class: "stage" }, make("div", { class: "stage-head" }, scene, framed), bars, empty);
  const pad = new Pad(bars, desk.talk);
  const pointer = button(t("play.pointer"), byPointer, { class: "button main locks", "aria-pressed": "false" }, icon("pointer"));
  const scanned = [
    act("pause", acts.pause, "Space"),
    act("next", acts.next, null),
    act("easier", acts.easier, "-", "locks"),
    act("harder", acts.harder, "+", "locks"),
    act("mark", acts.mark, "M", "locks"),
  ];
  const group = make(
    "div",
    { class: "play-acts", role: "group", "aria-label": t("play.acts") },
    ...scanned,
    act("moment", moment, "R", "locks", "again"),
    record,
    pointer,
  );
  root.append(surface, group);
  watching.on(state, "status", (status) => {
    const shown = desk.sensors();
    bars.show(shown);
    empty.hidden = shown.length > 0;
    write(scene, status?.music?.scene ?? "");
    write(said, t(status?.recording ? "play.record.stop" : "play.record"));
    record.setAttribute("aria-pressed", String(Boolean(status?.recording)));
    const paused = Boolean(status?.paused);
    if (scanned[0].ariaPressed !== String(paused)) scanned[0].firstChild.replaceWith(icon(paused ? "go" : "pause"));
    write(scanned[0].lastChild, t(paused ? "play.pause.over" : "play.pause"));
    scanned[0].setAttribute("aria-pressed", String(paused));
  });
  watching.on(state, "levels", (levels) => bars.levels(levels ?? {}));
  watching.on(state, "sounding", (sounding) => bars.sounding(sounding ?? new Map()));
  watching.last(() => pad.end());
  acts.moment = moment;
  watching.last(() => delete acts.moment);
  scan();
  awake();

  async function moment() {
    const since = Math.ceil((Date.now() - (state.get("marked") ?? 0)) / 1000);
    const reply = await talk.order("moment", { seconds: since > MOST_S ? USUAL_S : Math.max(LEAST_S, since) });
    if (reply.text && !reply.ok) desk.say(reply.text, "en-GB");
    else desk.say(t(reply.ok ? "said.moment" : "said.unheard"));
  }

  // One switch for what is done while playing, where somebody chose that in Look.
  function scan() {
    if (!scanStep()) return;
    const scanning = new Scanning({
      targets: () => [document.querySelector(".stop"), ...scanned],
      surface,
      own: group,
      framed: (text) => write(framed, text),
      ended: () => desk.say(t("said.scan.over")),
    });
    acts.scan = (event) => scanning.key(event);
    watching.last(() => {
      delete acts.scan;
      scanning.end();
    });
    scanning.begin(scanStep());
  }

  async function byPointer() {
    const plays = pointer.getAttribute("aria-pressed") === "true";
    const refused = plays ? pad.end() : await pad.begin();
    if (refused) {
      desk.say(refused.trim() || t("said.unheard"));
      return;
    }
    pointer.setAttribute("aria-pressed", String(!plays));
    played(!plays);
    desk.say(t(plays ? "said.pointer.off" : "said.pointer"));
  }

  // A switch box that acts as a keyboard presses what has the focus.
  function played(on) {
    bars.dataset.pad = String(on);
    const facts = { tabindex: "0", role: "group", "aria-label": t("play.pad") };
    for (const [name, value] of Object.entries(facts)) on ? bars.setAttribute(name, value) : bars.removeAttribute(name);
    if (on) bars.focus();
  }

  function act(what, fn, key, more = "", picture = what) {
    return button(t(`play.${what}`), fn, { class: `button main ${more}`, "aria-keyshortcuts": key }, icon(picture));
  }
}

export const leave = () => watching.end();

async function recording({ state, talk, say, t }) {
  const runs = Boolean(state.get("status")?.recording);
  const reply = await (runs ? talk.ask("record", { path: "" }) : talk.ask("record-begin"));
  if (reply.text && !reply.ok) say(reply.text, "en-GB");
  else if (!reply.ok) say(t("said.unheard"));
  else say(runs ? t("said.recorded") : t("said.recording", { folder: reply.folder }));
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
