/** One dialogue as it goes: the sentence of the step, a ring for what is waited for, and its keys as buttons. */

import { button, make, write } from "./make.js";
import { ring } from "./reach-ring.js";
import { resultOf } from "./reach-result.js";
import { strips } from "./reach-strips.js";
import { said, t } from "./reach-words.js";

const HINTS = {
  next: "↵", try: "␣", back: "B", drop: "X", assist: "A", yes: "Y", no: "N",
  easier: "−", harder: "+", up: "↑", down: "↓", keep: "K", leave: "Q",
}; // prettier-ignore
const PLAIN = ["back", "leave"];

/** @param {object} reach the screen: press(key), start(mode), sounded(word), client */
export function course(reach) {
  const sentence = make("p", { class: "reach-sentence", "aria-live": "polite" });
  const note = make("p", { class: "reach-note", role: "status" });
  const time = ring();
  const keys = make("div", { class: "reach-keys", role: "group", "aria-label": t("reach.keys") });
  const result = make("div", { class: "reach-result" });
  const below = make("div", { class: "reach-below" });
  const head = make("div", { class: "reach-head" }, time.element, sentence);
  let shown = "";
  let found = "";
  let view = {};

  const acts = () => {
    const found = Object.fromEntries((view.keys ?? []).map(({ key }) => [key, () => reach.press(key)]));
    if (anew()) found.next = () => reach.start("guided");
    if (view.step === "try" || view.step === "result") found.sounded = () => reach.sounded();
    return found;
  };
  const anew = () => view.mode === "as last time" && view.step === "result" && !view.keep_stored;

  function drawKeys() {
    const now = JSON.stringify([view.step, view.mode, view.poor, view.keep_stored, view.keys]);
    if (now === shown) return;
    shown = now;
    const focused = keys.contains(document.activeElement) ? document.activeElement.dataset.does : null;
    const names = (view.keys ?? []).map(({ key }) => key);
    const made = (key) => one(labelOf(key, view), () => reach.press(key), key);
    const first = anew() ? one("anew", () => reach.start("guided"), "anew", "↵") : names.includes("next") && made("next");
    if (first) first.classList.add("main");
    const loud = names.filter((key) => !PLAIN.includes(key) && (key !== "next" || anew()));
    const more = acts().sounded ? one("sounded", () => reach.sounded(), "sounded", "W") : null;
    const quiet = names.filter((key) => PLAIN.includes(key));
    keys.replaceChildren(...[first, ...loud.map(made), more, ...quiet.map(made)].filter(Boolean));
    if (focused !== null || document.activeElement === document.body) {
      (keys.querySelector(`[data-does="${focused}"]`) ?? keys.querySelector(".main"))?.focus();
    }
  }

  const say = (element, { text, lang }) => {
    write(element, text);
    if (lang) element.lang = lang;
    else element.removeAttribute("lang");
  };

  const one = (label, act, key = label, hint = HINTS[key]) => {
    const quiet = PLAIN.includes(key) ? " plain" : "";
    const made = button(t(`reach.key.${label}`), act, { class: `button${quiet}`, "data-does": key });
    if (hint && !(anew() && key === "next")) made.append(make("kbd", { "aria-hidden": "true", text: hint }));
    return made;
  };

  return {
    name: "course",
    element: make("div", { class: "reach-part" }, head, note, result, keys, below),
    show(now) {
      view = now;
      const ends = view.step === "result";
      const [first, ...further] = view.sentences ?? [];
      const plain = view.poor || view.mode === "as last time"; // then it would be too much to say that it plays
      say(sentence, !ends ? { text: t(`reach.step.${view.step}`) } : plain ? said(first ?? "") : { text: t("reach.found") });
      time.element.toggleAttribute("hidden", ends);
      time.show(view.progress);
      say(note, view.away ? { text: t("reach.away", { board: view.board }) } : view.note ? said(view.note) : { text: "" });
      const told = JSON.stringify([ends, view.sentences, view.factor]);
      if (told !== found) result.replaceChildren(...(ends ? [resultOf(plain ? { ...view, sentences: further } : view)] : []));
      found = told;
      drawKeys();
    },
    refused(text) {
      write(note, text);
    },
    sounded(found) {
      below.replaceChildren(found.ok ? strips(found, t) : make("p", { text: found.text ?? "" }));
    },
    acts,
  };
}

function labelOf(key, { step, poor, mode, keep_stored: same }) {
  if (step !== "result") return key;
  if (key === "back") return "once";
  if (key !== "next") return key;
  if (mode === "as last time") return same ? "done" : "last";
  return poor ? "again" : "hold";
}
