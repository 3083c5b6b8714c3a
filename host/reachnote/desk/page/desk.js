/**
 * The page begins here: the frame, the store, the keys; and screens, one at a time.
 *
 * A screen is `{name, title, enter(root, desk), leave()}`. `desk` has `talk`, `state`, `go(name)`, `t(key, values)`,
 * `say(text)`, `undo`, `log` (what was played), `trouble(trouble)` and `sensors()`.
 */

import { frame } from "./frame.js";
import { kept, keep } from "./kept.js";
import { listen } from "./keys.js";
import { name as nameNotes } from "./notes.js";
import { Playlog } from "./playlog.js";
import { screens } from "./screens.js";
import { sound } from "./sound/sound.js";
import { State } from "./state.js";
import { follow, sensors } from "./store.js";
import { Talk } from "./talk.js";
import { Troubles } from "./trouble.js";
import { Undo } from "./undo.js";
import { load, t } from "./words.js";

const TWICE_MS = 2000;
const FIRST = "today";

const talk = new Talk();
const state = new State();
const troubles = new Troubles();
const log = new Playlog();
const desk = { talk, state, t, log, go, say, trouble, silence, undo: new Undo(), sensors: () => sensors(state) };

let parts = null; // of the frame
let present = null; // the screen that is shown
let coming = ""; // the one that was asked for last
let silenced = 0;

// ------------------------------------------------------------ screens

/** Go to a screen. @param {string} name */
function go(name) {
  if (location.hash === `#${name}`) show(name);
  else location.hash = name;
}

async function show(name) {
  const wanted = state.get("locked") ? "play" : name in screens ? name : FIRST;
  coming = wanted;
  const screen = await screens[wanted]().catch(() => null);
  if (coming !== wanted) return; // another one was asked for meanwhile
  if (!screen) {
    say(t("frame.not.here"));
    return;
  }
  present?.leave?.();
  present = screen;
  parts.present(wanted, t(screen.title));
  screen.enter(parts.root, desk);
  state.set("screen", wanted);
}

/**
 * Say something politely: it is read aloud and stays for a moment.
 * @param {string} text
 * @param {string} [language] where it is another one than the page's: what the session says is English
 */
function say(text, language) {
  parts?.say(text, language);
}

/** Show a trouble, or take one away with `trouble({id, over: true})`. */
function trouble(thing) {
  if (thing.over) troubles.away(thing.id);
  else troubles.put(thing);
  parts?.troubles(troubles.list());
}

// ------------------------------------------------------------ what the whole page does

/** Every note ends, now. Asked for again within two seconds, synths are reset as well. */
async function silence() {
  const now = performance.now();
  const twice = now - silenced < TWICE_MS;
  silenced = now;
  sound.end();
  const reply = await talk.ask("silence", { twice });
  if (reply.ok) {
    troubles.away("unheard");
    say(t(twice ? "said.silence.twice" : "said.silence"));
  } else {
    troubles.unheard();
  }
  parts.troubles(troubles.list());
}

/** A pause begins, or is over. */
async function pause() {
  const on = !state.get("status")?.paused;
  if (on) sound.end();
  if (await order("pause", { on }, t(on ? "said.pause" : "said.pause.over"))) await checkQuietly();
}

async function order(what, more, text) {
  const reply = await talk.order(what, more);
  if (reply.text && !reply.ok) say(reply.text, "en-GB");
  else say(reply.ok ? text : t("said.unheard"));
  return reply.ok;
}

async function checkQuietly() {
  const reply = await talk.ask("status");
  if (reply.ok) talkStatus(reply);
}

async function checkAgain() {
  await checkQuietly();
  const ready = sensors(state).filter((sensor) => sensor.state === "ready");
  const boards = new Set(ready.map((sensor) => sensor.board)).size;
  say(t("said.checked", { n: boards }));
}

function back(way) {
  const text = desk.undo[way]();
  say(text ? t(`said.${way}`, { what: text }) : t(`said.${way}.none`));
}

async function mark() {
  log.mark(Date.now());
  await order("pedal", { action: "mark" }, t("said.mark"));
}

const acts = {
  silence,
  pause,
  help: () => go("help"),
  check: checkAgain,
  undo: () => back("undo"),
  redo: () => back("redo"),
  easier: () => order("easier", {}, t("said.easier")),
  harder: () => order("harder", {}, t("said.harder")),
  next: () => order("pedal", { action: "next-scene" }, t("said.next")),
  lift: () => order("pedal", { action: "lift" }, t("said.lift")),
  mark,
  hide: () => state.set("hidden", !state.get("hidden")),
  lock: (on) => {
    state.set("locked", on);
    if (on) go("play");
    say(t(on ? "said.locked" : "said.unlocked"));
  },
  screen: (number) => go(["connect", "client", "reach", "sound", "play"][number - 1]),
};
desk.acts = acts;

// ------------------------------------------------------------ begin

const { status: talkStatus } = follow(desk, troubles, () => parts?.troubles(troubles.list()));

state.on("news", ({ news, board }) => news === "ready" && say(t("said.ready", { board })));
state.on("news", ({ news }) => news === "mark" && state.set("marked", Date.now())); // by whoever marked it

/** Words and names of notes as they were chosen; then draw the frame anew. */
async function dress() {
  const asked = new URLSearchParams(location.search).get("words");
  await load(asked ?? (kept("language") || navigator.language.split("-")[0]));
  nameNotes(kept("notes"));
  parts?.remove();
  parts = frame(desk, troubles);
  parts.troubles(troubles.list());
}

desk.dress = async () => {
  await dress();
  await show(location.hash.slice(1));
};

await dress();
log.restore(kept("session", sessionStorage));
addEventListener("pagehide", () => keep("session", log.kept(), sessionStorage));
addEventListener("hashchange", () => show(location.hash.slice(1)));
listen(acts, () => ({ letters: kept("letters") !== "off", locked: Boolean(state.get("locked")) }));
talk.start();
await show(location.hash.slice(1));
