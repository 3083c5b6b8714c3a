/** From lines of the socket to what the page knows. */

const ASK_MS = 2000;
const SOON_MS = 60;
const AWAKE = 0.05;
const POINTER = "page:"; // the link of a pointer

/**
 * Keep `desk.state`: "there", "open", "status", "figures", "levels", "sounding" (place -> keys), "moved" and "noted" (when a
 * sensor moved and a note began last); tell "news", "note", "gesture", "readings" and "sent" on.
 * @returns {{status: (line: object) => void}} takes a reply to `status`
 */
export function follow(desk, troubles, changed) {
  const { talk, state, log } = desk;
  const sounding = new Map();
  const pointers = new Pointers();
  let open = false;
  let there = null; // until the desk says so
  let soon = 0;
  let known = false;

  const connection = () => {
    troubles.connection(open, there !== false, talk.refused);
    state.set("there", open && there === true);
    changed();
  };
  const nothingSounds = () => {
    sounding.clear();
    state.set("sounding", sounding);
    state.set("levels", {});
  };
  const ask = async () => {
    soon = 0;
    if (!open || !there) return;
    const reply = await talk.ask("status");
    if (reply.ok) status(reply);
  };
  const status = (line) => {
    if (!line.ok || !line.status) return;
    if (!known) for (const news of line.news ?? []) troubles.past(news);
    known = true;
    troubles.status(line.status);
    if (line.figures?.guard) troubles.guard(line.figures.guard);
    state.set("figures", line.figures ?? {});
    state.set("status", { ...line.status, boards: pointers.but(line.status.boards ?? []) });
    changed();
  };

  talk.on("open", (now) => {
    open = now;
    there = null;
    if (!now) nothingSounds();
    state.set("open", now);
    connection();
  });
  talk.on("session", (line) => {
    there = line.there;
    known = false;
    if (!there) {
      nothingSounds();
      state.set("status", undefined);
    }
    connection();
  });
  talk.on("status", status);
  talk.on("levels", ({ levels }) => {
    state.set("levels", levels);
    pointers.levels(levels);
    for (const place in levels) if (levels[place] > AWAKE) state.set("moved", performance.now());
  });
  talk.on("note", (line) => {
    count(sounding, line);
    if (line.note === "on") {
      log.note(Date.now());
      state.set("noted", performance.now());
      if (troubles.away(`waits:${line.sensor}`)) changed();
    } else if (troubles.away(`long:${line.sensor}`)) {
      changed();
    }
    state.set("sounding", sounding);
    state.tell("note", line);
  });
  talk.on("figures", (line) => {
    state.set("figures", line);
    if (line.guard) troubles.guard(line.guard);
    changed();
  });
  talk.on("news", (line) => {
    troubles.take(line);
    state.tell("news", line);
    soon ||= setTimeout(ask, SOON_MS);
    changed();
  });
  for (const kind of ["gesture", "readings", "sent"]) talk.on(kind, (line) => state.tell(kind, line));
  setInterval(() => document.hidden || ask(), ASK_MS);
  return { status };
}

/** Boards that are the pointer of a page: beside boards that are plugged in they are shown from their first movement on. */
class Pointers {
  #names = new Set();
  #moved = new Set();

  levels(levels) {
    for (const name of this.#names) {
      if (!this.#moved.has(name) && Object.keys(levels).some((place) => levels[place] > 0 && place.startsWith(`${name}/`))) this.#moved.add(name);
    }
  }

  but(boards) {
    for (const { name, link } of boards) if (link === POINTER) this.#names.add(name);
    const plugged = boards.some(({ name }) => !this.#names.has(name));
    return plugged ? boards.filter(({ name, state }) => !this.#names.has(name) || (this.#moved.has(name) && state !== "unplugged")) : boards;
  }
}

/** Whose note ended may not be known: then the first that sounds it. */
function count(sounding, { note, sensor, key }) {
  const keys = sounding.get(sensor) ?? [];
  if (note === "on") {
    sounding.set(sensor, [...keys, key]);
    return;
  }
  const where = keys.includes(key) ? sensor : [...sounding.keys()].find((other) => sounding.get(other).includes(key));
  if (where === undefined) return;
  const left = [...sounding.get(where)];
  left.splice(left.indexOf(key), 1);
  if (left.length) sounding.set(where, left);
  else sounding.delete(where);
}

/**
 * Every sensor of the session: `place` as the feed says it, `name` as short as can be told apart, `number` for its shape.
 * @returns {{place: string, name: string, board: string, number: number, kind: string, state: string, status: string}[]}
 */
export function sensors(state) {
  const all = (state.get("status")?.boards ?? []).flatMap((board) =>
    board.sensors.map((sensor) => ({ board: board.name, state: board.state, ...sensor, place: `${board.name}/${sensor.name}` })),
  );
  const named = (name) => all.filter((sensor) => sensor.name === name).length;
  return all.map((sensor) => ({ ...sensor, name: named(sensor.name) > 1 ? `${sensor.board}, ${sensor.name}` : sensor.name }));
}

