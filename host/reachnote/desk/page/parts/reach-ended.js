/** After a dialogue: what was kept, and where to go on. */

import { button, make, write } from "./make.js";
import { resultOf } from "./reach-result.js";
import { strips } from "./reach-strips.js";
import { said, t } from "./reach-words.js";

const PLAYS = "It plays until the session ends. To keep it, choose a client first.";

/**
 * @param {object} reach the screen
 * @param {object} view the last that was told of the dialogue
 */
export function ended(reach, view) {
  const fits = Boolean(view.kept) || view.says === PLAYS || view.keep_stored;
  const kept = { text: reach.client ? t("reach.kept", { client: reach.client }) : t("reach.kept.hidden") };
  const { text, lang } = view.kept ? kept : said(view.says ?? "");
  const next = reach.next;
  const note = make("p", { class: "reach-note", role: "status" });
  const below = make("div", { class: "reach-below" });
  const on = () => (next ? reach.show(next) : reach.go("sound"));
  const again = () => reach.start("guided");
  const keys = fits
    ? [
        button(next ? t("reach.next.sensor", { sensor: next.name }) : t("reach.on"), on, { class: "button main" }),
        button(t("reach.key.easier"), () => reach.scale("easier"), {}),
        button(t("reach.key.harder"), () => reach.scale("harder"), {}),
        button(t("reach.key.sounded"), () => reach.sounded(), {}),
        button(t("reach.key.anew"), again, { class: "button plain" }),
        view.kept?.number > 1 && button(t("reach.undo"), () => reach.undo(), { class: "button plain" }),
      ]
    : [button(t("reach.back"), () => reach.show(reach.sensor), { class: "button main" })];
  return {
    name: "ended",
    element: make(
      "div",
      { class: "reach-part is-ended" },
      make("p", { class: "reach-sentence", text, lang: lang ?? null, role: "status" }),
      fits && !view.keep_stored ? resultOf(view) : null,
      note,
      make("div", { class: "reach-keys" }, ...keys),
      below,
    ),
    refused: (why) => write(note, why),
    sounded: (found) => below.replaceChildren(found.ok ? strips(found, t) : make("p", { text: found.text ?? "" })),
    acts: () =>
      fits
        ? { next: on, easier: () => reach.scale("easier"), harder: () => reach.scale("harder"), sounded: () => reach.sounded() }
        : { next: () => reach.show(reach.sensor) },
  };
}
