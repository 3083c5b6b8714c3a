/** The end of a session: how long, what was played, and a place for words that nobody keeps. */

import { chart, table } from "../parts/chart.js";
import { button, make } from "../parts/make.js";
import { icon } from "../parts/shapes.js";
import { shown } from "../words.js";
import { Watching } from "../parts/watching.js";

export const name = "finish";
export const title = "finish.title";

const EACH_MS = 5000;
const watching = new Watching();
let written = ""; // what was typed; it goes with the page

export function enter(root, desk) {
  const { t, log, talk } = desk;
  const head = make("div", { class: "finish-head sheet" });
  const picture = make("div", { class: "finish-chart sheet" });
  const box = make("textarea", { id: "finish-words", rows: 4, oninput: (event) => (written = event.target.value) });
  box.value = written;
  root.append(
    head,
    picture,
    make("div", { class: "finish-words" }, make("label", { for: "finish-words", text: t("finish.words") }), box, make("p", { class: "quiet small", text: t("finish.kept") })),
  );
  let before = "";
  watching.every(EACH_MS, show);

  function show() {
    const now = JSON.stringify([log.rows(Date.now()), log.since, log.ended]);
    if (now === before) return;
    before = now;
    head.replaceChildren(...sentences());
    const rows = log.rows(Date.now());
    picture.replaceChildren(...(log.notes ? [chart(rows, t), table(rows, t)] : [make("p", { class: "quiet", text: t("finish.no.notes") })]));
  }

  function sentences() {
    if (!log.since) {
      return [make("p", { class: "big", text: t("finish.none") }), button(t("finish.begin"), begin, { class: "button main" }, icon("reach"))];
    }
    const time = new Intl.DateTimeFormat(shown(), { hour: "2-digit", minute: "2-digit" });
    const minutes = t("finish.length", { n: log.length(Date.now()) });
    const said = log.ended ? t("finish.ended", { time: time.format(log.ended), minutes }) : t("finish.runs", { time: time.format(log.since), minutes });
    return [
      make(
        "div",
        {},
        make("p", { class: "big", text: said }),
        make("p", { class: "quiet", text: t("finish.played", { n: log.notes }) }),
        log.ended && make("p", { class: "quiet", text: t("finish.over") }),
      ),
      log.ended
        ? button(t("finish.begin"), begin, { class: "button main" }, icon("reach"))
        : button(t("finish.end"), end, { class: "button main" }, icon("finish")),
    ];
  }

  function begin() {
    log.begin(Date.now());
    talk.order("pause", { on: false });
    desk.go("connect");
  }

  async function end() {
    await talk.order("pause", { on: true }); // nothing sounds before the next session
    await talk.ask("client-play", { code: "" });
    if (desk.state.get("status")?.recording) await talk.ask("record", { path: "" });
    log.end(Date.now());
    show();
    head.querySelector("button")?.focus();
  }
}

export const leave = () => watching.end();
