/** A musician's help: what to switch on in a music program, one control to be learned, and what is being sent. */

import { make } from "../parts/make.js";
import { places } from "../parts/places.js";
import { programs } from "../parts/programs.js";
import { sentList } from "../parts/sent-list.js";
import { tabs } from "../parts/tabs.js";
import { teach } from "../parts/teach.js";
import { Watching } from "../parts/watching.js";

export const name = "musician";
export const title = "musician.title";

const watching = new Watching();

export function enter(root, desk) {
  const { t } = desk;
  const port = places(desk, watching, { wanted: ({ kind }) => kind === "virtual" });
  const control = teach(desk, watching);
  const cards = make("div", { class: "musician-panel" }, ...programs(desk));
  const teaching = make("div", { class: "musician-panel teach sheet" }, ...control.parts);
  const all = [
    { text: t("musician.programs"), panel: cards },
    { text: t("musician.teach"), panel: teaching },
  ];
  const ended = () => control.end(t("musician.teach.ended")); // only where something was being taught
  root.append(
    make("div", { class: "wide-part" }, make("div", { class: "musician-head" }, tabs(t("musician.title"), all, ended), port.element), cards, teaching),
    sentList(desk, watching),
  );
}

export const leave = () => watching.end();
