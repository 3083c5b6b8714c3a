/** The screens by name, in the order of the rail; each is fetched when it is needed first. */

import * as connect from "./screens/connect.js";
import * as finish from "./screens/finish.js";
import * as help from "./screens/help.js";
import * as look from "./screens/look.js";
import * as play from "./screens/play.js";
import * as sound from "./screens/sound.js";
import * as today from "./screens/today.js";

const of = (module) => module.default ?? module;
const ready = (screen) => async () => of(screen);

export const screens = {
  today: ready(today),
  connect: ready(connect),
  client: async () => of(await import("./screens/client.js")),
  reach: async () => of(await import("./screens/reach.js")),
  sound: ready(sound),
  play: ready(play),
  finish: ready(finish),
  help: ready(help),
  look: ready(look),
  musician: async () => of(await import("./screens/musician.js")),
};

/** What stands in the rail. */
export const RAIL = ["today", "connect", "client", "reach", "sound", "play", "finish"];
