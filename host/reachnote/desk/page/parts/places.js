/** Where the sound can go: every place as a switch, a few at a time. This page is on where its own sound is on as well. */

import { sound } from "../sound/sound.js";
import { button, make, said } from "./make.js";
import { icon } from "./shapes.js";

const MOST = 5;
const PICTURES = { page: "window", sound: "loud", virtual: "connect", port: "connect" };
const OTHERS = ["file", "osc", "raw"];

/**
 * The switches, and `look()` to ask for the places again; that is done by itself when the outputs of the session change.
 * @param {object} desk
 * @param {import("./watching.js").Watching} watching
 * @param {{most?: number, wanted?: (place: object) => boolean}} [how] at most so many at once, and which
 * @returns {{element: HTMLElement, look: () => void}}
 */
export function places(desk, watching, { most = MOST, wanted = () => true } = {}) {
  const { state, t, talk } = desk;
  const list = make("ul", { class: "places" }, make("li", { class: "quiet small", text: t("help.looking") }));
  const pages = make("div", { class: "pages" });
  const order = []; // of specs, as they came first: a switch stays where it is pressed
  let found = null;
  let page = 0;
  let busy = false;
  let shown = "";
  let late = sound.late;

  watching.on(state, "status", (status) => {
    const now = JSON.stringify(status?.outputs);
    if (status && now !== shown) look();
    shown = now;
  });
  sound.addEventListener("change", heard);
  watching.last(() => sound.removeEventListener("change", heard));
  return { element: make("div", { class: "places-part" }, list, pages), look };

  async function look() {
    take(await talk.ask("places"));
  }

  function take(reply) {
    if (reply.places) {
      order.push(...reply.places.map((place) => place.spec).filter((spec) => !order.includes(spec)));
      found = reply.places.filter(wanted).sort((a, b) => order.indexOf(a.spec) - order.indexOf(b.spec));
    }
    if (found) show();
    else if (!reply.gone) list.replaceChildren(make("li", { class: "quiet small", text: t("place.none") }));
  }

  function heard() {
    if (sound.late && !late) desk.say(t("page-sound.late"));
    late = sound.late;
    show();
  }

  function show() {
    if (!found) return;
    const focused = list.contains(document.activeElement) ? document.activeElement.dataset.spec : null;
    const each = found.length > most ? most - 1 : most;
    const count = Math.ceil(found.length / each);
    page = Math.min(page, Math.max(0, count - 1));
    const rows = found.slice(page * each, (page + 1) * each).map(row);
    list.replaceChildren(...rows.map((one) => make("li", {}, one)));
    if (focused !== null) (rows.find((one) => one.dataset.spec === focused) ?? rows[0])?.focus();
    pages.hidden = count < 2;
    pages.replaceChildren(...(count < 2 ? [] : turner(count)));
  }

  function turner(count) {
    const turn = (by, key) =>
      button(t(key), () => {
        page = (page + by + count) % count;
        show();
        pages.querySelector(`[data-does="${key}"]`).focus();
      }, { "data-does": key });
    return [turn(-1, "sound.back"), make("span", { class: "quiet", text: t("sound.page", { at: page + 1, of: count }) }), turn(1, "sound.more")];
  }

  function row(place) {
    const on = isOn(place);
    return make(
      "button",
      { type: "button", class: "place", role: "switch", "aria-checked": String(on), "data-spec": place.spec, onclick: (event) => set(place, !on, event.currentTarget) },
      icon(PICTURES[place.kind] ?? "arrow"),
      make(
        "span",
        { class: "place-text" },
        make("strong", {}, place.kind === "port" ? said(place.name) : make("span", { text: called(place) })),
        place.kind !== "port" && make("small", { text: says(place) }),
      ),
      make("span", { class: "place-state", "aria-hidden": "true" }, icon(on ? "good" : "empty"), make("span", { text: t(on ? "place.on" : "place.off") })),
    );
  }

  function called(place) {
    return place.kind === "port" ? place.name : t(`place.${known(place)}`);
  }

  function says(place) {
    if (place.kind !== "page" || !isOn(place)) return t(`place.${known(place)}.says`);
    return t(sound.late ? "page-sound.late" : sound.state === "on" ? "page-sound.on" : "page-sound.waiting");
  }

  async function set(place, on, pressed) {
    if (busy) return;
    busy = true;
    pressed.setAttribute("aria-busy", "true");
    const put = (value) => async () => {
      if (place.kind === "page") value ? sound.turnOn() : sound.turnOff(); // now: browsers allow it only while somebody presses
      if (place.kind === "page" && place.on) return { ok: true }; // other windows may sound as well
      return talk.ask("place", { spec: place.spec, on: value });
    };
    const reply = await put(on)();
    busy = false;
    if (reply.ok) desk.undo.push({ text: t("place.step"), undo: put(!on), redo: put(on) });
    pressed.removeAttribute("aria-busy");
    desk.say(reply.ok ? t(on ? "place.begun" : "place.ended", { place: called(place) }) : reply.text || t("said.unheard"));
    take(reply);
  }
}

const isOn = ({ kind, on }) => on && (kind !== "page" || sound.on);

/** What a place is called in the catalogue. */
function known({ kind, spec }) {
  if (kind !== "other") return kind;
  const scheme = String(spec).split(":")[0];
  return OTHERS.includes(scheme) ? scheme : "other";
}
