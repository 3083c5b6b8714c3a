/** What stands in the bar of trouble: made of news and status, gone as soon as its cause is. Pure. */

const STATUSES = ["no_target", "saturated", "stuck", "absent", "shorted", "noisy", "fault"];
const OF_SENSOR = ["waits", "long", "moved", "tired"];
const LASTING = ["gone", "quiet", "ready", "back", "sensor", "output", "problem", "guard", "unheard", "heard", "ended"];
const BACK = "The output is back.";

/**
 * One trouble. `key` names its sentences in the catalogue (`key.what`, `key.means`, `key.do`) and `values` what stands in
 * them; without a key `text` is said as the session said it. `urgent`: sound is out of hand.
 * @typedef {{id: string, key?: string, values?: object, text?: string, urgent?: boolean, act?: string}} Trouble
 */

export class Troubles {
  #found = new Map();
  #paused = false;
  #connection = null;

  /** @returns {Trouble[]} the most pressing first, then the latest */
  list() {
    const rest = [...this.#found.values()].reverse();
    const all = this.#connection ? [this.#connection, ...rest] : rest;
    return all.sort((a, b) => rank(b) - rank(a));
  }

  /** A line of news. */
  take(line) {
    const { news, board, sensor, text } = line;
    const place = `${board}/${sensor}`;
    if (news === "gone" || news === "quiet") this.#put({ id: `board:${board}`, key: `trouble.${news}`, values: { board } });
    else if (news === "ready" || news === "back") this.#boardBack(board);
    else if (news === "sensor") this.#sensor(line, place);
    else if (OF_SENSOR.includes(news)) this.#put({ id: `${news}:${place}`, key: `trouble.${news}`, values: { board, sensor } });
    else if (news === "output") text === BACK ? this.away(`output:${line.output}`) : this.#put({ id: `output:${line.output}`, key: "trouble.output" });
    else if (news === "problem") this.#put({ id: `problem:${line.link}`, text });
    else if (news === "board-error") this.#put({ id: `said:${board}`, text });
    else if (news === "record-failed") this.#put({ id: "record", text });
    else if (news === "recording") this.away("record");
    else if (news === "guard") this.guard(line);
    else if (news === "unheard") this.#put({ id: "nobody", key: "trouble.nobody" });
    else if (news === "heard") this.away("nobody");
    else if (news === "ended") this.#found.clear();
  }

  /** A line of news of some time ago: what was for that moment is over. */
  past(line) {
    if (LASTING.includes(line.news)) this.take(line);
  }

  /** Where the guard stands: *softer* and *stop* are shown until they are lifted. */
  guard({ softer, stopped }) {
    if (stopped) this.#put({ id: "guard", key: "trouble.stopped", act: "lift" });
    else if (softer) this.#put({ id: "guard", key: "trouble.softer", act: "lift" });
    else this.away("guard");
  }

  /** What the session says of its boards now: troubles of boards that are well are over. */
  status(status) {
    if (Boolean(status.paused) !== this.#paused) {
      this.#paused = Boolean(status.paused);
      if (this.#paused) this.#put({ id: "pause", key: "trouble.pause", act: "pause" });
      else this.away("pause");
    }
    for (const board of status.boards ?? []) {
      if (board.state === "ready") this.away(`board:${board.name}`);
      for (const sensor of board.sensors) {
        if (!STATUSES.includes(sensor.status)) this.away(`sensor:${board.name}/${sensor.name}`);
      }
    }
  }

  /** Does the desk hear the page (`open`), is a session there, or is the page one of an earlier start (`refused`)? */
  connection(open, there, refused = false) {
    if (open) this.#connection = there ? null : { id: "session", key: "trouble.session" };
    else this.#connection = refused ? { id: "earlier", key: "trouble.earlier" } : { id: "desk", key: "trouble.desk", urgent: true };
  }

  /** Silence was asked for and nobody heard it. */
  unheard() {
    this.#put({ id: "unheard", key: "trouble.unheard", urgent: true });
  }

  /** A trouble that this page itself knows of. @param {Trouble} trouble */
  put(trouble) {
    this.#put(trouble);
  }

  /** Put it away; true where it was there. */
  away(id) {
    return this.#found.delete(id);
  }

  #put(trouble) {
    this.#found.delete(trouble.id); // what happens again stands before what happened earlier
    this.#found.set(trouble.id, trouble);
  }

  #boardBack(board) {
    this.away(`board:${board}`);
    this.away(`said:${board}`);
    for (const id of [...this.#found.keys()]) if (id.startsWith("problem:")) this.away(id);
  }

  #sensor({ board, sensor, status, text }, place) {
    const id = `sensor:${place}`;
    if (STATUSES.includes(status)) this.#put({ id, key: `trouble.${status}`, values: { board, sensor } });
    else if (status === "ok" || status === "weak") this.away(id);
    else if (text && status !== "starting") this.#put({ id, text });
  }
}

// What somebody asked for waits behind what went wrong.
const rank = ({ id, urgent }) => (urgent ? 2 : id === "guard" || id === "pause" ? 0 : 1);
