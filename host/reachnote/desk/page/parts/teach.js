/** Teach one control: everything else is silent while one controller sweeps, until a music program has learned it. */

import { button, draw, make, write } from "./make.js";
import { icon } from "./shapes.js";

const AGAIN_MS = 2000; // the session sweeps for 5 s, unless it is asked again
const FULL = 127;
const WIDE = 400;

const same = (a, b) => Boolean(a && b && a.channel === b.channel && a.controller === b.controller);

/**
 * @param {object} desk
 * @param {import("./watching.js").Watching} watching
 * @returns {{parts: HTMLElement[], end: () => void}} `end` is for when it is hidden
 */
export function teach(desk, watching) {
  const { state, t, talk, go } = desk;
  const choose = make("select", { id: "teach-control", onchange: () => (taught ? begin() : show()) });
  const big = make("p", { class: "teach-big" });
  const level = draw("rect", { class: "teach-level", x: 0, y: 0, width: 0, height: 16 });
  const act = button("", () => (taught ? end(t("musician.teach.ended")) : begin()), { class: "button main" });
  const none = make(
    "div",
    { class: "teach-none" },
    make("p", { text: t("musician.teach.none") }),
    button(t("musician.teach.sound"), () => go("sound"), {}, icon("sound")),
  );
  const some = make(
    "div",
    { class: "teach-some" },
    make("div", {}, make("label", { for: "teach-control", text: t("musician.teach.choose") }), make("div", { class: "row" }, choose, act)),
    big,
    draw(
      "svg",
      { viewBox: `0 0 ${WIDE} 16`, class: "teach-sweep", "aria-hidden": "true", focusable: "false", preserveAspectRatio: "none" },
      draw("rect", { class: "teach-ground", x: 0, y: 0, width: WIDE, height: 16 }),
      level,
    ),
  );
  const steps = make("ol", {}, ...[1, 2, 3].map((n) => make("li", { text: t(`musician.teach.${n}`) })));
  let controls = []; // what can be taught: channel, controller
  let known = "";
  let taught = null;
  let timer = 0;

  watching.on(state, "status", (status) => {
    const sensors = desk.sensors().filter((sensor) => sensor.controls?.length);
    const now = JSON.stringify([status && true, sensors.map((sensor) => [sensor.name, sensor.channel, sensor.controls])]);
    if (now === known) return;
    known = now;
    fill(sensors);
  });
  watching.hear(state, "sent", ({ sent }) => {
    const one = taught && sent.find(([channel, what, number]) => what === "control" && channel === taught.channel && number === taught.controller);
    if (one) level.setAttribute("width", String((one[3] / FULL) * WIDE));
  });
  watching.hear(state, "open", (open) => open || end());
  const listen = (target, kind, fn) => {
    target.addEventListener(kind, fn);
    watching.last(() => target.removeEventListener(kind, fn));
  };
  listen(document, "keydown", (event) => event.key === "Escape" && end());
  for (const kind of ["pointerdown", "click"]) listen(document, kind, (event) => event.target.closest?.(".stop") && end());
  listen(document, "visibilitychange", () => document.hidden && end());
  listen(window, "pagehide", () => end());
  watching.last(() => end());
  return { parts: [steps, some, none], end };

  function fill(sensors) {
    const before = controls[choose.value];
    controls = sensors.flatMap((sensor) => sensor.controls.map((controller) => ({ channel: sensor.channel, controller })));
    let at = 0;
    const groups = sensors.map((sensor) =>
      make(
        "optgroup",
        { label: sensor.name },
        ...sensor.controls.map((controller) => make("option", { value: at++, text: t("musician.teach.control", { sensor: sensor.name, controller }) })),
      ),
    );
    choose.replaceChildren(...groups);
    choose.value = String(Math.max(0, controls.findIndex((one) => same(one, before))));
    none.hidden = controls.length > 0;
    some.hidden = controls.length === 0;
    if (taught && !controls.some((one) => same(one, taught))) end();
    show();
  }

  function show() {
    const one = taught ?? controls[choose.value];
    if (one) write(big, t("musician.teach.big", one));
    write(act.querySelector("span"), t(taught ? "musician.teach.end" : "musician.teach.begin"));
    some.dataset.on = String(Boolean(taught));
    if (!taught) level.setAttribute("width", "0");
  }

  async function begin() {
    const one = controls[choose.value];
    if (!one) return;
    clearInterval(timer);
    taught = one;
    timer = setInterval(again, AGAIN_MS);
    show();
    if (await sweep(one)) desk.say(t("musician.teach.on"));
  }

  async function sweep(one) {
    const reply = await talk.order("teach", one);
    if (reply.ok || taught !== one) return reply.ok;
    over();
    desk.say(reply.text || t("said.unheard"));
    return false;
  }

  /** A silence from anywhere ends it: then it is not begun again. */
  async function again() {
    const one = taught;
    const reply = await talk.ask("status");
    if (taught !== one) return;
    if (same(reply.status?.teaching, one)) sweep(one);
    else over();
  }

  function over() {
    clearInterval(timer);
    taught = null;
    show();
  }

  /** What was asked for a moment ago may still be on its way, so the end is asked for after it. */
  function end(text) {
    if (!taught) return;
    over();
    talk.order("teach");
    if (text) desk.say(text);
  }
}
